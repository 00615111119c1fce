"""Links in a reply: never followed by themselves, opened in the browser after a question."""

from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QWidget

SCHEMES = ("http", "https", "mailto")


def ask_before_opening(address: str, parent: QWidget) -> QMessageBox:
    """Show where a link really leads, and open it only if the user says so. Returns at once."""
    url = QUrl(address, QUrl.ParsingMode.StrictMode)
    allowed = url.isValid() and url.scheme().lower() in SCHEMES
    question = QMessageBox(parent)
    question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    question.setTextFormat(Qt.TextFormat.PlainText)
    question.setWindowTitle(QCoreApplication.translate("LinkQuestion", "Open link"))
    question.setIcon(QMessageBox.Icon.NoIcon)
    # The encoded form shows what a look-alike name really is.
    shown = bytes(url.toEncoded().data()).decode() if url.isValid() else address
    if allowed:
        question.setText(QCoreApplication.translate("LinkQuestion", "Open this address in your browser?"))
        question.setInformativeText(shown)
        question.setStandardButtons(QMessageBox.StandardButton.Open | QMessageBox.StandardButton.Cancel)
        question.setDefaultButton(QMessageBox.StandardButton.Cancel)
        question.accepted.connect(lambda: QDesktopServices.openUrl(url))
    else:
        question.setText(
            QCoreApplication.translate("LinkQuestion", "Stillroom does not open addresses of this kind.")
        )
        question.setInformativeText(shown)
        question.setStandardButtons(QMessageBox.StandardButton.Close)
    question.open()
    return question
