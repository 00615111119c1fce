"""Runs programs and tests in the sandbox for the window: one at a time, output as it comes, Stop."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from app.code.program_tests import Trial, run_tests
from app.code.runtimes import job_for
from app.code.sandbox.limits import Limits, RunResult
from app.code.sandbox.run import Sandbox
from app.ui.base.bridge import Bridge

Result = TypeVar("Result")


class CodeRunner(QObject):
    """Starts nothing by itself: each run comes from a click. GUI thread only."""

    output = Signal(str, bool)
    """A piece of output, and whether it is from stderr."""
    running_changed = Signal(bool)

    def __init__(self, sandbox: Sandbox, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sandbox = sandbox
        self._bridge = bridge
        self._stop: threading.Event | None = None
        self.limits = Limits()

    @property
    def running(self) -> bool:
        """Tell whether a program runs."""
        return self._stop is not None

    def stop(self) -> None:
        """End the running program; its result says so."""
        if self._stop is not None:
            self._stop.set()

    async def run(self, code: str, language: str, stdin: str = "") -> RunResult:
        """Run a program. Raises `NotRunnableError` and `SandboxUnavailableError`."""

        def on_output(stream: str, text: str) -> None:
            self._bridge.post(self.output.emit, text, stream == "stderr")

        def work(stop: threading.Event) -> RunResult:
            job = job_for(code, language, stdin=stdin, stop=stop)
            return self._sandbox.run(job, self.limits, on_output, stop)

        return await self._in_thread(work)

    async def test(self, code: str, tests: str, language: str) -> Trial:
        """Run tests on a program. Raises `NotTestableError`, and as `run`."""
        return await self._in_thread(
            lambda stop: run_tests(self._sandbox, code, tests, language, self.limits, stop)
        )

    async def _in_thread(self, work: Callable[[threading.Event], Result]) -> Result:
        assert self._stop is None, "one program at a time"
        stop = self._stop = threading.Event()
        self.running_changed.emit(True)
        try:
            return await asyncio.to_thread(work, stop)
        finally:
            # Also when the window goes meanwhile: the thread then ends with the program.
            stop.set()
            self._stop = None
            self.running_changed.emit(False)
