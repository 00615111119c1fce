"""Runs replies from the engine into the store and reply views."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.base.errors import StillroomError
from app.chat.store.records import Conversation, StoredMessage
from app.chat.store.store import ChatStore
from app.chat.turn import Turn, TurnEnd
from app.engine.protocol import (
    Delta,
    Generate,
    ModelInfo,
    Notice,
    PromptProgress,
    ReplyEvent,
)
from app.filters.verdict import Hit
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.notices import Notices, error_text, filled

log = logging.getLogger(__name__)

CLOSING_S = 2.0


@dataclass(frozen=True, slots=True)
class RunningReply:
    """The reply that is being generated, and where it is shown."""

    chat: Conversation
    message: StoredMessage
    view: ReplyView
    model: ModelInfo
    hits: tuple[Hit, ...] = ()
    """The input filter's hits in the question and in what goes along with it."""
    goes_on: bool = False
    """The message was cut off, and what comes now is put behind it."""
    is_apart: bool = False
    """It is shown beside other answers to its question, and not in the conversation."""


@dataclass(slots=True)
class _Run:
    reply: RunningReply
    turn: Turn | None = None
    stopped: bool = False


class ReplyRunner:
    """Replies of all chats, each in a message of its own. GUI thread; the turns' threads write the disk."""

    def __init__(
        self,
        store: ChatStore,
        session: EngineSession,
        bridge: Bridge,
        notices: Notices,
        on_end: Callable[[Conversation, float], None],
    ) -> None:
        """`on_end` is called with the chat and the seconds since its question was sent."""
        self._on_end = on_end
        self._store = store
        self._session = session
        self._bridge = bridge
        self._notices = notices
        self._runs: dict[int, _Run] = {}
        """By the number of the message."""

    @property
    def running(self) -> list[RunningReply]:
        """The replies that are being generated, the oldest first."""
        return [run.reply for run in self._runs.values()]

    def running_in(self, chat_id: int) -> RunningReply | None:
        """The reply that is being generated in a chat's conversation; None where there is none."""
        return next(
            (reply for reply in self.running if reply.chat.id == chat_id and not reply.is_apart), None
        )

    def stop(self, chat_id: int) -> None:
        """Stop all replies of a chat within one step; what has come is kept."""
        for reply in self.running:
            if reply.chat.id == chat_id:
                self.stop_reply(reply.message.id)

    def stop_reply(self, message_id: int) -> None:
        """Stop the reply of one message, if it is being generated; what has come is kept."""
        run = self._runs.get(message_id)
        if run is not None:
            run.stopped = True
            if run.turn is not None:
                run.turn.cancel()

    def close_down(self) -> Callable[[], None]:
        """Stop all; the returned function waits on another thread until the texts so far are on the disk, at
        most `CLOSING_S` if the engine hangs."""
        turns = [run.turn for run in self._runs.values() if run.turn is not None]
        self._runs.clear()
        for turn in turns:
            turn.interrupt()

        def wait() -> None:
            end_s = time.monotonic() + CLOSING_S
            for turn in turns:
                if not turn.wait_until_kept(max(0.0, end_s - time.monotonic())):
                    log.warning("The engine did not end a reply in time; all but its last second is kept")

        return wait

    def begin(self, reply: RunningReply) -> None:
        """Let the view wait for its reply; `run` must follow."""
        beside = sum(other.model.path == reply.model.path for other in self.running)
        self._runs[reply.message.id] = _Run(reply)
        begin = reply.view.go_on if reply.goes_on else reply.view.begin
        begin(waits=beside >= max(1, reply.model.plan.sequences))

    async def run(self, message_id: int, request: Generate) -> None:
        """Generate the reply that was begun in a message, until its end is shown and kept.

        When the task is cancelled, the window is going: its widgets are left alone.
        """
        run = self._runs[message_id]
        begun_s = time.monotonic()
        try:
            end = await self._generate(run, request)
        except StillroomError as error:
            end = TurnEnd("failed", error=error)
        finally:
            if self._runs.get(message_id) is run:
                del self._runs[message_id]
        run.reply.view.finish(end.outcome, end.stats, _sentence(end.error))
        self._on_end(run.reply.chat, time.monotonic() - begun_s)

    async def _generate(self, run: _Run, request: Generate) -> TurnEnd:
        reply = run.reply

        def show(event: ReplyEvent) -> None:
            # The last deltas of a reply whose tab went are still on their way.
            if self._runs.get(reply.message.id) is not run:
                return
            if isinstance(event, Delta):
                reply.view.add(event.channel, event.text, event.tokens)
            elif isinstance(event, Notice):
                reply.view.show_remark(filled(event.message, event.values))
            elif isinstance(event, PromptProgress):
                reply.view.show_prompt_progress(event.done_tokens, event.total_tokens)

        turn = run.turn = Turn(
            self._store,
            self._session.answers("chat", reply.model, reply.hits),
            reply.message.id,
            request,
            self._bridge.wrap(show),
            on_disk_problem=self._bridge.wrap(self._notices.error),
            before=reply.message if reply.goes_on else None,
        )
        reply.view.answer_now_requested.connect(turn.answer_now)
        if run.stopped:
            turn.cancel()
        ended: asyncio.Future[TurnEnd] = asyncio.get_running_loop().create_future()

        def resolve(end: TurnEnd) -> None:
            if not ended.done():
                ended.set_result(end)

        # By the same bridge as the deltas, so that the end comes after the last of them.
        turn.end.add_done_callback(lambda future: self._bridge.post(resolve, future.result()))
        end = await ended
        # The view may go on with another turn.
        reply.view.answer_now_requested.disconnect(turn.answer_now)
        await asyncio.to_thread(turn.wait_until_kept)
        return end


def _sentence(error: BaseException | None) -> str:
    """Say why a reply failed, in the window's language; empty without an error."""
    if error is None:
        return ""
    if isinstance(error, StillroomError):
        return error_text(error)
    return f"{type(error).__name__}: {error}"
