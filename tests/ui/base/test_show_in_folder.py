"""A file in the desktop's file manager: a real session bus, and what stands in for a file manager on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import pytest
from PySide6.QtCore import ClassInfo, QObject, QUrl, Slot
from PySide6.QtDBus import QDBusConnection
from pytestqt.qtbot import QtBot

from app.ui.base import show_in_folder as module
from app.ui.base.show_in_folder import explorer_command, show_in_folder
from tests.support.session_bus import session_bus

pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs a D-Bus daemon")


@ClassInfo({"D-Bus Interface": "org.freedesktop.FileManager1"})
class FileManager(QObject):
    """Notes what it is asked to show."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[list[str]] = []

    @Slot("QStringList", str)
    def ShowItems(self, addresses: list[str], startup_id: str) -> None:  # noqa: N802 - the interface's name
        self.shown.append(addresses)


@pytest.fixture
def address() -> Iterator[str]:
    with session_bus() as address:
        yield address


@pytest.fixture
def bus(address: str, qtbot: QtBot) -> Iterator[QDBusConnection]:
    yield QDBusConnection.connectToBus(address, "asks")
    QDBusConnection.disconnectFromBus("asks")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that the desktop was asked to open."""
    found: list[str] = []

    def open_url(url: QUrl) -> bool:
        found.append(url.toLocalFile())
        return True

    monkeypatch.setattr(module.QDesktopServices, "openUrl", open_url)
    return found


def test_the_file_manager_shows_the_file(
    qtbot: QtBot, address: str, bus: QDBusConnection, opened: list[str], tmp_path: Path
) -> None:
    serving = QDBusConnection.connectToBus(address, "serves")
    manager = FileManager()
    try:
        assert serving.registerObject(
            "/org/freedesktop/FileManager1", manager, QDBusConnection.RegisterOption.ExportAllSlots
        )
        assert serving.registerService("org.freedesktop.FileManager1")
        file = tmp_path / "a chat, 100% “done” #1; $(touch x) 图.md"
        file.write_text("x")
        show_in_folder(file, bus)
        qtbot.waitUntil(lambda: manager.shown == [[file.as_uri()]])
        assert QUrl(manager.shown[0][0]).toLocalFile() == str(file)
        assert opened == []
    finally:
        QDBusConnection.disconnectFromBus("serves")


def test_without_a_file_manager_on_the_bus_the_folder_is_opened(
    qtbot: QtBot, bus: QDBusConnection, opened: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "chat.md"
    file.write_text("x")
    show_in_folder(file, bus)
    qtbot.waitUntil(lambda: opened == [str(tmp_path)])


def test_without_a_bus_the_folder_is_opened(qtbot: QtBot, opened: list[str], tmp_path: Path) -> None:
    file = tmp_path / "chat.md"
    file.write_text("x")
    show_in_folder(file, QDBusConnection("nobody"))
    assert opened == [str(tmp_path)]


def test_of_a_file_that_is_gone_the_folder_is_opened(
    qtbot: QtBot, bus: QDBusConnection, opened: list[str], tmp_path: Path
) -> None:
    show_in_folder(tmp_path / "gone.md", bus)
    assert opened == [str(tmp_path)]


def test_explorer_gets_the_name_in_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMROOT", r"D:\Windows")
    file = PureWindowsPath(r"C:\Users\A B\one,two & del.md")
    assert explorer_command(file) == r'"D:\Windows\explorer.exe" /select,"C:\Users\A B\one,two & del.md"'
