"""A screen reader's view of a real window: the accessibility bus of a session of its own, over D-Bus.

What speaks there is Qt's bridge in the window's process, as for Orca. Needs dbus-daemon and at-spi2-core.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, MatchRule, Message, Properties, new_method_call
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, open_dbus_connection

WAIT_S = 60.0
LAUNCHERS = ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher")
ROOT = "/org/a11y/atspi/accessible/root"
ACCESSIBLE = "org.a11y.atspi.Accessible"
FOCUSABLE, FOCUSED, SHOWING = 11, 12, 25
"""Bits of a state set: AtspiStateType."""
ROLE_INVALID, ROLE_UNKNOWN = 0, 67
"""AtspiRole."""
UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"


class GoneError(OSError):
    """The thing was there when its parent was asked, and is not any more."""


@dataclass(frozen=True, slots=True)
class Node:
    """One accessible thing: where it is, and what a screen reader says of it."""

    name: str
    role: int
    role_name: str
    states: int
    depth: int

    @property
    def is_focusable(self) -> bool:
        """The keyboard can go there now."""
        return bool(self.states >> FOCUSABLE & 1) and bool(self.states >> SHOWING & 1)

    @property
    def has_focus(self) -> bool:
        """The keyboard is there."""
        return bool(self.states >> FOCUSED & 1)


@contextmanager
def accessibility_session(folder: Path) -> Iterator[dict[str, str]]:
    """A session bus with the accessibility service on it; gives the environment for a window on it."""
    launcher = next((path for path in LAUNCHERS if Path(path).exists()), None)
    assert launcher is not None, "install at-spi2-core"
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--print-address=1", "--nofork", "--nopidfile"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"XDG_RUNTIME_DIR": str(folder)},
    )
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    environment = {
        "DBUS_SESSION_BUS_ADDRESS": address,
        "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        "XDG_RUNTIME_DIR": str(folder),
    }
    service = subprocess.Popen(
        [launcher, "--launch-immediately"],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield environment
    finally:
        for process in (service, daemon):
            process.terminate()
            process.wait(10)
        daemon.stdout.close()


class ScreenReader:
    """Reads the tree of the programs on an accessibility bus, and what they announce."""

    def __init__(self, session_address: str) -> None:
        with open_dbus_connection(session_address) as session:
            bus = DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus")
            address = _patiently(lambda: _call(session, bus, "GetAddress")[0])
            status = DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Status")
            for name in ("IsEnabled", "ScreenReaderEnabled"):
                session.send_and_get_reply(Properties(status).set(name, "b", True))
        self._bus: DBusConnection = open_dbus_connection(address)
        rule = MatchRule(type="signal", interface="org.a11y.atspi.Event.Object", member="Announcement")
        self._bus.send_and_get_reply(message_bus.AddMatch(rule))
        registry = DBusAddress(
            "/org/a11y/atspi/registry", "org.a11y.atspi.Registry", "org.a11y.atspi.Registry"
        )
        _call(self._bus, registry, "RegisterEvent", "s", ("object:announcement",))

    def close(self) -> None:
        """Leave the bus."""
        self._bus.close()

    def programs(self) -> list[tuple[str, str]]:
        """Bus name and path of each program that is there."""
        root = DBusAddress(ROOT, "org.a11y.atspi.Registry", ACCESSIBLE)
        return [(name, path) for name, path in _call(self._bus, root, "GetChildren")[0]]

    def tree(self, program: tuple[str, str]) -> Iterator[Node]:
        """All that a program shows, the outer before the inner; what goes meanwhile is left out."""
        waiting = [(program, 0)]
        while waiting:
            (bus, path), depth = waiting.pop()
            at = DBusAddress(path, bus, ACCESSIBLE)
            try:
                node, children = self._read(at, depth)
            except GoneError:
                continue
            yield node
            waiting += [(each, depth + 1) for each in reversed(children)]

    def _read(self, at: DBusAddress, depth: int) -> tuple[Node, list[tuple[str, str]]]:
        [role] = _call(self._bus, at, "GetRole")
        [role_name] = _call(self._bus, at, "GetRoleName")
        [words] = _call(self._bus, at, "GetState")
        [children] = _call(self._bus, at, "GetChildren")
        name = _checked("Name", self._bus.send_and_get_reply(Properties(at).get("Name"))).body[0][1]
        states = words[0] | (words[1] << 32 if len(words) > 1 else 0)
        return Node(str(name), role, str(role_name), states, depth), [
            (inner, where) for inner, where in children
        ]

    def announcements(self, seconds: float, last: str = "") -> list[str]:
        """List what was announced until so much time has passed without anything; `last` is waited for."""
        heard: list[str] = []
        while True:
            try:
                message = self._bus.receive(timeout=WAIT_S if last and last not in heard else seconds)
            except TimeoutError:
                return heard
            if message.header.fields.get(HeaderFields.member) == "Announcement":
                heard.append(str(message.body[3][1]))


def _call(bus: DBusConnection, at: DBusAddress, method: str, *arguments: Any) -> tuple[Any, ...]:
    reply = bus.send_and_get_reply(new_method_call(at, method, *arguments), timeout=WAIT_S)
    body: tuple[Any, ...] = _checked(method, reply).body
    return body


def _checked(asked: str, reply: Message) -> Message:
    error = reply.header.fields.get(HeaderFields.error_name)
    if error is not None:
        kind = GoneError if error == UNKNOWN_OBJECT else OSError
        raise kind(f"{asked}: {error} {reply.body}")
    return reply


def _patiently(ask: Callable[[], str]) -> str:
    """Ask again while the service is starting."""
    end_s = time.monotonic() + WAIT_S
    while True:
        try:
            return ask()
        except OSError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.1)
