"""The first start under Wayland: weston on a display of Xvfb, so that keys come as from a keyboard.

`STILLROOM_PICTURES=FOLDER` keeps pictures.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.display import WAIT_S, Screen, virtual_display
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.window,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("weston") is None, reason="weston is not installed"),
]

# A ground of one colour, so that a painted window is told from it, and no keyboard on the screen.
CONFIG = "[shell]\npanel-position=none\nbackground-color=0xff203040\n[input-method]\npath=\n"
WIDTH, HEIGHT = 1920, 1080


@pytest.mark.parametrize("scale", [1, 2])
def test_a_question_is_asked_and_answered(scale: int, tmp_path: Path) -> None:
    runtime, frames, home = (tmp_path / name for name in ("runtime", "frames", "home"))
    runtime.mkdir(mode=0o700)
    frames.mkdir()
    (tmp_path / "weston.ini").write_text(CONFIG)
    with virtual_display(f"{WIDTH}x{HEIGHT}x24", frames) as display:
        on_screen = os.environ | {"DISPLAY": display, "XDG_RUNTIME_DIR": str(runtime)}
        size = [f"--width={WIDTH // scale}", f"--height={HEIGHT // scale}", f"--scale={scale}"]
        options = ["--backend=x11", "--renderer=pixman", "--socket=here", "--idle-time=0", *size]
        command = ["weston", f"--config={tmp_path / 'weston.ini'}", *options]
        with subprocess.Popen(command, env=on_screen, stderr=subprocess.DEVNULL) as compositor:
            try:
                wait_until((runtime / "here").exists, "the compositor")
                use_window(on_screen, home, Screen(frames), f"wayland-{scale}")
            finally:
                compositor.terminate()


def use_window(on_screen: dict[str, str], home: Path, screen: Screen, picture: str) -> None:
    """Open the window, ask by the keyboard, wait for the kept answer, and close it."""

    def xdotool(*arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=on_screen, timeout=WAIT_S, check=True)

    environment = on_screen | {"WAYLAND_DISPLAY": "here", "STILLROOM_HOME": str(home)}
    for name in ("DISPLAY", "QT_QPA_PLATFORM"):
        environment.pop(name, None)
    with subprocess.Popen([sys.executable, "-m", "app"], env=environment) as window:
        try:
            screen.wait_until_painted()
            # X gives the keys to whatever is below the pointer.
            xdotool("mousemove", str(WIDTH // 2), str(HEIGHT // 2))
            for number in ("4", "2"):
                xdotool("key", f"ctrl+{number}")

            def ask() -> None:
                # A busy window may not have heard the first keys, and while the model is being loaded the
                # question stays in its field.
                xdotool("key", "ctrl+1", "ctrl+a")
                xdotool("type", "--delay", "20", "Name a colour.")
                xdotool("key", "Return")

            wait_until(lambda: kept(home, "role = 'user'"), "the question", act=ask)
            wait_until(lambda: kept(home, "role = 'assistant' AND outcome <> 'running'"), "the answer")
            if folder := os.environ.get("STILLROOM_PICTURES"):
                shot = ["import", "-window", "root", str(Path(folder, f"{picture}.png"))]
                subprocess.run(shot, env=on_screen, check=True)
            xdotool("key", "ctrl+q")
            assert window.wait(WAIT_S) == 0
        finally:
            window.kill()
    (log,) = home.rglob("stillroom.log")
    lines = log.read_text("utf-8").splitlines()
    assert [line for line in lines if any(f" {level} " in line for level in ("WARNING", "ERROR"))] == []


def kept(home: Path, which: str) -> list[str]:
    """The messages in the user's chats."""
    files = list(home.rglob("chats.sqlite3"))
    if not files:
        return []
    with closing(sqlite3.connect(f"file:{files[0]}?mode=ro", uri=True)) as database:
        try:
            found = database.execute(f"SELECT content FROM messages WHERE {which}").fetchall()
        except sqlite3.OperationalError:  # its tables are being made
            return []
    return [content for (content,) in found]
