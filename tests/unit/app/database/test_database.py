"""Damage in a database is found, named, and put right where that loses nothing, with real SQLite files."""

import math
import os
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.bench.results.history import BenchmarkHistory
from app.bench.run import run_journal
from app.chat.store.database import ChatDatabase, ChatStoreError
from app.chat.store.migrations import SCHEMA
from app.chat.store.store import ChatStore
from app.database import backups, row_sums
from app.database.commit_mark import mark_path, read_mark
from app.database.damage_notices import Recovery
from app.database.integrity_check import problem_of
from app.database.readers import Readers
from tests.support.bench_reports import make_report
from tests.support.full_databases import KINDS, Kind
from tests.support.held_disk import HANGS_S, at_once, held_disk
from tests.support.waiting import wait_until

OLD = Path(__file__).parents[3] / "data" / "databases"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chats.sqlite3"


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def fill(path: Path, backed_up: bool = True) -> None:
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation(title="Trains")
        asked = store.add_message(chat.id, None, "user", "when does the first train leave")
        reply = store.add_message(chat.id, asked.id, "assistant", model="R1")
        store.save_reply(
            reply.id, "the first train leaves at seven", "let me think of trains", outcome="stop"
        )
        if backed_up:
            assert store.back_up_if_due() is not None


def flip(path: Path, text: bytes, to: bytes) -> None:
    """Change the text where a message holds it, not the index of words."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    # The index of words has its own copy.
    assert data.count(text) == 2
    path.write_bytes(data.replace(text, to, 1) if _is_first(data, text) else to.join(data.rsplit(text, 1)))


def _is_first(data: bytes, text: bytes) -> bool:
    """Tell whether the first place is the message's: its row ends with how the reply ended and when."""
    return b"R1" in data[data.index(text) : data.index(text) + 120]


def sentences(recovery: Recovery | None) -> list[str]:
    return [notice.sentence for notice in recovery.notices] if recovery is not None else []


def test_a_flipped_bit_in_a_message_is_said_by_name_and_the_rest_works(path: Path) -> None:
    fill(path, backed_up=False)
    flip(path, b"leaves at seven", b"leaves at seve.")
    with closing(ChatStore(path)) as store:
        first, second = sentences(store.recovery)
        assert first.startswith("chats.sqlite3 was damaged. What could be read of it is kept")
        assert second == (
            "A message of the chat “Trains” (“the first train leaves at seve.”) was damaged:"
            " some of it may not be what was written."
        )
        assert store.recovery is not None
        assert store.recovery.damaged is not None
        assert store.recovery.damaged.exists()
        question, reply = store.branch(store.conversations()[0].id)
        assert question.content == "when does the first train leave"
        assert reply.thinking == "let me think of trains"
        assert store.check() is None
    with closing(ChatStore(path)) as store:
        # Said once; the file as it was is kept.
        assert store.recovery is None


def test_what_a_backup_has_exactly_as_it_was_written_is_put_back(path: Path) -> None:
    fill(path)
    flip(path, b"leaves at seven", b"leaves at \xffeven")
    with closing(ChatStore(path)) as store:
        [said] = sentences(store.recovery)
        assert "exactly as it was written" in said
        assert [m.content for m in store.branch(1)][-1] == "the first train leaves at seven"


def test_a_message_that_has_changed_since_the_backup_is_not_taken_from_it(path: Path) -> None:
    fill(path)
    with closing(ChatStore(path)) as store:
        store.save_reply(2, "the first train leaves at eight", "thought again", outcome="stop")
    flip(path, b"leaves at eight", b"leaves at eighu")
    with closing(ChatStore(path)) as store:
        assert "was damaged: some of it may not be" in sentences(store.recovery)[1]
        assert store.message(2).content == "the first train leaves at eighu"


