"""A box to try the input filter: what would happen with a text, while it is typed."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QCheckBox, QTextEdit, QVBoxLayout, QWidget

from app.filters.input_filter import InputFilter
from app.filters.rule import FilterRule
from app.filters.verdict import Hit, Verdict
from app.ui.base.resource_words import rule_words
from app.ui.base.theme import Theme
from app.ui.widgets.card import label, set_look
from app.ui.widgets.text_field import TextField

WAIT_MS = 150
FIELD_PX = 80


class StartsWork(Protocol):
    """A function that runs a coroutine of the window."""

    def __call__(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Begin it."""


class FilterTrial(QWidget):
    """Checks on a thread of its own, so that a slow expression never holds the window. GUI thread."""

    def __init__(self, theme: Theme, start: StartsWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._start = start
        self._rules: list[FilterRule] = []
        self._running: asyncio.Task[Any] | None = None
        self.field = TextField()
        self.field.setProperty("look", "field")
        self.field.setFixedHeight(FIELD_PX)
        self.field.setTabChangesFocus(True)
        self.field.setAccessibleName(self.tr("Text to try the rules with"))
        self.field.setPlaceholderText(self.tr("Type or paste a text to see what the rules make of it."))
        self.all_rules = QCheckBox(self.tr("Try the rules that are off, too"))
        self.result = label("", wrap=True, selectable=True)
        self.sent = label("", "muted", wrap=True, selectable=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self.all_rules)
        column.addWidget(self.result)
        column.addWidget(self.sent)
        self._timer = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._timer.timeout.connect(self._begin)
        self.field.textChanged.connect(self._timer.start)
        self.all_rules.toggled.connect(self._timer.start)
        theme.changed.connect(self._timer.start)
        self._show(None)

    def use_rules(self, rules: Sequence[FilterRule]) -> None:
        """Try with these from now on."""
        self._rules = list(rules)
        self._timer.start()

    def close_down(self) -> None:
        """Begin nothing more."""
        self._timer.stop()
        if self._running is not None:
            self._running.cancel()

    def _begin(self) -> None:
        if self._running is not None and not self._running.done():
            # The one that runs is of an older text: look again when it is done.
            self._timer.start()
            return
        self._running = self._start(self._check())

    async def _check(self) -> None:
        text, rules = self.field.toPlainText(), self._rules
        if self.all_rules.isChecked():
            rules = [msgspec.structs.replace(rule, on=True) for rule in rules]
        if not text:
            self._show(None)
            return
        # Compiling the expressions takes long, too.
        verdict = await asyncio.to_thread(lambda: InputFilter(rules).check(text))
        if self.field.toPlainText() == text:
            self._show(verdict)

    def _show(self, verdict: Verdict | None) -> None:
        self._mark(verdict)
        self.sent.hide()
        if verdict is None:
            set_look(self.result, "muted")
            self.result.setText(self.tr("Nothing of this leaves the window."))
            return
        blocked = verdict.blocked_by
        if blocked is not None:
            set_look(self.result, "danger")
        else:
            set_look(self.result, "warning" if verdict.hits else "good")
        lines = [self._line(hit) for hit in verdict.hits]
        if blocked is not None:
            lines.append(self.tr("The message would not be sent."))
        elif not verdict.hits:
            lines.append(self.tr("No rule finds anything. The message would be sent as it is."))
        self.result.setText("\n".join(lines))
        if blocked is None and verdict.text != verdict.original:
            self.sent.setText(self.tr("This would be sent:\n{text}").format(text=verdict.text))
            self.sent.show()

    def _line(self, hit: Hit) -> str:
        if hit.unfinished:
            return self.tr("“{rule}” did not finish in time.").format(rule=rule_words(hit.rule))
        texts = {
            "block": self.tr("“{rule}” blocks: {count} found."),
            "redact": self.tr("“{rule}” takes out: {count} found."),
            "flag": self.tr("“{rule}” flags: {count} found."),
        }
        return texts[hit.action].format(rule=rule_words(hit.rule), count=f"{hit.count:,}")

    def _mark(self, verdict: Verdict | None) -> None:
        """Colour what was found in the field."""
        marks = []
        for hit in verdict.hits if verdict is not None else ():
            look = QTextCharFormat()
            colours = self._theme.colours
            colour = QColor(colours.danger if hit.action == "block" else colours.warning)
            colour.setAlpha(70)
            look.setBackground(colour)
            for start, end in hit.spans:
                assert verdict is not None
                mark = QTextEdit.ExtraSelection()
                cursor = QTextCursor(self.field.document())
                # Qt counts in UTF-16 units.
                cursor.setPosition(_units(verdict.original[:start]))
                cursor.setPosition(_units(verdict.original[:end]), QTextCursor.MoveMode.KeepAnchor)
                mark.cursor = cursor
                mark.format = look
                marks.append(mark)
        self.field.setExtraSelections(marks)


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)
