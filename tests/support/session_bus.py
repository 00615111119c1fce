"""A D-Bus session bus of its own, and what stands in for a desktop's portal on it: none runs here."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusObjectPath, QDBusVariant, QDBusVirtualObject

PORTAL_VERSION = 4


@contextmanager
def session_bus() -> Iterator[str]:
    """Its address, until the context ends."""
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--print-address", "--nofork", "--nopidfile"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert daemon.stdout is not None
    with daemon:
        yield daemon.stdout.readline().strip()
        daemon.kill()


@contextmanager
def portal_on(address: str, *, hangs: bool) -> Iterator[None]:
    """A portal in a process of its own; one that `hangs` never answers."""
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__)), address, "hangs" if hangs else "answers"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child:
        assert child.stdout.readline().strip() == "ready"
        yield
        child.kill()


class _Portal(QDBusVirtualObject):
    def __init__(self, *, hangs: bool) -> None:
        super().__init__()
        self._hangs = hangs

    def introspect(self, path: str) -> str:
        return ""

    def handleMessage(self, message: QDBusMessage, connection: QDBusConnection) -> bool:  # noqa: N802 - Qt's
        if self._hangs:
            message.setDelayedReply(True)
            return True
        answers = {
            "Get": QDBusVariant(PORTAL_VERSION),
            "OpenFile": QDBusObjectPath("/org/freedesktop/portal/desktop/request/1"),
        }
        if message.member() not in answers:
            return False
        reply = message.createReply()
        reply.setArguments([answers[message.member()]])
        return bool(connection.send(reply))


def _serve(address: str, *, hangs: bool) -> None:
    application = QCoreApplication([])
    bus = QDBusConnection.connectToBus(address, "portal")
    portal = _Portal(hangs=hangs)
    assert bus.registerVirtualObject("/org/freedesktop/portal/desktop", portal)
    assert bus.registerService("org.freedesktop.portal.Desktop")
    print("ready", flush=True)
    application.exec()


if __name__ == "__main__":
    _serve(sys.argv[1], hangs=sys.argv[2] == "hangs")
