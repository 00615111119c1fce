"""The branches of a chat: which messages are versions of each other, and where a branch ends. Pure."""

from collections.abc import Mapping, Sequence

from app.chat.store.records import StoredMessage


def versions_of(messages: Sequence[StoredMessage]) -> Mapping[int, tuple[int, ...]]:
    """For each message all messages in its place, itself among them, the oldest first."""
    by_place: dict[tuple[int | None, str], list[int]] = {}
    for message in messages:
        by_place.setdefault((message.parent_id, message.role), []).append(message.id)
    return {message.id: tuple(by_place[message.parent_id, message.role]) for message in messages}


def newest_end(messages: Sequence[StoredMessage], message_id: int) -> int:
    """The last message of the newest branch that goes through `message_id`."""
    newest: dict[int, int] = {}
    for message in messages:
        # Below it in any case: a damaged number must lead round in no circle.
        if message.parent_id is not None and message.parent_id < message.id:
            newest[message.parent_id] = max(message.id, newest.get(message.parent_id, 0))
    while message_id in newest:
        message_id = newest[message_id]
    return message_id
