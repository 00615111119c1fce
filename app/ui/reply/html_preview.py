"""A page of HTML from a reply, shown without scripts and without asking anybody for anything."""

import base64
import binascii
from typing import Any

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QUrl
from PySide6.QtGui import QColor, QImage, QImageReader, QPalette, QTextDocument, QTextOption
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from app.code.html_page import safe_page
from app.ui.widgets.card import label

SIZE_PX = (900, 640)
MOST_PIXELS = 16_000_000
"""Of one picture."""


class HtmlPreview(QDialog):
    """Shows a page as far as Qt's text view can. GUI thread."""

    def __init__(self, source: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Preview without scripts"))
        self.resize(*SIZE_PX)
        page = safe_page(source)
        self.view = _Page()
        self.view.setAccessibleName(self.tr("The page"))
        self.view.setHtml(page.html)
        self.view.anchorClicked.connect(self._on_link)
        words = self.tr(
            "A simple picture of the page: scripts do not run, nothing is loaded from the network, and much "
            "of its style is not drawn."
        )
        if not page.whole:
            words += " " + self.tr("The page is long: this is its beginning.")
        self._said = label("", "small", wrap=True)
        self._said.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(10)
        layout.addWidget(label(words, "muted", wrap=True))
        layout.addWidget(self.view, 1)
        layout.addWidget(self._said)
        layout.addWidget(buttons)
        self.view.setFocus()

    def _on_link(self, address: QUrl) -> None:
        """Links lead nowhere from here; a place in the page itself is gone to."""
        if address.hasFragment() and not address.host():
            self.view.scrollToAnchor(address.fragment())
            return
        shown = bytes(address.toEncoded().data()).decode()
        self._said.setText(self.tr("The link leads to {address}. It is not opened.").format(address=shown))
        self._said.show()


class _Page(QTextBrowser):
    """A text view that loads nothing but the pictures in the page."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.document().setUndoRedoEnabled(False)
        self.setWordWrapMode(QTextOption.WrapMode.WordWrap)
        # Pages take a white ground for granted, whatever the window's colours are.
        palette = QPalette(self.palette())
        for role, colour in (
            (QPalette.ColorRole.Base, "#ffffff"),
            (QPalette.ColorRole.Text, "#000000"),
            (QPalette.ColorRole.Link, "#0645ad"),
        ):
            palette.setColor(role, QColor(colour))
        self.setPalette(palette)
        # A document takes the colour of links from the whole program's palette.
        self.document().setDefaultStyleSheet("a { color: #0645ad; }")
        self.setStyleSheet("QTextBrowser { background: #ffffff; color: #000000; }")

    def loadResource(self, kind: int, name: QUrl | str) -> Any:  # noqa: N802 - Qt's name
        """Give the picture of a data address, and nothing of any other."""
        url = QUrl(name)
        if kind != QTextDocument.ResourceType.ImageResource.value or url.scheme() != "data":
            return QByteArray()
        return picture_of(url.toString())


def picture_of(address: str) -> QImage:
    """Decode the picture of a data address; an empty one where it is none, or too large."""
    try:
        data = base64.b64decode(address.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        return QImage()
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    # Before anything is decoded: a file of some bytes can claim any size.
    size = reader.size()
    if not size.isValid() or size.width() * size.height() > MOST_PIXELS:
        return QImage()
    return reader.read()
