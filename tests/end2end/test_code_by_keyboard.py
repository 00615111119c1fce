"""A program in the real window by keyboard alone: typed, run, stopped, and never run by itself."""

import time
from pathlib import Path

import psutil
import pytest

from tests.support.display import WAIT_S, RealWindow, virtual_display

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]


def sandboxes(window: RealWindow) -> int:
    """How many programs of the window run in a sandbox now."""
    found = 0
    for child in psutil.Process(window.process.pid).children():
        try:
            found += any("sandbox" in word for word in child.cmdline())
        except psutil.Error:
            continue
    return found


TYPED = r"import time\ntime.sleep(60)"
"""As the draft's JSON has it: a busy X server loses keys, and a program with a wrong letter ends at once."""


def wait_for(window: RealWindow, count: int, key: str = "") -> None:
    """Press `key`, again every two seconds: the window may not have heard yet that a program has ended."""
    end_s = time.monotonic() + WAIT_S
    pressed_s = 0.0
    while sandboxes(window) != count:
        assert time.monotonic() < end_s, f"waited in vain for {count} programs"
        if key and time.monotonic() > pressed_s + 2:
            window.key(key)
            pressed_s = time.monotonic()


def test_a_program_is_typed_run_and_stopped_by_keyboard(tmp_path: Path) -> None:
    draft = tmp_path / "data" / "code-draft.json"
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        window.key("ctrl+2")
        end_s = time.monotonic() + WAIT_S
        # What is typed before the tab is there goes nowhere; the draft on disk tells that it arrived.
        while not (draft.exists() and TYPED in draft.read_text()):
            assert time.monotonic() < end_s, "the text did not arrive"
            window.key("ctrl+a", "Delete")
            window.type("import time")
            window.key("Return")
            window.type("time.sleep(60)")
            pause_s = time.monotonic() + 2
            while time.monotonic() < pause_s and not (draft.exists() and TYPED in draft.read_text()):
                window.colours()
        assert sandboxes(window) == 0
        wait_for(window, 1, "F5")
        window.key("Escape")
        wait_for(window, 0)
        wait_for(window, 1, "F5")
        # Closing ends what runs.
        processes = psutil.Process(window.process.pid).children(recursive=True)
        assert window.close() == 0
        psutil.wait_procs(processes, timeout=10)
        assert not [process for process in processes if process.is_running()]
