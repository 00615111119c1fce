"""The chats on a disk that is full or may not be written to: read all the same, and written again after."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.base.disk_reserve import reserve_path, set_reserve_aside
from app.base.errors import StillroomError
from app.chat.store.database import ChatStoreError
from app.chat.store.full_disk_drafts import LastWord
from app.chat.store.store import ChatStore
from models.system.disk_space import DiskFullError
from tests.support.full_disk import fill, read_only_disk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 64 << 20) as folder:
        yield folder


def make_chat(path: Path, draft: str) -> None:
    with closing(ChatStore(path)) as store:
        store.save_draft(store.create_conversation().id, draft)


def test_chats_are_read_on_a_full_disk_and_written_again_after(disk: Path) -> None:
    path = disk / "chats.sqlite3"
    make_chat(path, "before")
    filler = fill(disk)
    with closing(ChatStore(path)) as store:
        assert isinstance(store.refused, DiskFullError)
        [chat] = store.conversations()
        assert chat.draft == "before"
        with pytest.raises(DiskFullError, match=r"[\d.]+ MB more are needed, and 0 B are free"):
            store.save_draft(chat.id, "after")
        filler.unlink()
        store.save_draft(chat.id, "after")
        assert store.refused is None
        assert store.conversations()[0].draft == "after"
        assert store.check() is None


def test_the_first_start_on_a_full_disk_begins_without_chats(disk: Path) -> None:
    filler = fill(disk)
    with closing(ChatStore(disk / "data" / "chats.sqlite3")) as store:
        assert store.conversations() == []
        with pytest.raises(DiskFullError):
            store.create_conversation()
        filler.unlink()
        store.write_again()
        store.create_conversation()
    with closing(ChatStore(disk / "data" / "chats.sqlite3")) as store:
        assert len(store.conversations()) == 1


def test_a_journal_that_a_kill_left_is_read_on_a_full_disk(disk: Path, tmp_path: Path) -> None:
    first = tmp_path / "chats.sqlite3"
    with closing(ChatStore(first)) as store:
        store.save_draft(store.create_conversation().id, "only in the journal")
        for ending in ("", "-wal", "-mark"):
            name = first.name + ending
            (disk / name).write_bytes((tmp_path / name).read_bytes())
    filler = fill(disk)
    with closing(ChatStore(disk / first.name)) as store:
        assert store.conversations()[0].draft == "only in the journal"
    filler.unlink()
    with closing(ChatStore(disk / first.name)) as store:
        assert store.recovery is None
        assert store.conversations()[0].draft == "only in the journal"


def test_a_disk_that_fills_up_is_told_with_the_bytes(disk: Path) -> None:
    with closing(ChatStore(disk / "chats.sqlite3")) as store:
        chat = store.create_conversation()
        filler = fill(disk)
        with pytest.raises(DiskFullError, match="MB more are needed"):
            store.save_draft(chat.id, "words " * 100_000)
        filler.unlink()
        store.save_draft(chat.id, "words")
        assert store.conversation(chat.id).draft == "words"


def test_the_reserve_keeps_the_last_words(disk: Path) -> None:
    with closing(ChatStore(disk / "chats.sqlite3")) as store:
        chat = store.create_conversation()
        set_reserve_aside(disk)
        assert reserve_path(disk).exists()
        fill(disk)
        store.save_draft(chat.id, "the last words " * 10_000)
        assert not reserve_path(disk).exists()
    with closing(ChatStore(disk / "chats.sqlite3")) as store:
        assert store.conversation(chat.id).draft.startswith("the last words")


def test_no_reserve_is_set_aside_where_space_is_short(disk: Path) -> None:
    fill(disk, 20 << 20)
    set_reserve_aside(disk)
    assert not reserve_path(disk).exists()


def test_chats_are_read_where_nothing_may_be_written(disk: Path) -> None:
    path = disk / "chats.sqlite3"
    make_chat(path, "before")
    read_only_disk(disk)
    with closing(ChatStore(path)) as store:
        assert isinstance(store.refused, ChatStoreError)
        assert store.conversations()[0].draft == "before"
        with pytest.raises(StillroomError):
            store.create_conversation()
        read_only_disk(disk, is_read_only=False)
        store.create_conversation()
        assert store.refused is None


def test_a_backup_leaves_the_last_of_the_disk_to_others(disk: Path) -> None:
    with closing(ChatStore(disk / "chats.sqlite3")) as store:
        store.create_conversation()
        filler = fill(disk, 12 << 20)
        with pytest.raises(DiskFullError):
            store.back_up_if_due()
        filler.unlink()
        assert store.back_up_if_due() is not None
        assert not list(disk.rglob("*.part"))


def test_a_damaged_file_is_put_right_once_there_is_room(disk: Path) -> None:
    path = disk / "chats.sqlite3"
    make_chat(path, "before")
    header = path.read_bytes()
    filler = fill(disk)
    with path.open("r+b") as file:
        file.write(b"no database")
    with closing(ChatStore(path)) as store:
        assert isinstance(store.refused, DiskFullError)
        assert path.read_bytes()[:11] == b"no database"
        filler.unlink()
        path.write_bytes(header)
        store.write_again()
        assert store.conversations()[0].draft == "before"


def test_last_words_are_kept_where_nothing_else_can_be(disk: Path) -> None:
    path = disk / "chats.sqlite3"
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation()
        question = store.add_message(chat.id, None, "user", "Why?")
        reply = store.add_message(chat.id, question.id, "assistant", model="m", outcome="running")
        store.write_again()
        filler = fill(disk)
        assert store.keep_last(LastWord(chat=chat.id, draft="of a chat"))
        assert store.keep_last(LastWord(draft="of a new one"))
        assert store.keep_last(LastWord(message=reply.id, content="Because", outcome="cancelled"))
        assert not store.keep_last(LastWord(draft="x" * (1 << 20)))
    with closing(ChatStore(path)) as store:
        filler.unlink()
        store.write_again()
        assert sorted(chat.draft for chat in store.conversations()) == ["of a chat", "of a new one"]
        [answer] = [message for message in store.messages(chat.id) if message.role == "assistant"]
        assert (answer.content, answer.outcome) == ("Because", "cancelled")
    with closing(ChatStore(path)) as store:
        assert len(store.conversations()) == 2
