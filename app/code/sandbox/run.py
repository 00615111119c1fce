"""Runs somebody's program in a sandbox, and never without one."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from app.base.children import child_command
from app.base.errors import StillroomError
from app.code.sandbox.control_group import control_group
from app.code.sandbox.limits import BackEnd, Ending, Job, Limits, RunResult
from app.code.sandbox.worker import request_line
from models.system.child_process import NO_WINDOW

Stream = Literal["stdout", "stderr"]
OnOutput = Callable[[Stream, str], None]

USUAL_LIMITS = Limits()
_OF_SYSTEM: dict[str, tuple[BackEnd, ...]] = {
    "linux": ("bubblewrap", "namespaces", "landlock"),
    "win32": ("windows",),
}
_TRIAL = Job(("cmd.exe", "/c", "exit 0") if sys.platform == "win32" else ("/bin/true",))
"""The program that shows whether a back end works here."""

LOOK_S = 0.05
GRACE_S = 0.7
"""So long after its limit a run is ended from outside, should its watching process not have done so."""


class SandboxUnavailableError(StillroomError):
    """This computer has nothing to lock a program up with, so nothing is run."""


class Sandbox:
    """Runs programs locked up. Any thread but the GUI's, several runs at a time.

    `command` starts the process that builds the sandbox; `back_ends` are tried in order, once. `in_groups`:
    the kernel holds each run to its memory in a control group, where this user may make one.
    """

    def __init__(
        self,
        command: Sequence[str] = (),
        back_ends: Sequence[BackEnd] | None = None,
        *,
        in_groups: bool = True,
    ) -> None:
        self._in_groups = in_groups
        self._command = tuple(command) or tuple(child_command("sandbox"))
        self._candidates = tuple(back_ends if back_ends is not None else _OF_SYSTEM.get(sys.platform, ()))
        self._chosen: BackEnd | None = None
        self._lock = threading.Lock()

    def back_end(self) -> BackEnd:
        """Return the means of isolation on this computer; tried out the first time it is asked.

        Raises `SandboxUnavailableError` where there is nothing.
        """
        with self._lock:
            if self._chosen is None:
                self._chosen = self._find()
            return self._chosen

    def run(
        self,
        job: Job,
        limits: Limits = USUAL_LIMITS,
        on_output: OnOutput = lambda _stream, _text: None,
        stop: threading.Event | None = None,
    ) -> RunResult:
        """Run `job` to its end, its limits or `stop`; nothing that it started is alive afterwards.

        `on_output` is called in this thread as the output comes. Raises `SandboxUnavailableError`.
        """
        return self._run_in(self.back_end(), job, limits, on_output, stop or threading.Event())

    def _find(self) -> BackEnd:
        reasons = []
        for candidate in self._candidates:
            result = self._run_in(candidate, _TRIAL, Limits(time_s=5.0), lambda *_: None, threading.Event())
            if result.ok:
                return candidate
            reasons.append(f"{candidate}: {result.reason or result.output.strip() or result.ending}")
        raise SandboxUnavailableError(
            "Nothing is run: this computer has no sandbox that works ({reasons}).",
            "Install bubblewrap 0.8 or newer, or allow user namespaces." if sys.platform == "linux" else "",
            reasons="; ".join(reasons) or sys.platform,
        )

    def _run_in(
        self, back_end: BackEnd, job: Job, limits: Limits, on_output: OnOutput, stop: threading.Event
    ) -> RunResult:
        made = control_group(limits.memory_bytes) if self._in_groups else contextlib.nullcontext("")
        with made as group:
            request = request_line(back_end, job, limits, group)
            return self._run_request(request, back_end, limits, on_output, stop)

    def _run_request(
        self, request: bytes, back_end: BackEnd, limits: Limits, on_output: OnOutput, stop: threading.Event
    ) -> RunResult:
        began_s = time.monotonic()
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_bare_environment(),
            start_new_session=True,
            creationflags=NO_WINDOW,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        too_late = threading.Event()
        watch = threading.Thread(
            target=_end_in_time,
            args=(process, stop, began_s + limits.time_s + GRACE_S, too_late),
            name="sandbox-watch",
        )
        texts: list[tuple[str, str]] = []
        end: dict[str, Any] = {}
        folder = ""
        with process:
            with contextlib.suppress(OSError):
                process.stdin.write(request)
                process.stdin.flush()
            watch.start()
            for line in process.stdout:
                told = json.loads(line)
                if "ending" in told:
                    end = told
                    break
                if "folder" in told:
                    folder = told["folder"]
                    continue
                texts.append((told["stream"], told["text"]))
                on_output(told["stream"], told["text"])
            # What could not be written to a process that is gone is still waiting to be.
            with contextlib.suppress(OSError):
                process.stdin.close()
        watch.join()
        if folder and not end:
            # The sandbox process was ended before it could.
            from app.code.sandbox import landlocked  # only where there is Linux

            landlocked.remove(folder)
        otherwise: Ending = "stopped" if stop.is_set() else "time" if too_late.is_set() else "failed"
        return RunResult(
            ending=end.get("ending", otherwise),
            exit_code=end.get("exit_code", -1),
            output="".join(text for _, text in texts),
            stdout="".join(text for stream, text in texts if stream == "stdout"),
            seconds=end.get("seconds", time.monotonic() - began_s),
            peak_memory_bytes=end.get("peak_memory_bytes", 0),
            back_end=back_end,
            reason=end.get("reason", ""),
        )


def _end_in_time(
    process: "subprocess.Popen[bytes]", stop: threading.Event, end_s: float, too_late: threading.Event
) -> None:
    """Ask the process to end on `stop`, and end it when it stays: the kernel then takes all below it."""
    assert process.stdin is not None
    asked = False
    while process.poll() is None:
        if time.monotonic() > end_s:
            too_late.set()
            process.kill()
        elif stop.wait(LOOK_S) and not asked:
            asked = True
            end_s = min(end_s, time.monotonic() + GRACE_S)
            with contextlib.suppress(OSError):
                process.stdin.close()
        elif asked:
            time.sleep(LOOK_S)


def _bare_environment() -> dict[str, str]:
    """Return the variables that a Python process needs; none of the user's own, which may hold secrets."""
    kept = ("SYSTEMROOT", "LD_LIBRARY_PATH", "PYINSTALLER_RESET_ENVIRONMENT", "TEMP", "TMP")
    return {
        "PYTHONSAFEPATH": "1",
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        **{name: os.environ[name] for name in kept if name in os.environ},
    }
