"""One paragraph or heading of a reply."""

from functools import lru_cache

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.ui.theme import CODE_FAMILIES, Colours, Theme

HEADING_PX = {1: 19, 2: 17, 3: 15, 4: 14, 5: 13, 6: 13}


class RichLabel(QLabel):
    """Rich text that `markdown_blocks` made, in the theme's colours; selectable, its links only told."""

    link_chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, muted: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        self._muted = muted
        self._html = ""
        self._level = 0
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.linkActivated.connect(self.link_chosen)
        theme.changed.connect(self._show)

    def set_html(self, html: str, level: int = 0) -> None:
        """Show a text block's content; `level` 1 to 6 is a heading."""
        self._html, self._level = html, level
        self._show()

    def _show(self) -> None:
        flags = Qt.TextInteractionFlag.TextSelectableByMouse
        if "<a " in self._html:
            # Only text with links is a stop for the Tab key.
            flags |= Qt.TextInteractionFlag.LinksAccessibleByMouse
            flags |= Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        if self.textInteractionFlags() != flags:
            self.setTextInteractionFlags(flags)
        self.setText(rich_text(self._theme.colours, self._html, self._level, self._muted))


def rich_text(colours: Colours, html: str, level: int, muted: bool) -> str:
    """A paragraph (`level` 0) or heading with its style."""
    tag = f"h{level}" if level else "p"
    return f"{text_style(colours, muted)}<{tag}>{html}</{tag}>"


@lru_cache(maxsize=8)
def text_style(colours: Colours, muted: bool = False) -> str:
    """The style sheet in front of every piece of rich text."""
    mono = ", ".join(f"'{family}'" for family in CODE_FAMILIES)
    headings = "".join(
        f"h{level} {{ font-size: {size}px; font-weight: 600; margin: 0; }}"
        for level, size in HEADING_PX.items()
    )
    return (
        "<style>"
        f"p {{ margin: 0; line-height: 138%; color: {colours.muted if muted else colours.text}; }}"
        f"{headings}"
        f"code {{ font-family: {mono}; font-size: 12px; background-color: {colours.raised}; }}"
        f".math {{ font-family: {mono}; font-size: 12px; }}"
        f"a {{ color: {colours.accent}; text-decoration: none; }}"
        f"th {{ font-weight: 600; color: {colours.muted}; }}"
        "</style>"
    )
