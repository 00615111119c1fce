"""The first start on screens that are scaled, by Qt's factor or by the desktop's resolution of text.

`STILLROOM_PICTURES=FOLDER` keeps a picture of each tab.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.ui.shell.window_place import FRAME
from tests.support.display import RealWindow, virtual_display
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.window,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X"),
]

LAPTOPS = [
    ("1920x1080", 1.25, "factor"),
    ("1920x1080", 1.5, "dpi"),
    ("1920x1080", 2.0, "factor"),
    ("1920x1080", 2.0, "dpi"),
    ("1280x800", 1.5, "factor"),
    ("1024x600", 1.0, "factor"),
]
TABS = {"1": "chat", "2": "code", "3": "benchmark", "4": "models"}


@pytest.mark.parametrize(("screen", "scale", "way"), LAPTOPS)
def test_the_whole_window_is_on_the_screen(screen: str, scale: float, way: str, tmp_path: Path) -> None:
    with virtual_display(f"{screen}x24") as display:
        environment = {}
        if way == "factor":
            environment["QT_SCALE_FACTOR"] = str(scale)
        else:
            # Where desktops without a settings daemon, and `xrdb`, say it.
            name, setting = "RESOURCE_MANAGER", f"Xft.dpi:\t{96 * scale:g}\n"
            command = ["xprop", "-root", "-f", name, "8s", "-set", name, setting]
            subprocess.run(command, env=os.environ | {"DISPLAY": display}, check=True)
        window = RealWindow(display, tmp_path, **environment)
        window.find()
        wait_until(lambda: window.colours() > 50, "the first painting")
        for number, tab in TABS.items():
            window.key(f"ctrl+{number}")
            wait_until(lambda: window.colours() > 50, f"tab {number}")
            if folder := os.environ.get("STILLROOM_PICTURES"):
                window.save_picture(Path(folder, f"{screen}-{scale}-{way}-{tab}.png"))
        width, height = window.size()
        most_width, most_height = map(int, screen.split("x"))
        # With the frame that a desktop draws around it.
        assert width <= most_width - FRAME.width() * scale
        assert height <= most_height - FRAME.height() * scale
        assert window.close() == 0
