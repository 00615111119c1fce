import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.chat.store.database import ChatStoreError
from app.chat.store.recorder import ReplyRecorder
from app.chat.store.store import ChatStore
from tests.support.connections import Connections
from tests.unit.app.chat.store.test_store import STATS


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    return Connections(monkeypatch)


@pytest.fixture
def store(connections: Connections, tmp_path: Path) -> Iterator[ChatStore]:
    store = ChatStore(tmp_path / "chats.sqlite3")
    yield store
    store.close()


@pytest.fixture
def reply(store: ChatStore) -> int:
    chat = store.create_conversation()
    return store.add_message(chat.id, None, "assistant", outcome="running").id


class WatchedStore:
    """The real store, telling after each write."""

    def __init__(self, store: ChatStore) -> None:
        self._store = store
        self.written = threading.Semaphore(0)

    def save_reply(self, *arguments: object, **options: object) -> None:
        self._store.save_reply(*arguments, **options)  # type: ignore[arg-type]  # passed on as they come
        self.written.release()


def test_a_growing_reply_is_on_disk_before_it_ends(store: ChatStore, reply: int) -> None:
    watched = WatchedStore(store)
    recorder = ReplyRecorder(watched, reply, interval_s=0.01)  # type: ignore[arg-type]  # the same methods
    recorder.add("thinking", "hm")
    watched.written.acquire()
    recorder.add("answer", "fo")
    watched.written.acquire()
    recorder.add("answer", "ur")
    recorder.finish("stop")
    recorder.wait()
    saved = store.message(reply)
    assert (saved.thinking, saved.content, saved.outcome) == ("hm", "four", "stop")


def test_the_first_piece_is_written_at_once_and_later_ones_by_the_second(
    store: ChatStore, reply: int
) -> None:
    watched = WatchedStore(store)
    recorder = ReplyRecorder(watched, reply, interval_s=3600)  # type: ignore[arg-type]  # the same methods
    recorder.add("answer", "a")
    watched.written.acquire()
    assert store.message(reply).outcome == "running"
    for _ in range(100):
        recorder.add("answer", "b")
    assert store.message(reply).content == "a"
    recorder.finish("failed", error="The engine died.")
    recorder.finish("stop")
    recorder.wait()
    saved = store.message(reply)
    assert (saved.content, saved.outcome, saved.error) == ("a" + "b" * 100, "failed", "The engine died.")


def test_a_disk_that_refuses_is_told_once(connections: Connections, store: ChatStore, reply: int) -> None:
    connections.fill_disk()
    problems: list[ChatStoreError] = []
    recorder = ReplyRecorder(store, reply, interval_s=0, on_problem=problems.append)
    for _ in range(5):
        recorder.add("answer", "x" * 100_000)
    recorder.finish("stop")
    recorder.wait()
    assert len(problems) == 1
    assert recorder.text("answer") == "x" * 500_000


def test_a_reply_that_goes_on_keeps_its_first_part_from_the_start(store: ChatStore, reply: int) -> None:
    store.save_reply(reply, "fo", "hm", outcome="length", stats=STATS)
    watched = WatchedStore(store)
    recorder = ReplyRecorder(
        watched,  # type: ignore[arg-type]  # the same methods
        reply,
        interval_s=0.01,
        before=store.message(reply),
    )
    watched.written.acquire()
    begun = store.message(reply)
    assert (begun.thinking, begun.content, begun.outcome) == ("hm", "fo", "running")
    # What a kill leaves says that it is of a part.
    assert begun.stats is not None
    assert begun.stats.is_partly
    recorder.add("answer", "ur")
    recorder.finish("stop", stats=STATS)
    recorder.wait()
    saved = store.message(reply)
    assert (saved.thinking, saved.content, saved.outcome, saved.stats) == ("hm", "four", "stop", STATS)
