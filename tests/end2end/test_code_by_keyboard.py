"""A program in the real window by keyboard alone: typed, run, stopped, and never run by itself."""

from pathlib import Path

import psutil
import pytest

from tests.support.display import RealWindow, virtual_display
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]


def sandboxes(window: RealWindow) -> int:
    """Count the programs of the window that run in a sandbox now."""
    found = 0
    for child in psutil.Process(window.process.pid).children():
        try:
            found += any("sandbox" in word for word in child.cmdline())
        except psutil.Error:
            continue
    return found


TYPED = r"import time\ntime.sleep(60)"
"""As the draft's JSON has it: a busy X server loses keys, and a program with a wrong letter ends at once."""


def test_a_program_is_typed_run_and_stopped_by_keyboard(tmp_path: Path) -> None:
    draft = tmp_path / "data" / "code-draft.json"
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        window.key("ctrl+2")

        def write() -> None:
            window.key("ctrl+a", "Delete")
            window.type("import time")
            window.key("Return")
            window.type("time.sleep(60)")

        def run() -> None:
            # Again where the window has not heard yet that a program has ended.
            wait_until(lambda: sandboxes(window) == 1, "the program", act=lambda: window.key("F5"))

        # What is typed before the tab is there goes nowhere; the draft on disk tells that it arrived.
        wait_until(lambda: draft.exists() and TYPED in draft.read_text(), "the text", act=write)
        assert sandboxes(window) == 0
        run()
        window.key("Escape")
        wait_until(lambda: sandboxes(window) == 0, "the end of the program")
        run()
        # Closing ends what runs.
        processes = psutil.Process(window.process.pid).children(recursive=True)
        assert window.close() == 0
        psutil.wait_procs(processes, timeout=10)
        assert not [process for process in processes if process.is_running()]
