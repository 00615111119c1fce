"""Renders chat templates in a process of its own, with limits on time, memory and output.

A template comes with a model from the internet and is a program: it may loop for ever or fill the memory,
also while it is compiled.
"""

import contextlib
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import BinaryIO, Literal, cast

import msgspec
import psutil

from app import windows_job
from app.chat.template_messages import (
    Failure,
    RenderAnswer,
    RenderRequest,
    Turn,
    parts_of,
    read_frame,
    write_frame,
)
from app.engine.frames import encodable
from app.engine.messages.base import Part
from app.errors import Cancelled, StillroomError
from models.child_process import NO_WINDOW

log = logging.getLogger(__name__)

CPU_LIMIT_S = 0.7
"""Of a processor's time for one conversation; an ordinary one of 200 messages takes a thousandth of it."""

CPU_LIMIT_S_PER_TURN = 100e-6
CPU_LIMIT_S_PER_CHARACTER = 0.1e-6
WALL_LIMIT_S = 15.0
"""For a process that does not get to compute: the machine is overloaded, or the process is held."""

START_LIMIT_S = 60.0
WATCH_S = 0.1
WINDOWS_MEMORY_BYTES = 512 << 20
PIPE_BYTES = 1 << 20

_MALLOC = "glibc.malloc.mmap_threshold=16777216:glibc.malloc.trim_threshold=67108864"
"""A long conversation's text is some hundred KB, which glibc would map and unmap, page by page, each time:
1.3 instead of 0.8 ms for 200 messages."""

