"""Summaries that stand for the oldest messages of a chat, once those do not fit the context any more."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.chat.store.records import StoredMessage


@dataclass(frozen=True, slots=True)
class Summary:
    """Stands for all messages from the first of a branch to `last_id`, which stay in the chat.

    It belongs to every branch through `last_id`. `model` wrote it; empty once the user has changed it.
    """

    id: int
    conversation_id: int
    last_id: int
    text: str
    model: str
    created_at: float


def summary_of(branch: Sequence[StoredMessage], summaries: Sequence[Summary]) -> Summary | None:
    """The summary that goes to the model with this branch: the one that stands for the most of it, the newest
    of several."""
    depth = {message.id: number for number, message in enumerate(branch)}
    fitting = [summary for summary in summaries if summary.last_id in depth]
    return max(fitting, key=lambda summary: (depth[summary.last_id], summary.id), default=None)


def after_summary(branch: Sequence[StoredMessage], summary: Summary | None) -> list[StoredMessage]:
    """The messages that go to the model as they are."""
    if summary is None:
        return list(branch)
    place = next(number for number, message in enumerate(branch) if message.id == summary.last_id)
    return list(branch[place + 1 :])


def summary_for_model(text: str) -> str:
    """Introduce a summary to the model, before the messages of `after_summary`."""
    return f"Summary of our conversation so far:\n\n{text.strip()}"
