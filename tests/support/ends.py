"""Ends a program while it is at work, and sees that it is gone in time with all of its processes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil

from app.ui.shell.callback_watch import Figures
from app.ui.shell.program import CALLBACKS_VARIABLE
from tests.support.waiting import wait_until

GONE_S = 3.0
"""Promised."""

MOST_S = 8.0
"""Fails a test: the machine may be at something else."""

LONGEST_S = 180.0
BEGUN_S = 4.0


@dataclass
class End:
    """One end; `gone_s` from the wish to end until nothing of the program was there any more."""

    gone_s: float
    status: int
    told: dict[str, Any] = field(default_factory=dict)
    figures: Figures | None = None


def end_program(
    command: Sequence[str],
    home: Path,
    *,
    sent: signal.Signals | None = None,
    mark: bytes = b"at ",
    delay_s: float = 0.0,
    freezes: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> End:
    """Run `command` until it says `mark` on stdout, and `sent` that long after; without a signal it ends
    itself and says when it begins to. An empty mark is when it has a process of its own, or `BEGUN_S` later.
    `freezes` stops (SIGSTOP) all of its other processes before."""
    home.mkdir(parents=True, exist_ok=True)
    figures = home / "callbacks.json"
    figures.unlink(missing_ok=True)
    process = subprocess.Popen(
        list(command),
        env={
            **environment,
            "STILLROOM_HOME": str(home),
            "QT_QPA_PLATFORM": "offscreen",
            CALLBACKS_VARIABLE: str(figures),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    told: dict[str, Any] = {}
    wished_s = 0.0
    tree = Tree(process.pid)
    try:
        for line in _lines(process, mark, told):
            if line.startswith(b"closing "):
                wished_s = float(told["closing"])
                tree.look()
            elif line.startswith(mark) and sent is not None:
                if not mark:
                    tree.wait_for_child(BEGUN_S)
                time.sleep(delay_s)
                tree.look()
                if freezes:
                    tree.stop_children()
                wished_s = time.monotonic()
                process.send_signal(sent)
        gone_s = tree.gone_s(wished_s or time.monotonic())
        process.wait(LONGEST_S)
        errors = process.stderr.read().decode("utf-8", "replace") if process.stderr is not None else ""
        if errors and "Traceback" in errors:
            told["errors"] = errors[-3000:]
    finally:
        tree.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    found = msgspec.json.decode(figures.read_bytes(), type=Figures) if figures.exists() else None
    return End(gone_s, process.returncode, told, found)


def window(work: str, how: str, delay_s: float = 0.0, model: str = "") -> list[str]:
    """The command of `window_child`."""
    return [sys.executable, "-m", "tests.support.window_child", work, how, str(delay_s), model]


def _lines(process: "subprocess.Popen[bytes]", mark: bytes, told: dict[str, Any]) -> Iterator[bytes]:
    assert process.stdout is not None
    if not mark:
        yield b""
    for line in process.stdout:
        word, _, value = line.partition(b" ")
        if word in (b"kept", b"at", b"closing", b"ended", b"failed"):
            told[word.decode()] = json.loads(value)
        yield line


class Tree:
    """A program's processes, whatever session they are in, also those whose parent is gone."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._seen: set[psutil.Process] = {self._root}

    def look(self) -> None:
        """Note those that there are now."""
        for process in tuple(self._seen):
            try:
                self._seen.update(process.children(recursive=True))
            except psutil.Error:
                continue

    def wait_for_child(self, most_s: float) -> None:
        """Wait until there is more than the program itself."""

        def has_child() -> bool:
            self.look()
            return len(self._seen) > 1

        with contextlib.suppress(TimeoutError):
            wait_until(has_child, "a child", most_s)

    def stop_children(self) -> None:
        """Stop all but the program itself."""
        for process in self._seen - {self._root}:
            with contextlib.suppress(psutil.Error):
                process.suspend()

    @property
    def left(self) -> list[psutil.Process]:
        """Those that are still there."""
        return [process for process in self._seen if process.is_running() and not _is_dead(process)]

    def gone_s(self, since_s: float) -> float:
        """Wait until all are gone; seconds since then."""

        def are_gone() -> bool:
            left = self.left
            self.look()
            return not left

        try:
            wait_until(are_gone, "the end of all", LONGEST_S)
        except TimeoutError:
            raise TimeoutError(f"still there: {[process.cmdline() for process in self.left]}") from None
        return time.monotonic() - since_s

    def kill(self) -> None:
        """Leave nothing behind, whatever the test found."""
        self.look()
        for process in self.left:
            process.kill()


def _is_dead(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
