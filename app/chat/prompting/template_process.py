"""Renders chat templates in a process of its own, with limits on time, memory and output.

A template comes with a model from the internet and is a program: it may loop for ever or fill the memory,
also while it is compiled.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import msgspec

from app.base.errors import Cancelled, StillroomError
from app.base.limited_process import Breach, LimitedProcess
from app.base.threads import start_thread
from app.chat.prompting.template_messages import Failure, RenderAnswer, RenderRequest, Turn, parts_of
from app.engine.protocol.frames import encodable
from app.engine.protocol.message_base import Part

log = logging.getLogger(__name__)

CPU_LIMIT_S = 0.7
"""Of a processor's time for one conversation; an ordinary one of 200 messages takes a thousandth of it."""

CPU_LIMIT_S_PER_TURN = 100e-6
CPU_LIMIT_S_PER_CHARACTER = 0.1e-6


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation to render: a template with its model's special tokens, and who said what."""

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


class TemplateProcess:
    """Renders one conversation after the other. Any thread."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command` is `app.base.children.child_command("templates")`; nothing is started yet."""
        self.process = LimitedProcess(command)
        self._requests: queue.SimpleQueue[tuple[Conversation, Future[Outcome]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = False
        self._closed = False
        self._known: tuple[int, Sequence[Turn]] = (0, ())
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(RenderAnswer)

    def start(self) -> None:
        """Start the process ahead of the first request; returns at once."""
        with self._lock:
            if self._started or self._closed:
                return
            self._started = True
        start_thread(self._answer, "templates")

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
        self._requests.put(None)
        self.process.close()

    # The thread that asks.

    def _answer(self) -> None:
        with contextlib.suppress(OSError):
            self.process.ensure()
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
        self.process.drop()
        with contextlib.suppress(queue.Empty):
            while True:
                left = self._requests.get_nowait()
                if left is not None and left[1].set_running_or_notify_cancel():
                    left[1].set_exception(Cancelled())

    def _ask(self, conversation: Conversation) -> Outcome:
        turns = conversation.turns
        characters = len(conversation.source) + sum(len(content) for _, content in turns)
        cpu_limit_s = CPU_LIMIT_S + len(turns) * CPU_LIMIT_S_PER_TURN + characters * CPU_LIMIT_S_PER_CHARACTER
        breach: Breach = "died"
        # One that is held from outside, or was killed, is no template's fault the first time.
        for _ in range(2):
            self.process.ensure()
            answer = self.process.ask(self._request(conversation), cpu_limit_s)
            if isinstance(answer, bytes):
                with contextlib.suppress(msgspec.DecodeError, IndexError):
                    decoded = self._decoder.decode(answer)
                    if decoded.failure == "memory":
                        self.process.drop()
                    if decoded.failure:
                        return Unrendered(decoded.failure, decoded.reason)
                    return parts_of(decoded.pieces, turns)
                self.process.drop()
                continue
            breach = answer
            if breach == "time":
                break
        log.warning("the process that renders chat templates was ended: %s", breach)
        return Unrendered(breach)

    def _request(self, conversation: Conversation) -> bytes:
        """The conversation, without the turns that the process knows of the one before."""
        turns = conversation.turns
        generation, known = self._known
        kept = 0
        if generation == self.process.generation:
            for turn, other in zip(turns, known, strict=False):
                if turn != other:
                    break
                kept += 1
        self._known = (self.process.generation, turns)
        request = RenderRequest(
            conversation.source, conversation.bos_text, conversation.eos_text, kept, list(turns[kept:])
        )
        try:
            return self._encoder.encode(request)
        except UnicodeEncodeError:
            # Half of a pasted emoji.
            request.turns = [(role, encodable(content)) for role, content in request.turns]
            return self._encoder.encode(request)
