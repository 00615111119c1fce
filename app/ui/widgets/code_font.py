"""The code font on a text widget."""

from PySide6.QtWidgets import QPlainTextEdit

from app.ui.base.theme import CODE_PX, Theme


def set_code_font(field: QPlainTextEdit, theme: Theme, designed_px: float = CODE_PX) -> None:
    """Give `field` the code font in the chosen size; to call again when the theme changes. GUI thread."""
    font = theme.code_font(designed_px)
    # The window's sheet sets every widget's font size; only a sheet of its own overrides it.
    field.setStyleSheet(f"QPlainTextEdit {{ font-size: {font.pointSizeF():.3f}pt; }}")
    field.setFont(font)
