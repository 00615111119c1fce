"""Runs one reply from the engine into the store and a reply view."""

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
from app.ui.base.session import EngineSession
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.notices import Notices, filled, translated

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


class ReplyRunner:
    """One reply at a time. GUI thread; the disk is written on threads of the turn."""

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
        self._turn: Turn | None = None
        self._stopped = False
        self.running: RunningReply | None = None

    def stop(self) -> None:
        """Stop the reply within one step; what has come is kept."""
        self._stopped = True
        if self._turn is not None:
            self._turn.cancel()

    def close_down(self) -> Callable[[], None]:
        """Stop; the returned function waits on another thread until the text so far is on the disk, at most
        `CLOSING_S` if the engine hangs."""
        self.running = None
        turn = self._turn
        if turn is not None:
            turn.cancel()

        def wait() -> None:
            if turn is not None and not turn.wait_until_kept(CLOSING_S):
                log.warning("The engine did not end the reply in time; all but its last second is kept")

        return wait

    def begin(self, reply: RunningReply) -> None:
        """Let the view wait for its reply; `run` must follow."""
        self.running = reply
        self._stopped = False
        reply.view.begin()

    async def run(self, request: Generate) -> None:
        """Generate the reply that was begun, until its end is shown and kept.

        When the task is cancelled, the window is going: its widgets are left alone.
        """
        reply = self.running
        assert reply is not None
        begun_s = time.monotonic()
        try:
            end = await self._generate(reply, request)
        except StillroomError as error:
            end = TurnEnd("failed", error=error)
        finally:
            self.running = self._turn = None
        reply.view.finish(end.outcome, end.stats, _sentence(end.error))
        self._on_end(reply.chat, time.monotonic() - begun_s)

    async def _generate(self, reply: RunningReply, request: Generate) -> TurnEnd:
        def show(event: ReplyEvent) -> None:
            # The last deltas of a reply whose tab went are still on their way.
            if self.running is not reply:
                return
            if isinstance(event, Delta):
                reply.view.add(event.channel, event.text, event.tokens)
            elif isinstance(event, Notice):
                reply.view.show_remark(filled(event.message, event.values))
            elif isinstance(event, PromptProgress):
                reply.view.show_prompt_progress(event.done_tokens, event.total_tokens)

        turn = self._turn = Turn(
            self._store,
            self._session.answers("chat", reply.model, reply.hits),
            reply.message.id,
            request,
            self._bridge.wrap(show),
            on_disk_problem=self._bridge.wrap(self._notices.error),
        )
        reply.view.answer_now_requested.connect(turn.answer_now)
        if self._stopped:
            turn.cancel()
        ended: asyncio.Future[TurnEnd] = asyncio.get_running_loop().create_future()

        def resolve(end: TurnEnd) -> None:
            if not ended.done():
                ended.set_result(end)

        # By the same bridge as the deltas, so that the end comes after the last of them.
        turn.end.add_done_callback(lambda future: self._bridge.post(resolve, future.result()))
        end = await ended
        await asyncio.to_thread(turn.wait_until_kept)
        return end


def _sentence(error: BaseException | None) -> str:
    """Say why a reply failed, in the window's language; empty without an error."""
    if error is None:
        return ""
    if isinstance(error, StillroomError):
        return " ".join(text for text in translated(error) if text)
    return f"{type(error).__name__}: {error}"
