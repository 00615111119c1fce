"""A real X display without a screen, and a real Stillroom on it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.support.waiting import wait_until

WAIT_S = 60.0
DRAG_STEPS = 8


@contextmanager
def virtual_display(size: str = "1500x950x24", frame_buffer: Path | None = None) -> Iterator[str]:
    """Xvfb on a free display number, such as ":99". The folder `frame_buffer` gets the screen as a file."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(
        [*command, *(["-fbdir", str(frame_buffer)] if frame_buffer else [])],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            yield f":{pipe.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


class Screen:
    """A display's picture, read from its frame buffer: no program has to be asked, so none is disturbed."""

    PAINTED_COLOURS = 50
    EVERY = 8

    def __init__(self, frame_buffer: Path) -> None:
        """`frame_buffer` is the folder that `virtual_display` was given."""
        self._bytes = np.memmap(frame_buffer / "Xvfb_screen0", dtype=np.uint8, mode="r")

    def colours(self) -> int:
        """Count the colours of every eighth pixel; a screen without a painted window has one or two."""
        # XWD: a header of so many bytes, then colour map entries of 12 bytes each, then 4 bytes a pixel.
        header = self._bytes[:80].view(">u4")
        begin = int(header[0]) + 12 * int(header[19])
        pixels = self._bytes[begin:]
        return len(np.unique(pixels[: len(pixels) // 4 * 4].view(np.uint32)[:: self.EVERY]))

    def wait_until_painted(self) -> None:
        """Return when a window is seen; raises `TimeoutError` when none comes."""
        wait_until(lambda: self.colours() >= self.PAINTED_COLOURS, "the first painting", WAIT_S)


class RealWindow:
    """`stillroom` as a user starts it; keys and clicks come from xdotool."""

    def __init__(
        self,
        display: str,
        home: Path,
        command: Sequence[str] = (sys.executable, "-m", "app"),
        **environment: str,
    ) -> None:
        self.environment = os.environ | environment | {"DISPLAY": display, "STILLROOM_HOME": str(home)}
        self.environment.pop("QT_QPA_PLATFORM", None)
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(command, env=self.environment)
        self.id = ""

    def find(self, name: str = "^Stillroom$") -> str:
        """Wait until the window is there, and give its X id."""

        def opened() -> bool:
            assert self.process.poll() is None, f"stillroom ended with {self.process.returncode}"
            self.id = next(iter(self._shown(name)), "")
            return bool(self.id)

        wait_until(opened, f"the window {name}", WAIT_S)
        return self.id

    def colours(self) -> int:
        """Count the colours of the window; a window that is not painted shows one."""
        shot = subprocess.run(
            ["import", "-window", self.id, "-resize", "200x", "png:-"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if not shot.stdout:
            return 0
        counted = subprocess.run(
            ["identify", "-format", "%k", "png:-"], input=shot.stdout, stdout=subprocess.PIPE, check=True
        )
        return int(counted.stdout)

    def size(self) -> tuple[int, int]:
        """Give its width and height in the display's pixels, without a frame."""
        lines = self._xdotool("getwindowgeometry", "--shell", self.id).splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return int(values["WIDTH"]), int(values["HEIGHT"])

    def click(self, x: int, y: int) -> None:
        """Click at a point of the window."""
        self._xdotool("mousemove", "--window", self.id, str(x), str(y), "click", "1")

    def point_at(self, x: int, y: int) -> None:
        """Let the pointer rest at a point of the window."""
        self._xdotool("mousemove", "--window", self.id, str(x), str(y))

    def pixels(self, x: int, y: int, width: int, height: int) -> bytes:
        """Give a part of the display, with what lies over the window."""
        part = f"{width}x{height}+{x}+{y}"
        command = ["import", "-window", "root", "-crop", part, "-depth", "8", "rgb:-"]
        return subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, check=True).stdout

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Move from one point of the window to another with the button held."""
        self._xdotool("mousemove", "--window", self.id, *map(str, start), "mousedown", "1")
        for step in range(1, DRAG_STEPS + 1):
            x, y = (at + (to - at) * step // DRAG_STEPS for at, to in zip(start, end, strict=True))
            self._xdotool("mousemove", "--window", self.id, str(x), str(y))
        self._xdotool("mouseup", "1")

    def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        self._xdotool("windowfocus", "--sync", self.id, "type", "--delay", "8", text)

    def key(self, *names: str) -> None:
        """Press keys, such as "ctrl+2"."""
        self._xdotool("windowfocus", "--sync", self.id, "key", *names)

    def is_shown(self, name: str) -> bool:
        """Tell whether a window of that name, such as a dialog, is there."""
        return bool(self._shown(name))

    def key_in(self, name: str, *keys: str) -> None:
        """Press keys in a window of that name."""
        for shown in self._shown(name)[:1]:
            self._xdotool("windowfocus", shown, "key", *keys, check=False)

    def dismiss(self, name: str) -> None:
        """Press Escape until no window of that name is left; the first may come before it listens."""

        def press() -> None:
            for shown in self._shown(name)[:1]:
                self._xdotool("windowfocus", shown, "key", "Escape", check=False)

        wait_until(lambda: not self._shown(name), f"the end of {name}", WAIT_S, press)
        self.find()

    def save_picture(self, path: Path) -> None:
        """The window as PNG."""
        subprocess.run(["import", "-window", self.id, str(path)], env=self.environment, check=True)

    def close(self) -> int:
        """Press the keys that close the window, and give the exit code."""
        self.key("ctrl+q")
        return self.process.wait(WAIT_S)

    def _shown(self, name: str) -> list[str]:
        return self._xdotool("search", "--onlyvisible", "--name", name, check=False).split()

    def _xdotool(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["xdotool", *arguments], env=self.environment, stdout=subprocess.PIPE, text=True, check=check
        )
        return done.stdout
