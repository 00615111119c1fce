"""A question about code on its way: prepared, waiting, answered, and stopped at any of these moments."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine.protocol import Finished, Sampling
from app.ui.base.engine_session import EngineSession, OnReplyEvent, Reply
from app.ui.code.conversation.code_assistant import CodeAssistant, FittedQuestion

LOOK_MS = 300
"""What is prepared in this time needs no word, and so long at most a word is behind."""

Made = TypeVar("Made")


class CodeRequest(QObject):
    """Holds one question at a time, from `begin` to `end`. GUI thread only.

    It runs beside other replies where the model has room for several; else the engine lets it wait, which
    `waits_for` tells.
    """

    changed = Signal()
    """It has got on, or began or ceased to wait."""

    def __init__(
        self,
        session: EngineSession,
        assistant: CodeAssistant,
        answering: Callable[[], str],
        parent: QObject,
    ) -> None:
        """`answering` gives the title of the chat whose reply is coming in, empty where there is none."""
        super().__init__(parent)
        self._session = session
        self._assistant = assistant
        self._answering = answering
        self._running = False
        self._stopped = False
        self._preparing: asyncio.Future[Any] | None = None
        self._reply: Reply | None = None
        self._has_begun = False
        self._waits_for = ""
        self._look_timer = QTimer(self, interval=LOOK_MS)
        self._look_timer.timeout.connect(self._look)

    @property
    def running(self) -> bool:
        """Tell whether a question is on its way."""
        return self._running

    @property
    def waits_for(self) -> str:
        """The title of the chat whose reply goes first; empty where nothing is waited for."""
        return self._waits_for

    def begin(self) -> None:
        """Take a question; `end` must follow."""
        assert not self._running, "one question at a time"
        self._running, self._stopped, self._has_begun = True, False, False
        self._look_timer.start()
        self.changed.emit()

    def end(self) -> None:
        """Let the next question come."""
        self._running = False
        self._waits_for = ""
        self._look_timer.stop()
        self.changed.emit()

    def stop(self) -> None:
        """End the question wherever it is. One that was not sent never is; of a reply stays what has come."""
        if not self._running:
            return
        self._stopped = True
        if self._preparing is not None:
            self._preparing.cancel()
        if self._reply is not None:
            self._reply.cancel()

    async def prepare(self, work: Coroutine[Any, Any, Made]) -> Made | None:
        """Do what comes before the question is sent; None where it was stopped."""
        if self._was_stopped():
            work.close()
            return None
        preparing: asyncio.Future[Made] = asyncio.ensure_future(work)
        self._preparing = preparing
        try:
            made = await preparing
        except asyncio.CancelledError:
            if not self._was_stopped():
                raise
            return None
        finally:
            self._preparing = None
        return None if self._was_stopped() else made

    async def answer(
        self,
        fitted: FittedQuestion,
        sampling: Sampling,
        on_asked: Callable[[Reply], None],
        on_event: OnReplyEvent,
    ) -> Finished:
        """Send the question and wait for the end of its reply; `on_asked` gets the reply before any event.
        Raises `EngineError`, and `Cancelled` where it was stopped before the engine had it."""

        def listen(event: Any) -> None:
            if not self._has_begun:
                self._has_begun = True
                self._look()
            on_event(event)

        reply = self._reply = self._assistant.ask(fitted, sampling, listen)
        self._look()
        on_asked(reply)
        self.changed.emit()
        try:
            return await reply.finished()
        except asyncio.CancelledError:
            reply.cancel()
            raise
        finally:
            self._reply = None

    def _was_stopped(self) -> bool:
        # It changes while something is awaited.
        return self._stopped

    def _look(self) -> None:
        """Find out what is waited for."""
        waits_for = self._answering() if self._waits() else ""
        if waits_for != self._waits_for:
            self._waits_for = waits_for
            self.changed.emit()

    def _waits(self) -> bool:
        if self._reply is None:
            return self._preparing is not None
        info = self._session.info
        return not self._has_begun and info is not None and info.plan.sequences == 1