def test_damage_stays_visible_when_the_row_is_written_again(path: Path) -> None:
    fill(path, backed_up=False)
    with closing(ChatStore(path)) as store:
        with closing(sqlite3.connect(path)) as other:
            # Any other tool has no triggers: as a flipped bit, this has no checksum.
            other.execute("UPDATE conversations SET title = 'Trbins'")
            other.commit()
        store.save_draft(1, "half a question")
        assert "The chat “Trbins” was damaged: some of it may not be what was written." in sentences(
            store.check()
        )
        assert store.conversation(1).draft == "half a question"


def test_a_chat_that_only_seems_deleted_is_not_purged(path: Path) -> None:
    fill(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE conversations SET deleted_at = 0")
        other.commit()
    with closing(ChatStore(path)) as store:
        assert [chat.title for chat in store.conversations()] == ["Trains"]
        assert store.recovery is not None


def test_a_damaged_index_of_words_hides_nothing(path: Path) -> None:
    fill(path, backed_up=False)
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE message_search_content SET c0 = 'other words' WHERE id = 2")
        other.commit()
    with closing(ChatStore(path)) as store:
        assert sentences(store.recovery or store.check())
        assert [hit.message_id for hit in store.search("seven")] == [2]
        assert store.check() is None


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_file_that_is_gone_comes_back_from_the_backup(kind: Kind, tmp_path: Path, left: str) -> None:
    path = tmp_path / f"{kind.name}.sqlite3"
    shutil.copyfile(OLD / path.name, path)
    with closing(kind.open(path)) as store:
        before = kind.read(store)
    path.unlink()
    if left == "an empty file":
        path.touch()
    with closing(kind.open(path)) as store:
        [said] = sentences(store.recovery)
        assert "The backup of" in said
        assert kind.read(store) == before
    with closing(kind.open(path)) as store:
        assert store.recovery is None


def test_a_file_that_is_gone_without_a_backup_is_said(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.sqlite3"
    with closing(BenchmarkHistory(path)) as history:
        assert history.recovery is None
        history.add(make_report())
    path.write_bytes(b"")
    with closing(BenchmarkHistory(path)) as history:
        assert sentences(history.recovery)[0].startswith(
            "benchmarks.sqlite3 was damaged and there is no backup"
        )
        assert history.reports() == []


@pytest.mark.parametrize("kind", KINDS[1:], ids=lambda kind: kind.name)
def test_a_database_is_backed_up_when_something_has_changed(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / f"{kind.name}.sqlite3"
    with closing(kind.begin(path)) as store:
        made = store.back_up_if_due()
        assert made is not None
        later = made.with_name(f"{path.stem}-{datetime.now() - timedelta(hours=2):{backups.STAMP}}.sqlite3")
        made.rename(later)
        assert store.back_up_if_due() is None
        kind.go_on(store)
        assert store.back_up_if_due() is not None
        assert len(backups.list_backups(path)) == 2


def test_a_damaged_database_is_put_right_before_it_is_backed_up(path: Path) -> None:
    fill(path, backed_up=False)
    with closing(ChatStore(path)) as store:
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE messages SET content = 'something else' WHERE id = 1")
            other.commit()
        made = store.back_up_if_due()
        assert made is not None
        assert problem_of(made, SCHEMA) == ""
        assert sentences(store.recovery)


def test_a_database_of_the_version_before_opens_as_it_was(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A run that was ended is gone on with for a day: it is as old as the file.
    monkeypatch.setattr(run_journal, "LONGEST_PAUSE_S", math.inf)
    path = tmp_path / f"{kind.name}.sqlite3"
    shutil.copyfile(OLD / path.name, path)
    with closing(sqlite3.connect(path)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
    with closing(kind.open(path)) as store:
        assert store.recovery is None
        assert len(kind.read(store)) > 3
        kind_rows = kind.read(store)
        assert store.check() is None
    with closing(kind.open(path)) as store:
        assert store.recovery is None
        assert kind.read(store) == kind_rows
    [(_, backup)] = backups.list_backups(path)
    with closing(sqlite3.connect(backup)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == version


def killed(path: Path, target: Path, work: Callable[[ChatStore], object]) -> Path:
    """A copy of the folder as a kill leaves it after the work."""
    with closing(ChatStore(path)) as store:
        work(store)
        shutil.copytree(path.parent, target)
    return target / path.name


def test_a_flipped_bit_in_the_journal_costs_nothing_but_its_own_row(path: Path, tmp_path: Path) -> None:
    fill(path, backed_up=False)

    def work(store: ChatStore) -> None:
        for number in range(20):
            store.add_message(1, 1, "user", f"question {number} about bread")

    left = killed(path, tmp_path / "left", work)
    journal = left.with_name(left.name + "-wal")
    data = journal.read_bytes()
    place = data.index(b"question 3 about bread")
    journal.write_bytes(data[:place] + b"Q" + data[place + 1 :])
    with closing(ChatStore(left)) as store:
        assert len(store.messages(1)) == 22


def test_a_journal_that_was_cut_is_said(path: Path, tmp_path: Path) -> None:
    fill(path, backed_up=False)
    left = killed(path, tmp_path / "left", lambda store: store.add_message(1, 1, "user", "newest"))
    left.with_name(left.name + "-wal").unlink()
    with closing(ChatStore(left)) as store:
        [said] = sentences(store.recovery)
        assert said == "chats.sqlite3 has lost its newest changes (1): its journal was damaged."
        assert len(store.messages(1)) == 2
    with closing(ChatStore(left)) as store:
        assert store.recovery is None


def test_a_mark_that_says_nothing_is_no_damage(path: Path) -> None:
    fill(path)
    number = read_mark(path)
    for damaged in (b"", b"\0" * 30, b"%020d 00000000\n" % 10_000_000):
        mark_path(path).write_bytes(damaged)
        with closing(ChatStore(path)) as store:
            assert store.recovery is None
        assert read_mark(path) == number


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such files")
@pytest.mark.parametrize("other", ["pipe", "folder", "link", "200 MB"])
def test_a_mark_that_is_something_else_is_left_alone(other: str, path: Path, tmp_path: Path) -> None:
    fill(path, backed_up=False)
    mark, notes = mark_path(path), tmp_path / "notes.txt"
    notes.write_text("somebody's notes, which are longer than a mark")
    mark.unlink()
    match other:
        case "pipe":
            os.mkfifo(mark)
        case "folder":
            mark.mkdir()
        case "link":
            mark.symlink_to(notes)
        case _:
            mark.write_bytes(b"9" * 200_000_000)
    with closing(ChatStore(path)) as store:
        assert store.recovery is None
        [chat] = store.conversations()
        store.rename(chat.id, "Still kept")
    assert notes.read_text() == "somebody's notes, which are longer than a mark"
    with closing(ChatStore(path)) as store:
        assert [chat.title for chat in store.conversations()] == ["Still kept"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own")
@pytest.mark.parametrize("version", [0, 1])
def test_a_link_to_another_programs_database_changes_nothing_there(
    kind: Kind, version: int, tmp_path: Path
) -> None:
    other, path = tmp_path / "bookmarks.sqlite", tmp_path / "runs.sqlite3"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE bookmarks (address TEXT)")
        db.execute("INSERT INTO bookmarks VALUES ('https://example.org')")
        db.execute(f"PRAGMA user_version = {version}")
        db.commit()
    path.symlink_to(other)
    before = other.read_bytes()
    with closing(kind.begin(path)) as store:
        assert store.recovery is not None
        [notice] = store.recovery.notices
        assert "it begins anew. The damaged file is kept as" in notice.sentence
        assert kind.read(store)
    assert other.read_bytes() == before
    assert sorted(file.name for file in tmp_path.glob("bookmarks*")) == ["bookmarks.sqlite"]


def test_a_backup_with_a_time_that_is_none_is_no_backup(path: Path) -> None:
    fill(path)
    folder = backups.backup_folder(path)
    (folder / "chats-99999999-999999.sqlite3").touch()
    (folder / "chats-20260101-000000.sqlite3").mkdir()
    assert len(backups.list_backups(path)) == 1
    path.write_bytes(b"no database " * 1000)
    with closing(ChatStore(path)) as store:
        assert len(store.conversations()) == 1


def test_a_replacing_that_was_interrupted_is_finished(path: Path) -> None:
    fill(path)
    [(_, backup)] = backups.list_backups(path)
    shutil.copyfile(backup, path.with_name(path.name + ".rebuilt"))
    path.write_bytes(b"damaged")
    with closing(ChatStore(path)) as store:
        assert [chat.title for chat in store.conversations()] == ["Trains"]
    assert not path.with_name(path.name + ".rebuilt").exists()


def test_a_version_with_a_flipped_bit_is_no_newer_stillroom(path: Path) -> None:
    fill(path, backed_up=False)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA.version ^ 16}")
    with closing(ChatStore(path)) as store:
        assert "nothing is lost" in sentences(store.recovery)[0]
        assert [chat.title for chat in store.conversations()] == ["Trains"]


def test_damage_that_leads_messages_round_in_a_circle_ends(path: Path) -> None:
    fill(path, backed_up=False)
    with closing(ChatStore(path)) as store:
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE messages SET parent_id = 2 WHERE id = 1")
            other.commit()
        assert len(store.branch(1)) <= 2
        assert store.check() is not None
        assert [message.id for message in store.branch(1)] == [1, 2]


def test_a_text_that_is_none_any_more_is_shown_with_marks(path: Path) -> None:
    fill(path, backed_up=False)
    with closing(ChatStore(path)) as store:
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE messages SET content = CAST(x'41ff42' AS TEXT) WHERE id = 1")
            other.commit()
        assert store.messages(1)[0].content == "A\ufffdB"
        assert store.messages(1)[1].content == "the first train leaves at seven"


def test_a_reader_waits_for_no_other_one(path: Path) -> None:
    """The window reads its list of chats while all of them are searched on another thread."""
    fill(path, backed_up=False)
    with closing(ChatDatabase(path)) as database:
        before = database.state()
        with database.reading() as searching:
            assert database.read("SELECT title FROM conversations") == [("Trains",)]
            assert database.state() == before
            with database.reading() as second, database.reading() as third:
                assert len({searching, second, third}) == 3
        with database.reading() as again:
            assert again in (searching, second, third), "it is open already"
        with closing(ChatStore(path)) as other:
            other.create_conversation(title="Ships")
        assert database.state() != before


def test_what_is_read_is_read_to_the_end_before_the_file_is_closed(path: Path) -> None:
    fill(path, backed_up=False)
    database = ChatDatabase(path)
    with ThreadPoolExecutor() as threads:
        with database.reading() as db:
            rows = db.execute("SELECT content FROM messages")
            closed = threads.submit(database.close)
            assert len(rows.fetchall()) == 2
            assert not closed.done()
        closed.result()
    for use in (lambda: database.read("SELECT 1"), database.state):
        with pytest.raises(ChatStoreError):
            use()


def test_readers_wait_for_each_other_where_only_one_connection_can_be_had(path: Path) -> None:
    fill(path, backed_up=False)
    readers = Readers()

    def refuse() -> sqlite3.Connection:
        raise sqlite3.OperationalError("too many open files")

    readers.begin(sqlite3.connect(path, check_same_thread=False), refuse)

    def read() -> int:
        with readers.reading() as db:
            return int(db.execute("SELECT count(*) FROM messages").fetchone()[0])

    with ThreadPoolExecutor() as threads:
        with readers.reading():
            second = threads.submit(read)
            assert not second.done()
        assert second.result() == 2
    with readers.replacing():
        pass
    with pytest.raises(sqlite3.ProgrammingError):
        read()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows renames no file that is read")
def test_who_reads_does_not_wait_for_a_damaged_file_to_be_replaced(path: Path) -> None:
    fill(path, backed_up=False)
    with closing(ChatStore(path)) as store, ThreadPoolExecutor() as threads:
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE messages SET parent_id = 2 WHERE id = 1")
            other.commit()
        with held_disk() as disk:
            check = threads.submit(store.check)
            disk.wait_for_writer()
            assert [chat.title for chat in at_once(store.conversations)] == ["Trains"]
            assert len(at_once(lambda: store.messages(1))) == 2
            assert not check.done()
        assert check.result() is not None
        assert [chat.title for chat in store.conversations()] == ["Trains"]
        assert len(store.messages(1)) == 2
        store.create_conversation(title="Ships")
        assert len(store.conversations()) == 2
    with closing(ChatStore(path)) as store:
        assert store.recovery is None
        assert len(store.conversations()) == 2


def test_a_replacement_waits_for_those_who_read_meanwhile(path: Path) -> None:
    fill(path, backed_up=False)
    readers = Readers()

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, check_same_thread=False)

    readers.begin(connect(), connect)
    before = readers.state()
    goes_on, begun, ended = threading.Event(), threading.Event(), threading.Event()

    def replace() -> None:
        with readers.replacing(connect):
            begun.set()
            assert goes_on.wait(HANGS_S)
            readers.begin(connect(), connect)
        ended.set()

    with ThreadPoolExecutor() as threads:
        replacement = threads.submit(replace)
        assert begun.wait(HANGS_S)
        assert at_once(readers.state) != before
        with readers.reading() as db:
            goes_on.set()
            wait_until(lambda: readers.state() == readers.state(), "the file's own connections")
            assert not ended.is_set()
            assert db.execute("SELECT count(*) FROM messages").fetchone() == (2,)
        replacement.result()
    assert ended.is_set()
    assert readers.state() != before
    with readers.replacing():
        pass


def test_closing_ends_a_check(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, backed_up=False)
    store = ChatStore(path)
    under_way = threading.Event()

    def look_for_ever(*_: object, is_enough: Callable[[], bool]) -> str:
        under_way.set()
        wait_until(is_enough, "the closing")
        return "not looked at to the end"

    monkeypatch.setattr("app.database.database.problem_of", look_for_ever)
    with ThreadPoolExecutor() as pool:
        check = pool.submit(store.check)
        under_way.wait()
        store.close()
        assert check.result() is None
    assert store.recovery is None


def test_a_connection_that_cannot_be_had_is_lent_to_nobody() -> None:
    def fail() -> sqlite3.Connection:
        raise OSError("too many open files")

    readers = Readers()
    readers.begin(sqlite3.connect(":memory:"), fail)
    with readers.reading(), pytest.raises(OSError, match="too many"), readers.reading():
        pass
    done = threading.Event()

    def end() -> None:
        with readers.replacing():
            done.set()

    threading.Thread(target=end, daemon=True).start()
    wait_until(done.is_set)


@pytest.mark.parametrize("backed_up", [True, False])
def test_a_value_of_hundreds_of_megabytes_is_refused_by_its_length(
    backed_up: bool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_sums, "MOST_VALUE_BYTES", 1 << 20)
    fill(path, backed_up)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE messages SET content = CAST(zeroblob(2 << 20) AS TEXT) WHERE role = 'user'")
        db.commit()
    with closing(ChatStore(path)) as store:
        recovery = store.recovery or store.check()
        assert recovery is not None
        [chat] = store.conversations()
        contents = [message.content for message in store.branch(chat.id)]
        assert contents[-1] == "the first train leaves at seven"
        assert ("when does the first train leave" in contents) == backed_up
        with pytest.raises(ChatStoreError, match="too big"):
            store.add_message(chat.id, None, "user", "x" * (2 << 20))
        store.rename(chat.id, "Still kept")
    with closing(ChatStore(path)) as store:
        assert store.recovery is None
        assert store.check() is None
