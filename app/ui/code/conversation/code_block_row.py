"""A code block of a reply in the Code tab: its verdict, and the ways to use it."""

from dataclasses import dataclass
from typing import Literal

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.code.ask import Excerpt
from app.code.check import SyntaxReport
from app.code.extract import CodeBlock
from app.code.kept_conversation import KeptBlock
from app.code.program_tests import TESTABLE
from app.code.runtimes import RUNNABLE
from app.ui.base import shortcuts
from app.ui.base.add_action import with_keys
from app.ui.base.plain_text import set_tip
from app.ui.reply.code_verdict import error_sentence, unchecked_sentence
from app.ui.widgets.card import button, label, set_look
from app.ui.widgets.flow_row import FlowRow

Way = Literal["replace", "insert", "run", "tests"]


@dataclass(frozen=True, slots=True)
class CodeUse:
    """A request to use a block: to show it as a change in place of the selection or at the cursor, to run it,
    or to take it as the tests. `excerpt` is the place that the question was about."""

    row: "BlockRow"
    code: str
    language: str
    excerpt: Excerpt
    way: Way


class BlockRow(QWidget):
    """Checks nothing and runs nothing by itself. GUI thread only."""

    used = Signal(object)
    changed = Signal()
    """Something else is known about the block."""

    def __init__(self, block: CodeBlock, language: str, name: str, excerpt: Excerpt) -> None:
        super().__init__()
        self.block = block
        self.language = language
        self._name = name
        self._excerpt = excerpt
        self._known = KeptBlock()
        self.verdict = label(self.tr("Checking the syntax…"), "small", wrap=True, selectable=True)
        self.outcome = label("", "small", wrap=True, selectable=True)
        self.outcome.hide()
        self.replace = button(
            self.tr("Show changes"),
            tip=with_keys(self.tr("Show as changes in the text"), shortcuts.CODE_AS_CHANGES),
        )
        self.insert = button(
            self.tr("Insert"),
            tip=with_keys(self.tr("Show as an insertion at the cursor"), shortcuts.INSERT_CODE),
        )
        self.run = button(
            self.tr("Run"), tip=self.tr("Run this code in the sandbox, with the tests if there are any")
        )
        self.as_tests = button(self.tr("Use as tests"), tip=self.tr("Put this into the Tests page"))
        self.run.setVisible(language in RUNNABLE)
        self.as_tests.setVisible(language in TESTABLE and _looks_like_tests(block.code))
        buttons = FlowRow()
        for made, way in (
            (self.replace, "replace"),
            (self.insert, "insert"),
            (self.run, "run"),
            (self.as_tests, "tests"),
        ):
            # A click leaves the focus where somebody types.
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.clicked.connect(lambda _checked=False, way=way: self._use(way))
            buttons.add(made)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(6)
        layout.addWidget(self.verdict)
        layout.addWidget(self.outcome)
        layout.addLayout(buttons)

    @property
    def known(self) -> KeptBlock:
        """The findings about the block."""
        return self._known

    def show_known(self, known: KeptBlock) -> None:
        """Say what was found out about the block in an earlier run of the program."""
        if known.report is not None:
            self.show_report(known.report)
        if known.outcome:
            self.show_outcome(known.outcome, ok=known.outcome_ok)

    def show_report(self, report: SyntaxReport) -> None:
        """Say what the checker found, or honestly that nothing was checked."""
        self._know(report=report)
        match report.verdict:
            case "ok":
                set_look(self.verdict, "good")
                sentence = self.tr("✓ valid {rules}").format(rules=report.checker)
            case "error":
                set_look(self.verdict, "danger")
                sentence = f"✗ {error_sentence(report)}"
            case "unchecked":
                sentence = unchecked_sentence(report)
        self.verdict.setText(f"{self._name} · {sentence}" if self._name else sentence)
        doubts = [f"{line}: {message}" for line, message in report.warnings]
        set_tip(self.verdict, "\n".join([self.tr("Checked without running it."), *doubts]))

    def show_outcome(self, sentence: str, *, ok: bool) -> None:
        """Say what became of it when it was run."""
        self._know(outcome=sentence, outcome_ok=ok)
        set_look(self.outcome, "good" if ok else "danger")
        self.outcome.setText(f"✓ {sentence}" if ok else f"✗ {sentence}")
        self.outcome.show()

    def _know(self, **facts: object) -> None:
        self._known = msgspec.structs.replace(self._known, **facts)
        self.changed.emit()

    def _use(self, way: Way) -> None:
        self.used.emit(CodeUse(self, self.block.code, self.language, self._excerpt, way))


def _looks_like_tests(code: str) -> bool:
    return any(word in code for word in ("assert", "def test", "test(", "it(", "unittest"))
