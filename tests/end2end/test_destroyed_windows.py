"""Another program destroys a window of Stillroom's, without asking it to close it, or Qt one of its own."""

import itertools
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from app.chat.store.store import ChatStore
from tests.support.display import WAIT_S, RealWindow, virtual_display
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]

DRAFT = "not sent yet"
SEEN_S = 1.0
ON_A_TAB, BESIDE = (60, 26), (500, 26)
TIP = (80, 60, 60, 20)
"""Where the tab's tip lies."""


def destroy(window: RealWindow, name: str) -> None:
    """As `XDestroyWindow` does, which `xdotool windowclose` calls."""
    subprocess.run(
        ["xdotool", "search", "--onlyvisible", "--name", name, "windowclose"],
        env=window.environment,
        check=True,
    )


def test_a_process_whose_window_was_destroyed_ends_and_keeps_the_draft(tmp_path: Path) -> None:
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        wait_until(lambda: window.colours() > 50, "the first painting")
        children = psutil.Process(window.process.pid).children()
        window.type(DRAFT)
        destroy(window, "^Stillroom$")
        assert window.process.wait(WAIT_S) == 0
        _, left = psutil.wait_procs(children, timeout=10)
        assert not left
    store = ChatStore(tmp_path / "data" / "chats.sqlite3")
    try:
        assert DRAFT in [chat.draft for chat in store.conversations()]
    finally:
        store.close()


def test_a_dialog_that_was_destroyed_lets_go_of_its_window(tmp_path: Path) -> None:
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        wait_until(lambda: window.colours() > 50, "the first painting")
        window.key("ctrl+comma")
        wait_until(lambda: window.is_shown("^Settings"), "the settings", WAIT_S)
        destroy(window, "^Settings")
        wait_until(lambda: not window.is_shown("^Settings"), "their end", WAIT_S)

        def press() -> None:
            # What comes before it has let go is dropped.
            window.key_in("^Stillroom$", "ctrl+q")

        wait_until(lambda: window.process.poll() is not None, "the end", WAIT_S, press)
        assert window.process.returncode == 0


def test_a_tip_stays_whose_first_window_qt_destroys(tmp_path: Path) -> None:
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        wait_until(lambda: window.colours() > 50, "the first painting")
        # Where it has the keyboard its parts have tips.
        window.key("ctrl+1")
        window.point_at(*BESIDE)
        without = window.pixels(*TIP)
        places = itertools.cycle([ON_A_TAB, BESIDE])

        def is_seen() -> bool:
            return window.pixels(*TIP) != without

        def stays() -> bool:
            if is_seen():
                time.sleep(SEEN_S)
            return is_seen()

        # A pointer that has not moved gets no tip, and one that moves on hides it.
        wait_until(stays, "a tip that stays", WAIT_S, lambda: window.point_at(*next(places)))
        window.key("ctrl+q")
        assert window.process.wait(WAIT_S) == 0
