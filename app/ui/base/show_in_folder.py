"""Show a file in the desktop's file manager, selected in its folder."""

import logging
import os
import subprocess
import sys
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from app.base.threads import start_thread

if TYPE_CHECKING:
    from PySide6.QtDBus import QDBusConnection, QDBusPendingCallWatcher

log = logging.getLogger(__name__)

FILE_MANAGER = "org.freedesktop.FileManager1"
"""https://www.freedesktop.org/wiki/Specifications/file-manager-interface/"""
ANSWER_MS = 15_000
"""A file manager that has to be started takes some seconds."""


def show_in_folder(path: Path, bus: "QDBusConnection | None" = None) -> None:
    """Open the folder of a file with the file selected; the folder alone where the desktop cannot do that.

    GUI thread; it waits for nobody. `bus` takes the place of the session's own.
    """
    if not path.exists():
        _open(path.parent)
    elif sys.platform == "win32":
        # Explorer hands over to the one that runs, and its exit code says nothing.
        start_thread(partial(subprocess.run, explorer_command(path)), "explorer")
    elif sys.platform.startswith("linux"):
        _ask_file_manager(path, bus)
    else:
        _open(path.parent)


def explorer_command(path: Path | PureWindowsPath) -> str:
    """Return the command line that Explorer splits at commas by itself, so that the name must stand in
    quotes. No shell sees it, and no file's name can hold a quote."""
    explorer = PureWindowsPath(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "explorer.exe"
    return f'"{explorer}" /select,"{path}"'


def _ask_file_manager(path: Path, bus: "QDBusConnection | None") -> None:
    # Only here: Windows' Qt has none.
    from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher

    connection = bus or QDBusConnection.sessionBus()
    if not connection.isConnected():
        _open(path.parent)
        return
    asked = QDBusMessage.createMethodCall(
        FILE_MANAGER, "/org/freedesktop/FileManager1", FILE_MANAGER, "ShowItems"
    )
    asked.setArguments([[path.absolute().as_uri()], ""])
    watcher = QDBusPendingCallWatcher(connection.asyncCall(asked, ANSWER_MS))
    # What is connected holds the watcher until the answer has come.
    watcher.finished.connect(partial(_on_answer, path, watcher))


def _on_answer(path: Path, answer: "QDBusPendingCallWatcher") -> None:
    if answer.isError():
        log.info("the file manager was not asked: %s", answer.error().message())
        _open(path.parent)
    answer.deleteLater()


def _open(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
