"""The JSON schema that a chat's answers follow, checked while it is written."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import shiboken6
from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.base.errors import StillroomError
from app.chat.prompting.answer_schema import EXAMPLE, check_schema
from app.ui.base.theme import CODE_FAMILIES
from app.ui.widgets.card import button, label, set_look
from app.ui.widgets.notices import translated
from app.ui.widgets.text_field import TextField

WIDTH_PX, HEIGHT_PX = 600, 520
CHECK_MS = 200

LONG_SCHEMA = 2000
"""Characters; a longer one may take half a second, and is checked beside the window's thread."""


class SchemaDialog(QDialog):
    """`chosen` carries a schema that can be used, or an empty text for free answers. GUI thread."""

    chosen = Signal(str)

    def __init__(
        self, schema: str, start: Callable[[Coroutine[Any, Any, Any]], object], parent: QWidget
    ) -> None:
        """`start` runs a coroutine on the window's loop."""
        super().__init__(parent)
        self._start = start
        self.setWindowTitle(self.tr("Structured answers"))
        self.resize(WIDTH_PX, HEIGHT_PX)
        self._field = TextField(schema)
        self._field.setProperty("look", "field")
        self._field.setAccessibleName(self.tr("JSON schema"))
        font = QFont(self._field.font())
        font.setFamilies(CODE_FAMILIES)
        self._field.setFont(font)
        self._field.setTabChangesFocus(True)
        self._field.setPlaceholderText(EXAMPLE)
        self._verdict = label("", "muted", wrap=True, selectable=True)
        self._timer = QTimer(self, singleShot=True, interval=CHECK_MS)
        self._timer.timeout.connect(self._check)
        self._field.textChanged.connect(self._timer.start)
        example = button(self.tr("Insert an example"), "quiet")
        example.clicked.connect(lambda: self._field.setPlainText(EXAMPLE))
        free = button(self.tr("Free answers"))
        free.clicked.connect(lambda: self._choose(""))
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        self._use = button(self.tr("Use it"), "primary")
        self._use.setDefault(True)
        self._use.clicked.connect(self._on_use)
        foot = QHBoxLayout()
        foot.addWidget(example)
        foot.addStretch(1)
        for made in (free, cancel, self._use):
            foot.addWidget(made)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(
            label(
                self.tr(
                    "Answers of this chat are JSON in the form that this schema describes, for "
                    "programs to read. The thinking before them stays free."
                ),
                "muted",
                wrap=True,
            )
        )
        layout.addWidget(self._field, 1)
        layout.addWidget(self._verdict)
        layout.addLayout(foot)
        self._check()

    @property
    def verdict(self) -> str:
        """The shown verdict on the schema."""
        return self._verdict.text()

    def set_text(self, schema: str) -> None:
        """Write a schema into the field."""
        self._field.setPlainText(schema)
        self._check()

    @property
    def _text(self) -> str:
        return self._field.toPlainText().strip()

    def _check(self) -> None:
        self._timer.stop()
        text = self._text
        if len(text) <= LONG_SCHEMA:
            self._show(text, _problem_of(text))
            return
        self._use.setEnabled(False)
        set_look(self._verdict, "muted")
        self._verdict.setText(self.tr("The schema is being checked…"))
        self._start(self._check_long(text))

    async def _check_long(self, text: str) -> None:
        problem = await asyncio.to_thread(_problem_of, text)
        if shiboken6.isValid(self) and text == self._text:
            self._show(text, problem)

    def _show(self, text: str, problem: StillroomError | None) -> None:
        self._use.setEnabled(bool(text) and problem is None)
        set_look(self._verdict, "danger" if problem is not None else "good" if text else "muted")
        if problem is not None:
            self._verdict.setText(translated(problem)[0])
        elif text:
            self._verdict.setText(self.tr("The schema can be used."))
        else:
            self._verdict.setText(self.tr("Write a schema, or insert an example."))

    def _on_use(self) -> None:
        # What was written since the last check is checked first.
        if self._timer.isActive():
            self._check()
        if self._use.isEnabled():
            self._choose(self._text)

    def _choose(self, schema: str) -> None:
        self.chosen.emit(schema)
        self.accept()


def _problem_of(text: str) -> StillroomError | None:
    """Return the error that makes a schema unusable, None without one; any thread."""
    try:
        if text:
            check_schema(text)
    except StillroomError as error:
        return error
    return None