Breach = Literal["time", "stuck", "died"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is to be rendered: a template with its model's special tokens, and who said what."""

    source: str
    bos_text: str
    eos_text: str
    turns: Sequence[Turn]


@dataclass(frozen=True, slots=True)
class Unrendered:
    """There is no prompt: what the template did instead, or that it passed the limit of time, or that the
    process was held or died. `reason` is what a refusal says."""

    failure: Failure | Breach
    reason: str = ""


Outcome = list[Part] | Unrendered


@dataclass(slots=True)
class _Watched:
    """A request that is being answered, for the thread that looks after its limits."""

    process: "subprocess.Popen[bytes]"
    began_s: float
    cpu_before_s: float
    cpu_limit_s: float
    wall_limit_s: float
    breach: Breach = "died"


class TemplateProcess:
    """Owner of the process. `render` from any thread; the answers come one after the other."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command` is `app.children.child_command("templates")`; nothing is started yet."""
        self._command = list(command)
        self._requests: queue.SimpleQueue[tuple[Conversation, Future[Outcome]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = False
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._cpu_s = 0.0
        self._known: Sequence[Turn] = ()
        self._watched: _Watched | None = None
        self._busy = threading.Event()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(RenderAnswer)
        self._job: int | None = None
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                flags = windows_job.KILL_ON_CLOSE | windows_job.PROCESS_MEMORY
                self._job = windows_job.create_job(flags, memory_bytes=WINDOWS_MEMORY_BYTES)

    def start(self) -> None:
        """Start the process ahead of the first request; returns at once."""
        with self._lock:
            if self._started or self._closed:
                return
            self._started = True
        # The child is tied to the thread that starts it, so that one lives until `close`.
        threading.Thread(target=self._answer, name="templates", daemon=True).start()
        threading.Thread(target=self._watch, name="templates-watch", daemon=True).start()

    def render(self, conversation: Conversation) -> "Future[Outcome]":
        """Ask for a prompt. The future fails with `Cancelled` after `close`, and with `StillroomError` where
        no process can be started."""
        self.start()
        future: Future[Outcome] = Future()
        with self._lock:
            closed = self._closed
            if not closed:
                self._requests.put((conversation, future))
        if closed:
            future.set_exception(Cancelled())
        return future

    def close(self) -> None:
        """End the process; what still waits is cancelled. Returns at once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            process = self._process
        self._requests.put(None)
        self._busy.set()
        if process is not None:
            process.kill()

    # The thread that asks.

    def _answer(self) -> None:
        with contextlib.suppress(OSError):
            self._ready_process()
        while (item := self._requests.get()) is not None:
            conversation, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                outcome = self._ask(conversation)
            except OSError as error:
                failure = StillroomError(
                    "The process that applies chat templates could not be started: {reason}.",
                    "Repair the installation, or allow the program in your security software.",
                    reason=error.strerror or str(error),
                )
                future.set_exception(Cancelled() if self._closed else failure)
            else:
                future.set_result(outcome)
        self._drop_process()
        with contextlib.suppress(queue.Empty):
            while True:
                left = self._requests.get_nowait()
                if left is not None and left[1].set_running_or_notify_cancel():
                    left[1].set_exception(Cancelled())

    def _ask(self, conversation: Conversation) -> Outcome:
        turns = conversation.turns
        characters = len(conversation.source) + sum(len(content) for _, content in turns)
        cpu_limit_s = CPU_LIMIT_S + len(turns) * CPU_LIMIT_S_PER_TURN + characters * CPU_LIMIT_S_PER_CHARACTER
        # One that is held from outside, or was killed, is no template's fault the first time.
        for attempt in range(2):
            process = self._ready_process()
            watched = self._watch_over(process, cpu_limit_s, cpu_limit_s + WALL_LIMIT_S)
            answer = self._exchange(process, self._request(conversation))
            self._watched = None
            self._busy.clear()
            if answer is not None and answer.failure:
                if answer.failure == "memory":
                    self._drop_process()
                return Unrendered(answer.failure, answer.reason)
            with contextlib.suppress(IndexError):
                if answer is not None:
                    return parts_of(answer.pieces, turns)
            self._drop_process()
            if self._closed:
                raise OSError("closed")
            if watched.breach == "time" or attempt == 1:
                break
        log.warning("the process that renders chat templates was ended: %s", watched.breach)
        return Unrendered(watched.breach)

    def _request(self, conversation: Conversation) -> bytes:
        """The conversation, without the turns that the process knows of the one before."""
        turns, known = conversation.turns, self._known
        kept = 0
        for turn, other in zip(turns, known, strict=False):
            if turn != other:
                break
            kept += 1
        self._known = turns
        request = RenderRequest(
            conversation.source, conversation.bos_text, conversation.eos_text, kept, list(turns[kept:])
        )
        try:
            return self._encoder.encode(request)
        except UnicodeEncodeError:
            # Half of a pasted emoji.
            request.turns = [(role, encodable(content)) for role, content in request.turns]
            return self._encoder.encode(request)

    def _exchange(self, process: "subprocess.Popen[bytes]", payload: bytes | None) -> RenderAnswer | None:
        """Send a request (or nothing, to hear that it is ready) and read the answer; None when it ended."""
        try:
            if payload is not None:
                write_frame(cast(BinaryIO, process.stdin), payload)
            frame = read_frame(cast(BinaryIO, process.stdout))
            answer = self._decoder.decode(frame) if frame else None
        except (OSError, ValueError, msgspec.DecodeError):
            return None
        if answer is not None:
            self._cpu_s = answer.cpu_s
        return answer

    def _watch_over(
        self, process: "subprocess.Popen[bytes]", cpu_limit_s: float, wall_limit_s: float
    ) -> _Watched:
        watched = _Watched(process, time.monotonic(), self._cpu_s, cpu_limit_s, wall_limit_s)
        self._watched = watched
        self._busy.set()
        return watched

    def _ready_process(self) -> "subprocess.Popen[bytes]":
        """The process, started and ready. Raises `OSError`."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._drop_process()
        tunables = os.environ.get("GLIBC_TUNABLES", "")
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Without it the child would import from the working folder, which may be the user's own project.
            env={
                **os.environ,
                "PYTHONSAFEPATH": "1",
                "GLIBC_TUNABLES": f"{tunables}:{_MALLOC}" if tunables else _MALLOC,
            },
            creationflags=NO_WINDOW,
            start_new_session=True,
        )
        _widen(process)
        if sys.platform == "win32" and self._job is not None:
            with contextlib.suppress(OSError):
                windows_job.put_into_job(self._job, int(process._handle))
        with self._lock:
            self._process = process
            closed = self._closed
        self._cpu_s = 0.0
        self._known = ()
        self._watch_over(process, START_LIMIT_S, START_LIMIT_S)
        ready = None if closed else self._exchange(process, None)
        self._watched = None
        self._busy.clear()
        if ready is None:
            self._drop_process()
            raise OSError("it ends at once")
        return process

    def _drop_process(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)

    # The thread that looks after the limits.

    def _watch(self) -> None:
        while True:
            self._busy.wait()
            if self._closed:
                return
            time.sleep(WATCH_S)
            watched = self._watched
            if watched is None:
                continue
            with contextlib.suppress(psutil.Error):
                times = psutil.Process(watched.process.pid).cpu_times()
                if times.user + times.system - watched.cpu_before_s > watched.cpu_limit_s:
                    watched.breach = "time"
                    watched.process.kill()
            if time.monotonic() - watched.began_s > watched.wall_limit_s:
                watched.breach = "stuck" if watched.breach == "died" else watched.breach
                watched.process.kill()


def _widen(process: "subprocess.Popen[bytes]") -> None:
    """Let a whole conversation into the pipes at once, where that can be had."""
    if sys.platform == "linux":
        import fcntl

        for stream in (process.stdin, process.stdout):
            # Refused to a user who has many wide pipes.
            with contextlib.suppress(OSError):
                fcntl.fcntl(cast(BinaryIO, stream), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
