"""Replies that are cut off and go on, token by token."""

import json
from dataclasses import dataclass

from app.engine.protocol import (
    Cancel,
    Delta,
    Failed,
    Finished,
    Generate,
    Part,
    PartialReply,
    Sampling,
    ThinkingLimits,
)
from tests.support.engines import GREEDY, Session

QUESTION = [
    Part("<|im_start|>user\n", True),
    Part("Tell me in a few sentences what a lighthouse keeper does at night, and name a famous lighthouse."),
    Part("<|im_end|>\n<|im_start|>assistant\n", True),
]
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 20, "maxLength": 40},
            "height": {"type": "integer"},
            "keepers": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 3},
            "lit": {"type": "boolean"},
        },
        "required": ["name", "height", "keepers", "lit"],
        "additionalProperties": False,
    }
)
THOUGHT_TOKENS = 16
KINDS: dict[str, dict[str, object]] = {
    "thought": {"thinking": "open", "thinking_limits": ThinkingLimits(loop_guard=False)},
    "thought and answer": {"thinking": "open", "thinking_limits": ThinkingLimits(tokens=THOUGHT_TOKENS)},
    "answer": {"thinking": "auto"},
    "schema": {"thinking": "off", "json_schema": SCHEMA},
    "thought and schema": {
        "thinking": "open",
        "thinking_limits": ThinkingLimits(tokens=THOUGHT_TOKENS),
        "json_schema": SCHEMA,
    },
    "penalties": {
        "thinking": "open",
        "thinking_limits": ThinkingLimits(tokens=THOUGHT_TOKENS),
        "sampling": Sampling(
            temperature=0.0,
            repeat_penalty=1.2,
            frequency_penalty=0.4,
            dry_multiplier=0.8,
            dry_last_tokens=200,
        ),
    },
}
"""The request for each kind of reply."""

CLOSING_TOKENS = 6
"""A line break, `</think>` in the starter's tokens, and the line breaks after it."""

TOKENS = 34
"""Of a whole reply in the everyday tests."""

FEW_POINTS = {
    "thought and answer": (3, THOUGHT_TOKENS),
    "thought and schema": (THOUGHT_TOKENS - 1, THOUGHT_TOKENS, 27),
    "penalties": (24,),
}
ALL_POINTS = tuple(range(1, 51))
"""Where it is cut: 50 places, in the thought, at its end and in the answer."""


@dataclass(frozen=True, slots=True)
class Said:
    """A reply, or a part of one, as it came: the ids of the tokens that were drawn, and the text."""

    ids: list[int]
    thinking: str
    answer: str
    end: Finished

    def partial(self) -> PartialReply:
        """Return what the next part goes on from, as the chat knows it."""
        stats = self.end.stats
        return PartialReply(
            thinking=self.thinking,
            answer=self.answer,
            closed=bool(stats.thinking_closed),
            thinking_s=stats.thinking_s,
        )

    def then(self, more: "Said") -> tuple[list[int], str, str]:
        """Return the ids and the texts of both parts."""
        return self.ids + more.ids, self.thinking + more.thinking, self.answer + more.answer


def say(session: Session, *, cancel_at: int = 0, **options: object) -> Said:
    """Ask for a reply and wait for its end; `cancel_at` cancels it after so many tokens or somewhat more."""
    defaults: dict[str, object] = {
        "request_id": session.new_id(),
        "parts": QUESTION,
        "sampling": GREEDY,
        "max_tokens": TOKENS,
        "ignore_eog": True,
        "chat_key": "chat",
        "logprobs": 0,
    }
    request = Generate(**{**defaults, **options})  # type: ignore[arg-type] # options of Generate
    session.engine.post(request)
    deltas: list[Delta] = []
    while True:
        event = session.engine.next_event()
        if isinstance(event, Delta):
            deltas.append(event)
            if cancel_at and sum(delta.tokens for delta in deltas) >= cancel_at:
                session.engine.post(Cancel(request_id=request.request_id))
        elif isinstance(event, Failed):
            raise AssertionError(event)
        elif isinstance(event, Finished):
            ids = [share.drawn.token for delta in deltas for share in delta.logprobs]
            texts = ["".join(d.text for d in deltas if d.channel == name) for name in ("thinking", "answer")]
            return Said(ids, texts[0], texts[1], event)


def say_whole(session: Session, **options: object) -> Said:
    """Ask for a reply that is not cut. Its prompt is in the cache already, as it is for one that is cut:
    evaluated in other batches, the other one of two likely tokens might win."""
    say(session, **{**options, "max_tokens": 1})
    return say(session, **options)


def assert_same(session: Session, whole: Said, at: int, options: dict[str, object]) -> None:
    """Cut a reply after `at` tokens and let it go on: it is the `whole` one, nothing is evaluated twice."""
    first = say(session, max_tokens=at, **options)
    assert first.end.reason == "length"
    second = say(session, partial=first.partial(), max_tokens=len(whole.ids) - at, **options)
    assert first.then(second) == (whole.ids, whole.thinking, whole.answer), at
    stats = second.end.stats
    # Behind the token that was drawn last there are only those that close a thought.
    assert stats.prompt_tokens - stats.reused_tokens <= 1 + CLOSING_TOKENS, at
    assert stats.completion_tokens == len(second.ids)
    assert second.end.reason == whole.end.reason
