"""The time that a window takes from the start of its program until it is seen."""

import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.display import RealWindow, Screen, virtual_display


def start_times_s(folder: Path, command: Sequence[str], starts: int) -> list[float]:
    """Seconds of each start, the first one in an empty home. Nothing asks the display meanwhile: on two cores
    `xdotool` and `import` in a loop made the same start half a second longer."""
    times_s = []
    with virtual_display(frame_buffer=folder) as display:
        screen = Screen(folder)
        for _ in range(starts):
            window = RealWindow(display, folder / "home", command)
            screen.wait_until_painted()
            times_s.append(time.monotonic() - window.started_s)
            window.find()
            assert window.close() == 0
    return times_s
