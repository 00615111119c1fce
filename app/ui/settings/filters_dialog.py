"""The input filter: its rules, and a box to try them."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.base.errors import StillroomError
from app.filters.filter_file import FilterFile, FilterFileError
from app.filters.rule import FilterRule
from app.filters.shipped import shipped_rules
from app.ui.base import shortcuts
from app.ui.base.add_action import add_action, with_keys
from app.ui.base.bridge import Bridge
from app.ui.base.resource_words import rule_words
from app.ui.base.slices import Stepped
from app.ui.base.theme import Theme
from app.ui.settings.filter_rule_form import FilterRuleForm
from app.ui.settings.filter_rule_table import FilterRuleTable
from app.ui.settings.filter_trial import FilterTrial
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.notices import error_text
from app.ui.widgets.scrolled_page import ScrolledDialog, ScrolledPage

KEEP_AFTER_MS = 300


class FiltersDialog(ScrolledDialog, Stepped):
    """Changes apply at once, to the next message. GUI thread."""

    def __init__(
        self,
        filters: FilterFile,
        theme: Theme,
        bridge: Bridge,
        parent: QWidget | None = None,
        *,
        in_steps: bool = False,
    ) -> None:
        """`in_steps` it is made by `making`."""
        super().__init__(parent)
        self._filters = filters
        self._theme = theme
        self._bridge = bridge
        self._jobs: set[asyncio.Task[Any]] = set()
        self._undo: Callable[[], None] | None = None
        self._after_reading: list[Callable[[], None]] | None = []
        """Hold the acts asked for before the rules are here; None from then on."""
        self._is_closed = False
        self._is_refused = False
        """The disk has refused the newest rules, and that is said."""
        self.setWindowTitle(self.tr("Input filter"))
        self.resize(960, 720)
        self.said = label("", "muted", wrap=True)
        self.undo_button = button(self.tr("Undo"))
        self.undo_button.clicked.connect(self._on_undo)
        self.repair = button(self.tr("Start again with the shipped rules"))
        self.repair.clicked.connect(self._on_repair)
        self._keep_timer = QTimer(self, singleShot=True, interval=KEEP_AFTER_MS)
        self._keep_timer.timeout.connect(self._keep)
        self._begin_making(self._make(), in_steps=in_steps)

    def _make(self) -> Iterator[None]:
        yield from self._lay_out()
        self.table.changed.connect(self._keep)
        self.table.chosen.connect(self._on_chosen)
        self.form.edited.connect(self._on_edited)
        add_action(self, self.tr("Move the rule up"), shortcuts.RULE_UP, lambda: self.table.move_selected(-1))
        add_action(
            self, self.tr("Move the rule down"), shortcuts.RULE_DOWN, lambda: self.table.move_selected(1)
        )
        self._theme.changed.connect(self._draw_icons)
        self._draw_icons()
        self._say("")
        yield
        self._start(self._read())

    def done(self, result: int) -> None:
        """Keep what was just typed, and close."""
        self._is_closed = True
        if self._keep_timer.isActive():
            self._keep_timer.stop()
            self._keep()
        self.trial.close_down()
        super().done(result)

    def _lay_out(self) -> Iterator[None]:
        explanation = label(
            self.tr(
                "All that you send passes these rules, from the top to the bottom: chats, code, the "
                "command “stillroom chat” and the local API. They find secrets of a known form, such "
                "as keys and card numbers. They do not find every secret, and no list of phrases stops "
                "a text that tries to take over the model (prompt injection)."
            ),
            "muted",
            wrap=True,
        )
        self.add = button(self.tr("Add"))
        self.add.clicked.connect(self._on_add)
        self.delete = button(self.tr("Delete"))
        self.delete.clicked.connect(self._on_delete)
        self.up = button("", "quiet", name=with_keys(self.tr("Move the rule up"), shortcuts.RULE_UP))
        self.up.clicked.connect(lambda: self.table.move_selected(-1))
        self.down = button("", "quiet", name=with_keys(self.tr("Move the rule down"), shortcuts.RULE_DOWN))
        self.down.clicked.connect(lambda: self.table.move_selected(1))
        self.restore = button(self.tr("Bring back shipped rules"), "quiet")
        self.restore.clicked.connect(self._on_restore)
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(16)
        body.addWidget(explanation)
        columns = QHBoxLayout()
        body.addLayout(columns, 1)
        columns.setSpacing(16)
        left = QVBoxLayout()
        columns.addLayout(left, 5)
        left.setSpacing(8)
        self.table: FilterRuleTable = FilterRuleTable(self)
        left.addWidget(self.table, 1)
        buttons = QHBoxLayout()
        left.addLayout(buttons)
        buttons.setSpacing(8)
        for made in (self.add, self.delete, self.up, self.down):
            buttons.addWidget(made)
        buttons.addStretch(1)
        buttons.addWidget(self.restore)
        yield
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        columns.addWidget(scroll, 6)
        page = ScrolledPage(scroll.viewport())
        scroll.setWidget(page)
        right = QVBoxLayout(page)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(12)
        rule_card, trial_card = Card(page), Card(page)
        right.addWidget(rule_card)
        right.addWidget(trial_card)
        right.addStretch(1)
        rule_card.body.addWidget(label(self.tr("RULE"), "caption"))
        yield
        self.form: FilterRuleForm = FilterRuleForm(rule_card)
        rule_card.body.addWidget(self.form)
        yield
        trial_card.body.addWidget(label(self.tr("TRY IT"), "caption"))
        self.trial: FilterTrial = FilterTrial(self._theme, self._start, trial_card)
        trial_card.body.addWidget(self.trial)
        yield
        foot = QHBoxLayout()
        body.addLayout(foot)
        foot.setSpacing(8)
        foot.addWidget(self.said, 1)
        foot.addWidget(self.undo_button)
        foot.addWidget(self.repair)
        close = button(self.tr("Close"))
        close.clicked.connect(self.accept)
        foot.addWidget(close)

    def _start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = self._bridge.start(work)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return task

    async def _read(self) -> None:
        try:
            rules = await asyncio.to_thread(lambda: self._filters.rules)
        except FilterFileError as error:
            self._after_reading = []
            self.table.show_rules([])
            for widget in (self.table, self.add, self.restore):
                widget.setEnabled(False)
            self._say(error_text(error), look_bad=True, repairs=True)
            return
        for widget in (self.table, self.add, self.restore):
            widget.setEnabled(True)
        self.table.show_rules(rules)
        self.trial.use_rules(rules)
        pressed, self._after_reading = self._after_reading, None
        for press in pressed or ():
            press()

    def _keep(self) -> None:
        rules = self.table.rules
        try:
            written = self._filters.change(rules)
        except StillroomError as error:
            self._say(error_text(error), look_bad=True)
            return
        self.trial.use_rules(rules)
        written.add_done_callback(self._bridge.wrap(self._on_written))

    def _on_written(self, written: "Future[None]") -> None:
        error = written.exception()
        if error is not None and (self._is_closed or not isinstance(error, StillroomError)):
            # The window tells it.
            raise error
        if isinstance(error, StillroomError):
            self._say(error_text(error), look_bad=True, undo=self._undo)
        elif self._is_refused and not self._is_closed:
            self._say("", undo=self._undo)
        self._is_refused = error is not None

    def _on_chosen(self, rule: FilterRule | None) -> None:
        self.form.show_rule(rule)
        for made in (self.delete, self.up, self.down):
            made.setEnabled(rule is not None)

    def _on_edited(self, rule: FilterRule) -> None:
        self.table.put(rule)
        self._keep_timer.start()

    def _on_add(self) -> None:
        if self._after_reading is not None:
            self._after_reading.append(self._on_add)
            return
        rules = self.table.rules
        made = FilterRule(
            id=f"own-{secrets.token_hex(4)}",
            name=self.tr("New rule"),
            pattern="secret",
            ignore_case=True,
            on=False,
        )
        row = self.table.selected_row + 1
        self.table.show_rules([*rules[:row], made, *rules[row:]], row)
        self._keep()
        self.form.name.setFocus()
        self.form.name.selectAll()

    def _on_delete(self) -> None:
        rules, row = self.table.rules, self.table.selected_row
        if row < 0:
            return
        gone = rules[row]
        self.table.show_rules(rules[:row] + rules[row + 1 :], row)
        self._keep()

        def put_back() -> None:
            present = self.table.rules
            at = min(row, len(present))
            self.table.show_rules([*present[:at], gone, *present[at:]], at)
            self._keep()

        self._say(self.tr("“{rule}” is deleted.").format(rule=rule_words(gone.name)), undo=put_back)

    def _on_restore(self) -> None:
        if self._after_reading is not None:
            self._after_reading.append(self._on_restore)
            return
        rules = self.table.rules
        known = {rule.id for rule in rules}
        missing = [rule for rule in shipped_rules() if rule.id not in known]
        if not missing:
            self._say(self.tr("All shipped rules are in the list."))
            return
        self.table.show_rules([*rules, *missing], len(rules))
        self._keep()
        self._say(self.tr("Shipped rules that are back, switched off: {count}.").format(count=len(missing)))

    def _on_undo(self) -> None:
        undo, self._undo = self._undo, None
        self._say("")
        if undo is not None:
            undo()

    def _on_repair(self) -> None:
        self.repair.setEnabled(False)
        self._start(self._repair())

    async def _repair(self) -> None:
        try:
            aside = await asyncio.to_thread(self._filters.set_aside)
        except OSError as error:
            self._say(
                self.tr("The file could not be renamed: {reason}.").format(reason=error.strerror),
                look_bad=True,
                repairs=True,
            )
            return
        finally:
            self.repair.setEnabled(True)
        await self._read()
        self._say(self.tr("The old file is kept as {path}.").format(path=str(aside)))

    def _say(
        self,
        text: str,
        *,
        look_bad: bool = False,
        undo: Callable[[], None] | None = None,
        repairs: bool = False,
    ) -> None:
        self._undo = undo
        self.said.setText(text)
        set_look(self.said, "danger" if look_bad else "muted")
        self.undo_button.setVisible(undo is not None)
        self.repair.setVisible(repairs)

    def _draw_icons(self) -> None:
        self.up.setIcon(self._theme.icon("arrow-up"))
        self.down.setIcon(self._theme.icon("arrow-down"))
