"""Let the desktop show its own dialogs for files, by its portal; Qt brings them for few desktops."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PySide6.QtCore import QLibraryInfo

if TYPE_CHECKING:
    from PySide6.QtDBus import QDBusConnection

log = logging.getLogger(__name__)

THEME_VARIABLE = "QT_QPA_PLATFORMTHEME"
PORTAL_THEME = "xdgdesktopportal"
PORTAL, PORTAL_PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
FILE_CHOOSER = "org.freedesktop.portal.FileChooser"
"""https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.FileChooser.html"""
ANSWER_MS = 300
OLDEST_QT = (6, 11)
"""Earlier ones show no dialog at all where the portal cannot."""


@contextmanager
def portal_theme(bus: "QDBusConnection | None" = None) -> Iterator[None]:
    """Let a `QApplication` that is made in the context use the portal, where that answers and nothing else
    was chosen. `bus` takes the place of the session's own.

    Qt asks the portal while the application is made and waits for it, so it is asked here first: one that
    hangs must not keep the window from opening.
    """
    wanted = (
        sys.platform.startswith("linux")
        and not os.environ.get(THEME_VARIABLE)
        and QLibraryInfo.version().segments()[:2] >= list(OLDEST_QT)
        and portal_answers(bus)
    )
    if wanted:
        os.environ[THEME_VARIABLE] = PORTAL_THEME
    try:
        yield
    finally:
        if wanted:
            # Programs that are started from here choose for themselves.
            del os.environ[THEME_VARIABLE]


def portal_answers(bus: "QDBusConnection | None" = None) -> bool:
    """Tell whether the desktop has dialogs for files, and says so soon."""
    from PySide6.QtDBus import QDBus, QDBusConnection, QDBusMessage

    connection = bus or QDBusConnection.sessionBus()
    if not connection.isConnected():
        return False
    asked = QDBusMessage.createMethodCall(PORTAL, PORTAL_PATH, "org.freedesktop.DBus.Properties", "Get")
    asked.setArguments([FILE_CHOOSER, "version"])
    answer = connection.call(asked, QDBus.CallMode.Block, ANSWER_MS)
    if answer.type() != QDBusMessage.MessageType.ReplyMessage:
        log.info("no portal for files: %s", answer.errorMessage())
        return False
    return True
