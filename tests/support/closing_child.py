"""A window with a field, and a dialog over it: `python -m tests.support.closing_child COMMAND...`, on X.

In the moment in which the dialog closes xdotool does COMMAND, whose keys X still delivers to the dialog. At
the end the text of the field is printed, and how often F1 was heard.
"""

import subprocess
import sys

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QVBoxLayout, QWidget

from app.ui.widgets.early_keys import EarlyEscape
from tests.support.waiting import wait_until


class Closing(QDialog):
    """Takes its time to close."""

    def reject(self) -> None:
        subprocess.run(["xdotool", *sys.argv[1:]], check=True)
        super().reject()


def main() -> None:
    application = QApplication(sys.argv[:1])
    heard: list[None] = []
    window = QWidget()
    field = QLineEdit()
    QVBoxLayout(window).addWidget(field)
    QShortcut("F1", window).activated.connect(lambda: heard.append(None))
    EarlyEscape(window)
    window.show()
    window.activateWindow()
    wait_until(window.isActiveWindow, "the window")
    dialog = Closing(window)
    dialog.open()
    wait_until(dialog.isActiveWindow, "the dialog")
    dialog.reject()
    # No window manager is there that would do it.
    window.activateWindow()
    wait_until(window.isActiveWindow, "the window again")
    QTimer.singleShot(0, application.quit)
    application.exec()
    print(field.text(), len(heard))


main()
