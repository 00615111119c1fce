"""Rich text as a PDF."""

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF
from PySide6.QtGui import QFont, QPageLayout, QPageSize, QPdfWriter, QTextDocument

from app.ui.base.theme import UI_FAMILIES


def pdf_of(html: str, title: str) -> bytes:
    """`html` (what Qt's rich text knows of it) on A4 pages. GUI thread; some milliseconds a page.

    Pictures may be data addresses; nothing is fetched.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("Stillroom")
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    writer.setPageMargins(QMarginsF(20, 18, 20, 18), QPageLayout.Unit.Millimeter)
    document = _Document()
    font = QFont()
    font.setFamilies(UI_FAMILIES)
    font.setPointSizeF(10)
    document.setDefaultFont(font)
    document.setHtml(html)
    document.print_(writer)
    del writer
    return bytes(buffer.data().data())


class _Document(QTextDocument):
    """Loads nothing but what the page itself holds."""

    def loadResource(self, kind: int, name: object) -> object:  # noqa: N802
        address = str(name.toString()) if hasattr(name, "toString") else str(name)
        return super().loadResource(kind, name) if address.startswith("data:") else None  # type: ignore[arg-type]
