"""One reply: asked for, kept on disk while it comes, and ended. For the window and for commands alike."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from app.base.errors import Cancelled, StillroomError
from app.chat.prompting.attached import content_for_model
from app.chat.prompting.prompt import ChatMessage
from app.chat.store.database import ChatStoreError
from app.chat.store.recorder import ReplyRecorder
from app.chat.store.records import Outcome, StoredMessage
from app.chat.store.store import ChatStore
from app.chat.store.summary import Summary, after_summary, summary_for_model
from app.engine.protocol import (
    Delta,
    Finished,
    Generate,
    GenerationStats,
    ReplyEvent,
)
from app.engine.protocol.reply_source import Answers, OnReplyEvent


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """The end of a reply. `error` is the failure, already kept with the message."""

    outcome: Outcome
    stats: GenerationStats | None = None
    error: BaseException | None = None


def chat_key(conversation_id: int) -> str:
    """The name of a kept chat for the engine; no number of a chat is ever given out twice."""
    return f"chat-{conversation_id}"


def history(
    branch: Sequence[StoredMessage], system_prompt: str = "", summary: Summary | None = None
) -> list[ChatMessage]:
    """A branch as the model gets it: the answers without the thinking that led to them, and a summary in the
    place of the messages that it stands for.
    """
    messages = [ChatMessage("system", system_prompt)] if system_prompt.strip() else []
    if summary is not None:
        messages.append(ChatMessage("user", summary_for_model(summary.text)))
    return messages + [
        ChatMessage(message.role, content_for_model(message)) for message in after_summary(branch, summary)
    ]


class Turn:
    """A reply that is being generated into the kept message `message_id`.

    The engine's events are recorded and passed on to `on_event`, both on the engine client's thread. Whatever
    has come stays kept, also when the engine dies or the program does.
    """

    def __init__(
        self,
        store: ChatStore,
        engine: Answers,
        message_id: int,
        request: Generate,
        on_event: OnReplyEvent,
        on_disk_problem: Callable[[ChatStoreError], None] | None = None,
    ) -> None:
        """Start it. `on_disk_problem` is called, on a thread of its own, when the reply cannot be kept."""
        self.message_id = message_id
        self.end: Future[TurnEnd] = Future()
        """Resolved when the reply has ended, never with an error."""
        self._on_event = on_event
        self._recorder = ReplyRecorder(store, message_id, on_problem=on_disk_problem)
        self._generation = engine.ask(request, self._take)
        self._generation.future.add_done_callback(self._finish)

    def cancel(self) -> None:
        """Stop within one step; what has come is kept."""
        self._generation.cancel()

    def answer_now(self) -> None:
        """End the thinking, so that the answer follows."""
        self._generation.answer_now()

    def wait_until_kept(self, timeout_s: float | None = None) -> bool:
        """Block until the end is on the disk; False when that took too long."""
        return self._recorder.wait(timeout_s)

    def _take(self, event: ReplyEvent) -> None:
        if isinstance(event, Delta) and event.text:
            self._recorder.add(event.channel, event.text)
        self._on_event(event)

    def _finish(self, future: Future[Finished]) -> None:
        error = future.exception()
        if isinstance(error, Cancelled):
            # The program is closing.
            end = TurnEnd("cancelled")
        elif error is not None:
            end = TurnEnd("failed", error=error)
        else:
            finished = future.result()
            end = TurnEnd(finished.reason, finished.stats)
        self._recorder.finish(
            end.outcome, stats=end.stats, error="" if end.error is None else _sentence(end.error)
        )
        self.end.set_result(end)


def _sentence(error: BaseException) -> str:
    """Describe an error as the user reads it under the reply."""
    if isinstance(error, StillroomError):
        return " ".join(text for text in (str(error), error.hint_text()) if text)
    return f"{type(error).__name__}: {error}"
