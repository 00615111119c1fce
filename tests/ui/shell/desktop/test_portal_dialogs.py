"""The desktop's own dialogs for files: a real session bus, with what stands in for a portal."""

import os
import shutil
from collections.abc import Iterator

import pytest
from PySide6.QtDBus import QDBusConnection

from app.ui.shell.desktop.portal_dialogs import PORTAL_THEME, THEME_VARIABLE, portal_answers, portal_theme
from tests.support.session_bus import portal_on, session_bus

pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs a D-Bus daemon")


@pytest.fixture
def address() -> Iterator[str]:
    with session_bus() as address:
        yield address


@pytest.fixture
def bus(address: str) -> Iterator[QDBusConnection]:
    yield QDBusConnection.connectToBus(address, "asks-portal")
    QDBusConnection.disconnectFromBus("asks-portal")


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(THEME_VARIABLE, raising=False)


def test_a_portal_that_answers_is_used_while_the_application_is_made(
    address: str, bus: QDBusConnection
) -> None:
    with portal_on(address, hangs=False):
        with portal_theme(bus):
            assert os.environ[THEME_VARIABLE] == PORTAL_THEME
        assert THEME_VARIABLE not in os.environ


def test_without_a_portal_qt_has_its_own(bus: QDBusConnection) -> None:
    with portal_theme(bus):
        assert THEME_VARIABLE not in os.environ
    assert not portal_answers(QDBusConnection("nobody"))


def test_a_portal_that_hangs_is_left_alone(address: str, bus: QDBusConnection) -> None:
    with portal_on(address, hangs=True), portal_theme(bus):
        assert THEME_VARIABLE not in os.environ


def test_what_the_user_has_chosen_stays(
    address: str, bus: QDBusConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THEME_VARIABLE, "qt6ct")
    with portal_on(address, hangs=False):
        with portal_theme(bus):
            assert os.environ[THEME_VARIABLE] == "qt6ct"
        assert os.environ[THEME_VARIABLE] == "qt6ct"
