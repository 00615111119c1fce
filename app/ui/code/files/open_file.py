"""One open file of the Code tab: its editor, its runs, its tests."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.code.ask import Excerpt
from app.code.open_texts import TextsFolder
from app.ui.code.editor.inline_completion import InlineCompletion
from app.ui.code.files.code_editor_card import CodeEditorCard
from app.ui.code.running.code_run_card import CodeRunCard
from app.ui.code.running.code_runner import CodeRunner
from app.ui.widgets.ui_context import UiContext
from models.system.shown_text import shown


class OpenFile(QObject):
    """Holds what belongs to one text, which may have no file yet. GUI thread only.

    It starts with `restore`, and ends with `close` (what is there comes back with the next run) or with
    `forget`.
    """

    changed = Signal()
    """Another file, another name, saved, or no longer saved."""

    def __init__(
        self,
        number: int,
        ui: UiContext,
        texts: TextsFolder,
        runner: CodeRunner,
        parent: QObject,
        card: CodeEditorCard,
        place: QWidget,
    ) -> None:
        """`number` is what the text is kept under in `texts`, and `card` its editor. The runs are made in
        `place`."""
        super().__init__(parent)
        self.number = number
        self.card = card
        self.editor = self.card.editor
        self.document = self.card.document
        self.run_card = CodeRunCard(runner, ui.theme, self._program, texts.tests(number), place)
        self.completion = InlineCompletion(ui, self.editor, self)
        self._keys = {f"#{number}"}
        self.document.changed.connect(self._on_changed)
        self.run_card.tests_document.changed.connect(self._on_changed)
        self.run_card.failed_at.connect(self.card.mark_failure)
        self.run_card.left.connect(self.editor.setFocus)

    @property
    def key(self) -> str:
        """The path of the file, or what stands for it until there is one."""
        return str(self.document.path) if self.document.path else f"#{self.number}"

    def is_meant(self, key: str) -> bool:
        """Tell whether this is, or was, the text of a key."""
        return key in self._keys

    @property
    def title(self) -> str:
        """The file's name, fit to be shown."""
        return shown(self.document.name) or self.tr("Untitled")

    @property
    def is_unsaved(self) -> bool:
        """Tell whether closing it would lose something: of the text, or tests that no file brings back."""
        only_here = self.document.path is None and self.run_card.tests.text().strip()
        return (self.document.modified and bool(self.editor.text().strip())) or bool(only_here)

    @property
    def is_untouched(self) -> bool:
        """Tell whether it is an empty text that nobody would miss."""
        return (
            self.document.path is None
            and not self.editor.text()
            and not self.run_card.tests.text()
            and not self.editor.isReadOnly()
        )

    def excerpt(self) -> Excerpt:
        """Return the excerpt that a question is about now."""
        start, end = self.editor.selected_range()
        return Excerpt(self.document.name, self.editor.language, self.editor.text(), start, end, key=self.key)

    async def restore(self, writable: Callable[[], None] = lambda: None) -> None:
        """Show what was kept under the number; `writable` is called when its text can be written to, before
        the tests are there."""
        await self.document.restore()
        writable()
        await self.run_card.tests_document.restore()

    def close(self) -> Callable[[], None]:
        """Keep what is there, before the widgets go. What is given waits for the disk, on another thread."""
        self._close_cards()
        return self._both(self.document.close(), self.run_card.tests_document.close())

    def forget(self, *, keeps_tests: bool) -> Callable[[], None]:
        """Keep the text no more, and the tests where they are wanted. What is given waits for the disk, on
        another thread."""
        self._close_cards()
        tests = self.run_card.tests_document
        return self._both(self.document.forget(), tests.close() if keeps_tests else tests.forget())

    def _close_cards(self) -> None:
        self.completion.stop()
        self.card.close_card()
        self.run_card.close_card()

    def _both(self, one: Callable[[], None], other: Callable[[], None]) -> Callable[[], None]:
        def wait() -> None:
            one()
            other()

        return wait

    def _program(self) -> tuple[str, str]:
        """Return the program that Run runs, and its language's key."""
        self.card.guess_language_now()
        return self.editor.text(), self.editor.language.key

    def _on_changed(self) -> None:
        self._keys.add(self.key)
        self.changed.emit()
