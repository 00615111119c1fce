"""The card below the editor: run the program or its tests, see what comes of it, stop it."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QWidget

from app.base.errors import StillroomError
from app.code.answer_length import ShortestAnswers
from app.code.draft import DraftFile
from app.code.failure_line import failure_line, lacked_input
from app.code.languages import language_named
from app.code.program_tests import Trial
from app.code.programming_tasks import problem_of
from app.code.sandbox.limits import RunResult
from app.ui.base import shortcuts
from app.ui.base.add_action import allow, keys_text, with_keys
from app.ui.base.announce import announce
from app.ui.base.theme import Theme
from app.ui.code.editor.code_document import CodeDocument
from app.ui.code.editor.code_editor import CodeEditor
from app.ui.code.running.code_output import CodeOutput
from app.ui.code.running.code_run_words import (
    ending_sentence,
    lacking_input_hint,
    promise_sentence,
    trial_sentence,
)
from app.ui.code.running.code_runner import CodeRunner
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.collapsing_buttons import CollapsingButtons
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.notices import translated
from app.ui.widgets.push_buttons import ButtonRow
from app.ui.widgets.text_field import TextField

PROBLEM_CHARACTERS = 2000
RunPage = Literal["output", "tests", "input"]
RUN_PAGES: tuple[RunPage, ...] = ("output", "tests", "input")
_NO_FAULT = ("stopped", "failed")
"""Endings that say nothing about the program."""


class CodeRunCard(Card):
    """Runs on a click only. `program` gives the code and its language's key. GUI thread only.

    The tests are kept like the editor's text: `tests_document` is to be restored and closed with it.
    """

    fix_requested = Signal()
    left = Signal()
    """Nothing is to be typed here: back to the editor."""
    failed_at = Signal(int)
    """The line of the editor's program where a run failed, counted from 1."""

    def __init__(
        self,
        runner: CodeRunner,
        theme: Theme,
        program: Callable[[], tuple[str, str]],
        tests_path: Path,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, margin_px=0)
        self._runner = runner
        self._theme = theme
        self._program = program
        self._shortest = ShortestAnswers()
        self.problem = ""
        """The failure of the last run or test, for the model; empty when it went well."""
        self.output = CodeOutput(theme)
        self.output.setPlaceholderText(
            self.tr("Nothing has been run yet. Run ({keys}) starts the program above.").format(
                keys=keys_text(shortcuts.RUN)
            )
        )
        self.tests = CodeEditor(theme)
        self.tests.setAccessibleName(self.tr("Tests"))
        self.tests.setPlaceholderText(
            self.tr("Tests of the program: assertions, or functions whose names begin with test.")
        )
        self.tests_document = CodeDocument(self.tests, DraftFile(tests_path), self)
        self.input = TextField()
        self.run_button = button(
            self.tr("Run"), tip=with_keys(self.tr("Run the program in the sandbox"), shortcuts.RUN)
        )
        self.test_button = button(
            self.tr("Test"), tip=with_keys(self.tr("Run the tests in the sandbox"), shortcuts.RUN_TESTS)
        )
        self.stop_button = button(self.tr("Stop"), tip=with_keys(self.tr("Stop the program"), shortcuts.STOP))
        self.fix_button = button(self.tr("Fix it"), "primary")
        self._started_by = self.run_button
        self._closed = self._runs = False
        """What runs now is this card's."""
        self.verdict = ElidedLabel("small")
        self._pages = QStackedWidget()
        self._page_buttons = ButtonRow(self)
        self._lay_out()
        self.stop_button.clicked.connect(runner.stop)
        self.fix_button.clicked.connect(self._on_fix_clicked)
        self._page_buttons.idClicked.connect(lambda index: self._go_to_page(RUN_PAGES[index]))
        runner.output.connect(self._on_output)
        runner.running_changed.connect(self._on_running_changed)
        theme.changed.connect(self._draw_icons)
        self._on_running_changed(False)
        self._draw_icons()

    def close_card(self) -> None:
        """End the program where it is this card's; the widgets are about to go."""
        self._closed = True
        if self._runs:
            self._runner.stop()

    async def run(self) -> None:
        """Run the program in the editor; what goes wrong is shown here."""
        code, language = self._program()
        result = await self.run_code(code, language)
        if result is not None and self.problem and code == self._program()[0]:
            self.failed_at.emit(failure_line(result.output))

    async def run_code(self, code: str, language: str) -> RunResult | None:
        """Run `code`, with what is typed as its input; None when it could not be run."""
        if self._runner.running or not code.strip():
            return None
        self._begin(self.tr("Running…"))
        try:
            result = await self._runner.run(code, language, self.input.toPlainText())
        except StillroomError as error:
            self._refuse(error)
            return None
        finally:
            self._runs = False
        if self._closed:
            return None
        self.problem = _problem(result)
        if not result.ok and lacked_input(result.output):
            self.output.add(f"\n{lacking_input_hint()}\n")
        self._end(ending_sentence(result, self._runner.limits), ok=result.ok)
        return result

    async def test(self) -> None:
        """Run the tests on the program in the editor; without tests, go to where they are written."""
        if not self.tests.text().strip():
            self.show_page("tests")
            self.tests.setFocus()
            return
        code, language = self._program()
        await self.test_code(code, language)

    async def test_code(self, code: str, language: str) -> tuple[Trial, str] | None:
        """Run the tests on `code`: what came of it, in words too; None when they could not run."""
        if self._runner.running:
            return None
        self._begin(self.tr("Testing…"))
        tests = self.tests.text()
        try:
            trial = await self._runner.test(code, tests, language)
        except StillroomError as error:
            self._refuse(error)
            return None
        finally:
            self._runs = False
        if self._closed:
            return None
        for outcome in trial.outcomes:
            mark = "✗" if outcome.error else "✓"
            self.output.add(f"{mark} {outcome.name}\n", is_error=bool(outcome.error))
            if outcome.error:
                self.output.add(f"    {outcome.error}\n")
        if trial.output:
            self.output.add(f"\n{trial.output}\n")
        self.problem = "" if trial.result.ending in _NO_FAULT else problem_of(trial)
        sentence = trial_sentence(trial, self._shortest.passed(tests, code) if trial.ok else None)
        self._end(sentence, ok=trial.ok)
        return trial, sentence

    def show_page(self, page: RunPage) -> None:
        """Bring a page to the front."""
        index = RUN_PAGES.index(page)
        self._pages.setCurrentIndex(index)
        self._page_buttons.button(index).setChecked(True)
        if page == "tests" and not self.tests.text():
            self.tests.set_language(language_named(self._program()[1]) or self.tests.language)

    def _go_to_page(self, page: RunPage) -> None:
        leaves = self._pages.isAncestorOf(self.focusWidget()) if self.focusWidget() else False
        self.show_page(page)
        match page:
            case "tests":
                self.tests.setFocus()
            case "input":
                self.input.setFocus()
            case "output" if leaves:
                self.left.emit()

    def take_tests(self, code: str, language: str) -> None:
        """Put tests into their page, below those that are there, as one undo step."""
        present = self.tests.text().rstrip("\n")
        self.tests.set_language(language_named(language) or self.tests.language)
        self.tests.change_text(f"{present}\n\n\n{code}\n" if present.strip() else f"{code}\n")
        self.show_page("tests")
        self.tests.setFocus()

    def _on_fix_clicked(self) -> None:
        if self.fix_button.hasFocus():
            # It is off while the rounds go on.
            self.left.emit()
        self.fix_requested.emit()

    def _refuse(self, error: StillroomError) -> None:
        if self._closed:
            return
        sentence, hint = translated(error)
        self.problem = ""
        self._end(sentence, ok=False)
        self.output.add(hint)

    def _begin(self, sentence: str) -> None:
        self._runs = True
        self.show_page("output")
        self.output.clear()
        self.output.setPlaceholderText("")
        self._say(sentence, "small")

    def _end(self, sentence: str, *, ok: bool) -> None:
        self.output.setPlaceholderText(self.tr("The program has written nothing."))
        self._say(sentence, "good" if ok else "danger")
        self.fix_button.setVisible(bool(self.problem))
        announce(self, sentence)

    def _on_output(self, text: str, is_error: bool) -> None:
        if self._runs and not self._closed:
            self.output.add(text, is_error=is_error)

    def _say(self, text: str, look: str) -> None:
        if self.fix_button.hasFocus():
            self.left.emit()
        set_look(self.verdict, look)
        self.verdict.setText(text)
        self._end_row.setVisible(bool(text))
        self.fix_button.hide()

    def _on_running_changed(self, running: bool) -> None:
        if self._closed:
            return
        mine = running and self._runs
        had_focus = [
            made for made in (self.run_button, self.test_button, self.stop_button) if made.hasFocus()
        ]
        # Shown before the others are hidden, so that the focus has somewhere to go.
        if mine:
            self.stop_button.show()
        for made in (self.run_button, self.test_button):
            made.setVisible(not mine)
            allow(made, self.tr("A program is running") if running else "")
        if had_focus:
            (self.stop_button if mine else self._started_by).setFocus()
        self.stop_button.setVisible(mine)
        self._started_by = had_focus[0] if mine and had_focus else self.run_button
        self.fix_button.setEnabled(not running)

    def _lay_out(self) -> None:
        head_row = QWidget()
        head = QHBoxLayout(head_row)
        head.setContentsMargins(8, 8, 8, 4)
        head.setSpacing(8)
        self.output.setViewportMargins(16, 4, 8, 4)
        self.input.setProperty("look", "bare")
        self.input.setAccessibleName(self.tr("Input of the program"))
        self.input.setPlaceholderText(self.tr("What the program reads from its standard input."))
        self.input.setViewportMargins(16, 4, 8, 4)
        self.input.setTabChangesFocus(True)
        self.input.document().setDocumentMargin(0)
        pages: tuple[tuple[str, QWidget], ...] = (
            (self.tr("Output"), self.output),
            (self.tr("Tests"), self.tests),
            (self.tr("Input"), self.input),
        )
        for number, (text, _) in enumerate(pages):
            made = button(text, "quiet")
            made.setCheckable(True)
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.setChecked(number == 0)
            self._page_buttons.addButton(made, number)
            head.addWidget(made)
        head.addStretch()
        actions: list[QPushButton] = [self.test_button, self.run_button, self.stop_button]
        for made in actions:
            # A click leaves the focus in the editor.
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            head.addWidget(made)
        self.body.setSpacing(0)
        self.body.setContentsMargins(1, 1, 1, 1)
        CollapsingButtons(head_row, actions)
        self.body.addWidget(head_row)
        self.body.addWidget(self._pages, 1)
        for _, page in pages:
            self._pages.addWidget(page)
        self._end_row = QWidget()
        end = QHBoxLayout(self._end_row)
        end.setContentsMargins(16, 4, 8, 4)
        end.setSpacing(8)
        end.addWidget(self.verdict, 1)
        end.addWidget(self.fix_button)
        self.fix_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._end_row.hide()
        self.fix_button.hide()
        self.body.addWidget(self._end_row)
        foot = label(promise_sentence(self._runner.limits), "small", wrap=True)
        foot.setContentsMargins(16, 2, 16, 8)
        self.body.addWidget(foot)

    def _draw_icons(self) -> None:
        self.run_button.setIcon(self._theme.icon("play", "text"))
        self.test_button.setIcon(self._theme.icon("check", "text"))
        self.stop_button.setIcon(self._theme.icon("stop", "text"))
        self.fix_button.setIcon(self._theme.icon("wrench", "on_accent"))
        self._theme.set_code_font(self.input)


def _problem(result: RunResult) -> str:
    """Return the end of the program's output, and how it ended, for the model to start from; empty where the
    program is not to blame."""
    if result.ok or result.ending in _NO_FAULT:
        return ""
    how = (
        f"exit code {result.exit_code}"
        if result.ending == "exit"
        else f"ended at the limit of {result.ending}"
    )
    return f"{result.output.strip()[-PROBLEM_CHARACTERS:]}\n({how})".strip()
