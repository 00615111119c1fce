"""Messages that wait for the engine's process are bounded, and what ends work is never refused."""

import io

import pytest

from app.base.errors import EngineError, RequestError
from app.engine.client.outbox import Outbox
from app.engine.protocol import AnswerNow, Cancel, DropStates, Generate, Message, Part, Shutdown
from app.engine.protocol.frames import RequestReader

MOST_BYTES = 10_000


def question(number: int, size: int = 100) -> Generate:
    return Generate(request_id=number, parts=[Part("a" * size)])


def taken(outbox: Outbox) -> list[Message]:
    """All that is written until the outbox is closed."""
    frames = b"".join(iter(outbox.take, None))
    reader = RequestReader(io.BytesIO(frames))
    return list(iter(reader.read, None))


def test_a_full_queue_refuses_with_a_sentence_and_takes_what_ends_work() -> None:
    outbox = Outbox(MOST_BYTES)
    outbox.put(question(1, 6000))
    with pytest.raises(EngineError, match="are waiting already") as refused:
        outbox.put(question(2, 6000))
    assert not isinstance(refused.value, RequestError)
    assert refused.value.hint
    ending = [AnswerNow(request_id=1), Cancel(request_id=1), DropStates(chat_keys=["chat-1"])]
    for message in ending:
        for _ in range(1000):
            outbox.put(message)
    outbox.put(question(3))
    outbox.end_with(Shutdown())
    outbox.put(question(4))
    assert taken(outbox) == [Shutdown()]


def test_what_is_being_written_counts_until_it_is_written() -> None:
    outbox = Outbox(MOST_BYTES)
    outbox.put(question(1, 6000))
    assert outbox.take() is not None
    with pytest.raises(EngineError):
        outbox.put(question(2, 6000))
    outbox.put(question(3))
    assert outbox.take() is not None
    outbox.put(question(4, 6000))


def test_a_request_that_is_larger_than_all_of_it_is_told_apart() -> None:
    with pytest.raises(RequestError, match="more than any model reads"):
        Outbox(MOST_BYTES).put(question(1, MOST_BYTES))


def test_what_was_not_sent_yet_can_be_taken_back() -> None:
    outbox = Outbox(MOST_BYTES)
    outbox.put(question(1, 6000))
    outbox.put(AnswerNow(request_id=1))
    outbox.put(question(2))
    assert outbox.withdraw(1)
    assert not outbox.withdraw(1)
    outbox.put(question(3, 6000))
    assert outbox.take() is not None
    assert not outbox.withdraw(2)
    outbox.put(Cancel(request_id=2))
    assert not outbox.withdraw(2)
    assert outbox.take() is not None
    outbox.close()
    assert outbox.take() is None
