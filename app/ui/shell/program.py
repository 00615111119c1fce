"""The window's program: one instance, Qt's and asyncio's loop in one, signals that end it in order."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files as resource_files
from pathlib import Path

import msgspec
import qasync
from PySide6.QtCore import (
    QCoreApplication,
    QLoggingCategory,
    QMessageLogContext,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QMessageBox

from app.base.errors import StillroomError
from app.base.shutdown import Ending, end_at_once
from app.ui.shell.desktop.destroyed_windows import DestroyedWindows
from app.ui.shell.desktop.portal_dialogs import portal_theme
from app.ui.shell.desktop.single_instance import SingleInstance
from app.ui.shell.desktop.stop_signals import StopSignals
from app.ui.shell.language import Languages
from app.ui.shell.program_parts import ProgramParts
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import error_text

log = logging.getLogger(__name__)

CALLBACKS_VARIABLE = "STILLROOM_CALLBACKS"
"""Names a file: what the GUI thread does is measured, and written there at the end; see `callback_watch`."""


def run_window(
    make_parts: Callable[[], ProgramParts],
    data_folder: Path,
    files: Sequence[Path] = (),
    on_shown: Callable[[WindowApplication], None] = lambda application: None,
) -> int:
    """Open the window and `files` in it, and stay until it is closed; returns the exit code. `on_shown` is
    called in its event loop."""
    if not _has_display():
        print(  # noqa: T201 - there is no window to say it in
            "There is no display here, so the window cannot open. "
            "`stillroom --help` lists what works without one.",
            file=sys.stderr,
        )
        return 1
    start = _QtStart()
    qInstallMessageHandler(start.on_message)
    QApplication.setApplicationName("stillroom")
    QApplication.setApplicationDisplayName("Stillroom")
    QApplication.setDesktopFileName("stillroom")
    with portal_theme():
        qt = QApplication(sys.argv[:1])
    qInstallMessageHandler(_log_qt)
    # A line for every font that lacks a letter's script, which a reply may have by the dozen.
    QLoggingCategory.setFilterRules("qt.text.font.db.info=false")
    qt.setQuitOnLastWindowClosed(False)
    qt.setWindowIcon(_program_icon())
    instance = SingleInstance(data_folder, may_end=lambda: _may_end(qt))
    if not instance.claim(files):
        return 0
    ending = Ending(status=0)
    figures = os.environ.get(CALLBACKS_VARIABLE)
    loop = _watched_loop(qt) if figures else qasync.QEventLoop(qt)
    asyncio.set_event_loop(loop)
    with loop:
        status = loop.run_until_complete(_live(qt, make_parts, instance, files, ending, on_shown))
        if figures:
            loop.watch.stop()
            Path(figures).write_bytes(msgspec.json.encode(loop.watch.figures()))
    instance.release()
    return int(status)


def _watched_loop(qt: QApplication) -> qasync.QEventLoop:
    # Only where somebody measures.
    from app.ui.shell.callback_watch import CallbackWatch, WatchedLoop

    loop = WatchedLoop(qt)
    CallbackWatch().start(loop)
    return loop


async def _live(
    qt: QApplication,
    make_parts: Callable[[], ProgramParts],
    instance: SingleInstance,
    files: Sequence[Path],
    ending: Ending,
    on_shown: Callable[[WindowApplication], None],
) -> int:
    try:
        parts = make_parts()
    except StillroomError as error:
        log.exception("the window cannot open")
        Languages(qt).choose("system")
        QMessageBox(QMessageBox.Icon.Critical, "Stillroom", error_text(error, "\n")).exec()
        return 1
    application = WindowApplication(qt, parts, files, ending)
    instance.open_asked.connect(application.open_files)
    application.closing.connect(instance.leave)
    signals = StopSignals(ending.begin, application)
    signals.received.connect(lambda: application.window.close())
    destroyed = DestroyedWindows(qt)
    application.show()
    on_shown(application)
    await application.wait_until_closed()
    destroyed.stop()
    return 0


def _may_end(qt: QApplication) -> bool:
    """Ask about a Stillroom that is open and does not answer; before there is a loop or a window."""
    languages, translate = Languages(qt), QCoreApplication.translate
    languages.choose("system")
    box = QMessageBox(
        QMessageBox.Icon.Warning,
        "Stillroom",
        translate("SecondStart", "Stillroom is open already and does not answer."),
    )
    box.setInformativeText(
        translate(
            "SecondStart",
            "It may be busy: wait a little and start it again. If you end it, what it is doing stops; chats, "
            "drafts and downloads go on from where they were kept last.",
        )
    )
    end = box.addButton(translate("SecondStart", "End it and start anew"), QMessageBox.ButtonRole.AcceptRole)
    wait = box.addButton(translate("SecondStart", "Wait"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(wait)
    box.exec()
    languages.choose("en")
    return box.clickedButton() is end


def _program_icon() -> QIcon:
    icon = QIcon()
    for path in Path(str(resource_files("resources").joinpath("icons"))).glob("stillroom-*.png"):
        icon.addFile(str(path))
    return icon


def _has_display() -> bool:
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class _QtStart:
    """Until Qt has its display: what Qt says is also said on the terminal where it gives up, for it ends the
    process by a signal then, without a word there."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def on_message(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        """Take a message of Qt; the last one ends the process."""
        _log_qt(kind, context, text)
        self._said.append(text.strip())
        if kind == QtMsgType.QtFatalMsg:
            print("\n".join(["The window cannot open.", *self._said]), file=sys.stderr)  # noqa: T201 - no window
            end_at_once(1)


def _log_qt(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    level = logging.WARNING if kind != QtMsgType.QtDebugMsg else logging.DEBUG
    log.log(level, "Qt: %s", text)
