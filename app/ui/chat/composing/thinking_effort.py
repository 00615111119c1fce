"""The button below the message that says how long the model may think, and its menu."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.widgets.push_buttons import MenuButton

SHORT_TOKENS, NORMAL_TOKENS, LONG_TOKENS = 1024, 4096, 16384


class ThinkingEffort(MenuButton):
    """Chooses the most tokens of a thought: `ThinkingLimits.tokens`, 0 for none. GUI thread."""

    chosen = Signal(object)
    """The tokens, or None for no limit."""
    words_changed = Signal(str)
    """It says something else from now on."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, has_icon: bool = True) -> None:
        super().__init__(parent=parent)
        self._theme = theme
        self._tokens: int | None = None
        self.setProperty("kind", "quiet")
        self.setAccessibleName(self.tr("How long the model thinks"))
        self._levels: tuple[tuple[int | None, str, str], ...] = (
            (0, self.tr("Off"), self.tr("the answer comes at once, and is often worse")),
            (SHORT_TOKENS, self.tr("Short"), self.tr("up to {tokens} tokens")),
            (NORMAL_TOKENS, self.tr("Normal"), self.tr("up to {tokens} tokens")),
            (LONG_TOKENS, self.tr("Long"), self.tr("up to {tokens} tokens")),
            (None, self.tr("No limit"), self.tr("as long as the model wants")),
        )
        menu = QMenu(self)
        group = QActionGroup(menu)
        self._actions = {}
        for tokens, name, note in self._levels:
            text = f"{name}: {note.format(tokens=f'{tokens or 0:,}')}"
            action = menu.addAction(text)
            action.setCheckable(True)
            action.triggered.connect(lambda _=False, tokens=tokens: self.chosen.emit(tokens))
            group.addAction(action)
            self._actions[tokens] = action
        group.setExclusionPolicy(QActionGroup.ExclusionPolicy.ExclusiveOptional)
        self.setMenu(menu)
        if has_icon:
            theme.changed.connect(self._draw_icon)
            self._draw_icon()
        self.show_tokens(None)

    @property
    def words(self) -> str:
        """What it says of the present limit."""
        names = {tokens: name for tokens, name, _ in self._levels}
        limit = names.get(self._tokens) or self.tr("up to {tokens} tokens").format(
            tokens=f"{self._tokens or 0:,}"
        )
        return self.tr("Thinking: {limit}").format(limit=limit)

    def show_tokens(self, tokens: int | None) -> None:
        """Show a limit, which may be none of the levels; tells nobody."""
        self._tokens = tokens
        for level, action in self._actions.items():
            action.setChecked(level == tokens)
        self.setAccessibleDescription(self.words)
        set_tip(self, self.words)
        self.words_changed.emit(self.words)

    def _draw_icon(self) -> None:
        self.setIcon(self._theme.icon("brain"))
