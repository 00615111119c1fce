"""The card below the editor: run the program, see what it writes, stop it."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.code.sandbox.limits import RunResult
from app.errors import StillroomError
from app.ui.tabs.code_run_words import ending_sentence, promise_sentence
from app.ui.tabs.code_runner import CodeRunner
from app.ui.theme import Theme
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.code_output import CodeOutput
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.notices import translated


class CodeRunCard(Card):
    """Runs on a click only. `program` gives the code and its language's key. GUI thread only."""

    def __init__(
        self,
        runner: CodeRunner,
        theme: Theme,
        program: Callable[[], tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, margin_px=0)
        self._runner = runner
        self._theme = theme
        self._program = program
        self.output = CodeOutput(theme)
        self.output.setPlaceholderText(
            self.tr("Nothing has been run yet. Run (F5) starts the program above.")
        )
        self.run_button = button(self.tr("Run"), tip=self.tr("Run the program in the sandbox (F5)"))
        self.stop_button = button(self.tr("Stop"), "quiet", tip=self.tr("Stop the program (Esc)"))
        self.verdict = ElidedLabel("small")
        self._lay_out()
        self.stop_button.clicked.connect(runner.stop)
        runner.output.connect(lambda text, is_error: self.output.add(text, is_error=is_error))
        runner.running_changed.connect(self._on_running_changed)
        theme.changed.connect(self._draw_icons)
        self._on_running_changed(False)
        self._draw_icons()

    async def run(self) -> None:
        """Run the program in the editor; what goes wrong is shown here."""
        code, language = self._program()
        if self._runner.running or not code.strip():
            return
        self.output.clear()
        self._say(self.tr("Running…"), "small")
        try:
            result = await self._runner.run(code, language)
        except StillroomError as error:
            self._say(translated(error)[0], "danger")
            self.output.add("\n".join(translated(error)))
            return
        self._show(result)

    def _show(self, result: RunResult) -> None:
        self._say(ending_sentence(result, self._runner.limits), "good" if result.ok else "danger")

    def _say(self, text: str, look: str) -> None:
        set_look(self.verdict, look)
        self.verdict.setText(text)

    def _on_running_changed(self, running: bool) -> None:
        self.run_button.setEnabled(not running)
        self.stop_button.setEnabled(running)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(14, 8, 10, 4)
        head.setSpacing(8)
        head.addWidget(label(self.tr("OUTPUT"), "caption"))
        head.addWidget(self.verdict, 1)
        self.verdict.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for made in (self.run_button, self.stop_button):
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            head.addWidget(made)
        self.body.setSpacing(0)
        self.body.setContentsMargins(1, 1, 1, 1)
        self.body.addLayout(head)
        self.body.addWidget(self.output, 1)
        self.output.setViewportMargins(14, 0, 8, 4)
        foot = label(promise_sentence(self._runner.limits), "small")
        foot.setContentsMargins(14, 2, 14, 8)
        self.body.addWidget(foot)

    def _draw_icons(self) -> None:
        self.run_button.setIcon(self._theme.icon("play", "text"))
        self.stop_button.setIcon(self._theme.icon("stop"))
