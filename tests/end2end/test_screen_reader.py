"""The real window on a real accessibility bus: what a screen reader finds in it, and what it hears."""

import time
from pathlib import Path

import pytest

from tests.end2end.test_real_window import engine_has_loaded
from tests.support.at_spi import ROLE_INVALID, ROLE_UNKNOWN, Node, ScreenReader, accessibility_session
from tests.support.display import RealWindow, virtual_display
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

PAGES = ("ctrl+1", "ctrl+2", "ctrl+3", "ctrl+4")
QUIET_S = 2.0


def seen(reader: ScreenReader) -> list[Node]:
    """All of the one program on the bus."""
    [program] = reader.programs()
    return list(reader.tree(program))


def test_a_screen_reader_finds_names_and_roles_and_hears_replies(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with virtual_display() as display, accessibility_session(tmp_path) as environment:
        # Before the window: Qt asks what is listened to, and only then to be told of more. What is asked for
        # between the two is never sent (AtSpiAdaptor's constructor).
        reader = ScreenReader(environment["DBUS_SESSION_BUS_ADDRESS"])
        window = RealWindow(display, home, **environment)
        window.find()
        try:
            wait_until(lambda: engine_has_loaded(window), "the starter model")
            nodes: list[Node] = []
            for keys in PAGES:
                window.key(keys)
                time.sleep(3.0)
                nodes += seen(reader)
            focusable = [node for node in nodes if node.is_focusable]
            assert len(focusable) > 60
            unsaid = [
                node
                for node in focusable
                if not node.name.strip() or node.role in (ROLE_INVALID, ROLE_UNKNOWN)
            ]
            assert unsaid == []
            names = {node.name for node in nodes}
            assert {"Message", "Send (Enter)", "Chats", "Code editor", "Models", "Live"} <= names
            window.key("ctrl+1")
            wait_until(lambda: any(node.name == "Message" and node.has_focus for node in seen(reader)))
            reader.announcements(QUIET_S)
            window.type("Say hi.")
            said = ["The model is answering.", "The reply is complete."]
            heard: list[str] = []

            def has_spoken() -> bool:
                heard.extend(reader.announcements(QUIET_S))
                return bool(heard)

            # The page before may still have the first keys of a busy window.
            wait_until(has_spoken, "an announcement", act=lambda: window.key("Return"))
            if said[-1] not in heard:
                heard += reader.announcements(QUIET_S, said[-1])
            assert heard == said
        finally:
            reader.close()
            assert window.close() == 0
