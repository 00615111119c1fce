"""One reply: asked for, kept on disk while it comes, and ended. For the window and for commands alike."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import msgspec

from app.base.errors import Cancelled, StillroomError
from app.chat.prompting.attached import content_for_model
from app.chat.prompting.prompt import ChatMessage
from app.chat.store.recorder import ReplyRecorder
from app.chat.store.records import Outcome, StoredMessage
from app.chat.store.store import ChatStore
from app.chat.store.summary import Summary, after_summary, summary_for_model
from app.engine.protocol import (
    Delta,
    Finished,
    Generate,
    GenerationStats,
    PartialReply,
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


def partial_reply(message: StoredMessage) -> PartialReply:
    """A kept reply that was cut off, as the engine goes on with it."""
    stats = message.stats
    return PartialReply(
        thinking=message.thinking,
        answer=message.content,
        closed=stats is not None and bool(stats.thinking_closed),
        thinking_s=stats.thinking_s if stats is not None else 0.0,
    )


def joined_stats(first: GenerationStats | None, second: GenerationStats | None) -> GenerationStats | None:
    """The figures of a reply in two parts: tokens and times are sums, the first token is that of the first
    part, or, where that was cut off before it, of both together. Of a part that nobody measured, None, only
    the tokens are known, once the engine went on with it."""
    if second is None:
        return None if first is None else msgspec.structs.replace(first, is_partly=True)
    if first is None:
        first = msgspec.structs.replace(
            second,
            prompt_tokens=second.prompt_tokens - second.resumed_tokens,
            completion_tokens=0,
            thinking_tokens=0,
            thinking_s=0.0,
            decode_s=0.0,
            decode_tok_per_s=0.0,
            drafted_tokens=0,
            accepted_tokens=0,
            thinking_closed="",
            token_s=[],
            is_partly=True,
        )
    elif not first.completion_tokens and not first.is_partly:
        first = _with_first_token(first, second)
    said = second.resumed_tokens if first.is_partly else first.completion_tokens
    decode_s = first.decode_s + second.decode_s
    timed = sum(round(part.decode_s * part.decode_tok_per_s) for part in (first, second))
    return msgspec.structs.replace(
        first,
        completion_tokens=said + second.completion_tokens,
        thinking_tokens=first.thinking_tokens + second.thinking_tokens,
        thinking_s=first.thinking_s + second.thinking_s,
        decode_s=decode_s,
        decode_tok_per_s=timed / decode_s if decode_s > 0 else 0.0,
        context_tokens_used=second.context_tokens_used,
        drafted_tokens=first.drafted_tokens + second.drafted_tokens,
        accepted_tokens=first.accepted_tokens + second.accepted_tokens,
        thinking_closed=second.thinking_closed or first.thinking_closed,
        token_s=[*first.token_s, *second.token_s],
    )


def _with_first_token(first: GenerationStats, second: GenerationStats) -> GenerationStats:
    """The figures of a part that ended while its prompt was read, with the rest of the prompt and the first
    token, which came in the second part."""
    prompt_s = first.prompt_s + second.prompt_s
    evaluated = sum(part.prompt_s * part.prompt_tok_per_s for part in (first, second))
    return msgspec.structs.replace(
        first,
        ttft_s=first.prompt_s + second.ttft_s,
        prompt_s=prompt_s,
        prompt_tok_per_s=evaluated / prompt_s if prompt_s > 0 else 0.0,
        seed=second.seed,
    )


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
        on_disk_problem: Callable[[StillroomError], None] | None = None,
        before: StoredMessage | None = None,
    ) -> None:
        """Start it. `on_disk_problem` is called, on a thread of its own, when the reply cannot be kept.
        `before` is the message as it was kept, where the request goes on with its reply."""
        self.message_id = message_id
        self.end: Future[TurnEnd] = Future()
        """Resolved when the reply has ended, never with an error."""
        self._on_event = on_event
        self._before = before
        self._stopped = self._interrupted = False
        self._recorder = ReplyRecorder(store, message_id, on_problem=on_disk_problem, before=before)
        self._generation = engine.ask(request, self._take)
        self._generation.future.add_done_callback(self._finish)

    def cancel(self) -> None:
        """Stop within one step; what has come is kept."""
        self._stopped = True
        self._generation.cancel()

    def interrupt(self) -> None:
        """As `cancel`, where the window is closing and the user has not asked for it."""
        self._interrupted = True
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
        before = self._before.stats if self._before is not None else None
        if isinstance(error, Cancelled):
            # It was stopped before the engine had it, or the program is closing.
            end = TurnEnd("cancelled" if self._stopped else "interrupted", joined_stats(before, None))
        elif error is not None:
            end = TurnEnd("failed", joined_stats(before, None), error)
        else:
            finished = future.result()
            stats = finished.stats if self._before is None else joined_stats(before, finished.stats)
            is_cut = finished.reason == "cancelled" and self._interrupted and not self._stopped
            end = TurnEnd("interrupted" if is_cut else finished.reason, stats)
        self._recorder.finish(
            end.outcome, stats=end.stats, error="" if end.error is None else _sentence(end.error)
        )
        self.end.set_result(end)


def _sentence(error: BaseException) -> str:
    """Describe an error as the user reads it under the reply."""
    if isinstance(error, StillroomError):
        return " ".join(text for text in (str(error), error.hint_text()) if text)
    return f"{type(error).__name__}: {error}"
