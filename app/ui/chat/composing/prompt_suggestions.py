"""The prompts that fit what was typed after a `/`, above the message field."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from app.chat.library.prompt_library import SavedPrompt, matching_prompts
from app.ui.base.plain_text import set_tip

MOST_ROWS = 6
ROW_PX = 30


class PromptSuggestions(QListWidget):
    """The message field moves in it; Enter or a click chooses. GUI thread."""

    chosen = Signal(object)
    """A `SavedPrompt`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.prompts: Callable[[], Sequence[SavedPrompt]] = tuple
        """Gives what can be chosen."""
        self._shown: list[SavedPrompt] = []
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("Prompts"))
        self.itemClicked.connect(lambda _: self.choose())
        self.hide()

    @property
    def titles(self) -> list[str]:
        """The titles of the shown prompts; none while hidden."""
        return [] if self.isHidden() else [prompt.title for prompt in self._shown]

    def follow(self, text: str) -> None:
        """Show what fits a message that is one line and begins with a slash; hide for any other."""
        is_command = text.startswith("/") and "\n" not in text and not text.startswith("//")
        self._shown = matching_prompts(self.prompts(), text[1:]) if is_command else []
        self.clear()
        for prompt in self._shown:
            item = QListWidgetItem(prompt.title, self)
            set_tip(item, prompt.text)
            item.setSizeHint(QSize(0, ROW_PX))
        self.setCurrentRow(0)
        self.setFixedHeight(min(MOST_ROWS, len(self._shown)) * ROW_PX + 10)
        self.setVisible(bool(self._shown))

    def take_key(self, key: int) -> bool:
        """Do what a key of the message field means here; False where it means nothing."""
        if self.isHidden():
            return False
        match key:
            case Qt.Key.Key_Down | Qt.Key.Key_Up:
                step = 1 if key == Qt.Key.Key_Down else -1
                self.setCurrentRow((self.currentRow() + step) % len(self._shown))
            case Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Tab:
                self.choose()
            case Qt.Key.Key_Escape:
                self.hide()
            case _:
                return False
        return True

    def choose(self) -> None:
        """Take the prompt that is marked."""
        row = self.currentRow()
        if 0 <= row < len(self._shown):
            self.hide()
            self.chosen.emit(self._shown[row])
