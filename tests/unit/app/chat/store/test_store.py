import multiprocessing
import os
import signal
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.base.errors import StillroomError
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.database import ChatStoreError
from app.chat.store.migrations import SCHEMA, SCHEMA_VERSION
from app.chat.store.records import branch_in
from app.chat.store.store import ChatStore
from app.database import backups
from app.database.integrity_check import problem_of
from app.database.row_sums import schema_sum
from app.engine.protocol import GenerationStats, Sampling, ThinkingLimits
from tests.support.connections import Connections

STATS = GenerationStats(
    prompt_tokens=10,
    completion_tokens=20,
    thinking_tokens=5,
    ttft_s=0.3,
    prompt_s=0.2,
    decode_s=1.0,
    thinking_s=0.4,
    prompt_tok_per_s=50.0,
    decode_tok_per_s=19.0,
    context_tokens_used=30,
    seed=7,
)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    return Connections(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chats.sqlite3"


def fill(path: Path, title: str = "Kept") -> int:
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation(
            title=title, choices=ReplyChoices(sampling=Sampling(seed=3), max_tokens=99)
        )
        question = store.add_message(chat.id, None, "user", "2 + 2?")
        reply = store.add_message(chat.id, question.id, "assistant", model="m", outcome="running")
        store.save_reply(reply.id, "4", "sum", outcome="stop", stats=STATS)
        return chat.id


def titles(path: Path) -> list[str]:
    with closing(ChatStore(path)) as store:
        return [chat.title for chat in store.conversations()]


def test_a_chat_is_there_again_after_a_restart(path: Path) -> None:
    chat_id = fill(path)
    with closing(ChatStore(path)) as store:
        chat = store.conversation(chat_id)
        question, reply = store.branch(chat_id)
        assert (chat.title, chat.sampling, chat.max_tokens, chat.model) == ("Kept", Sampling(seed=3), 99, "m")
        assert (question.content, question.parent_id) == ("2 + 2?", None)
        assert (reply.content, reply.thinking, reply.stats, reply.outcome) == ("4", "sum", STATS, "stop")
        assert chat.head_id == reply.id


def test_the_file_is_written_through(path: Path, connections: Connections) -> None:
    with closing(ChatStore(path)):
        pragmas = {
            name: connections.writer.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "user_version")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "user_version": SCHEMA_VERSION,
    }


def test_a_second_answer_is_a_sibling_and_branches_can_be_shown(path: Path) -> None:
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation()
        question = store.add_message(chat.id, None, "user", "q")
        first = store.add_message(chat.id, question.id, "assistant", "one")
        second = store.add_message(chat.id, question.id, "assistant", "two")
        assert [m.content for m in store.branch(chat.id)] == ["q", "two"]
        assert [m.content for m in store.branch(chat.id, first.id)] == ["q", "one"]
        store.show_branch(chat.id, first.id)
        assert [m.content for m in store.branch(chat.id)] == ["q", "one"]
        assert [m.id for m in store.messages(chat.id)] == [question.id, first.id, second.id]


def test_the_branch_that_is_shown_is_found_among_all_messages(path: Path) -> None:
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation()
        assert branch_in(store.messages(chat.id), store.head(chat.id)) == []
        question = store.add_message(chat.id, None, "user", "q")
        first = store.add_message(chat.id, question.id, "assistant", "one")
        store.add_message(chat.id, question.id, "assistant", "two")
        for head in (None, first.id):
            if head is not None:
                store.show_branch(chat.id, head)
            found = branch_in(store.messages(chat.id), store.head(chat.id))
            assert found == store.branch(chat.id)
            assert len(found) == 2
        assert store.head(chat.id + 1) is None
        circle = [replace(question, parent_id=first.id), first]
        assert branch_in(circle, first.id) == circle


def test_delete_can_be_undone_until_the_next_start(path: Path) -> None:
    with closing(ChatStore(path)) as store:
        kept, gone = store.create_conversation(title="kept"), store.create_conversation(title="gone")
        message = store.add_message(gone.id, None, "user", "q")
        store.delete(kept.id)
        store.delete(gone.id)
        assert store.conversations() == []
        assert not store.lists(kept.id)
        store.restore(kept.id)
        assert store.lists(kept.id)
    with closing(ChatStore(path)) as store:
        assert [chat.title for chat in store.conversations()] == ["kept"]
        with pytest.raises(ChatStoreError):
            store.message(message.id)
        assert store.create_conversation().id > gone.id


def test_sending_clears_the_draft_and_a_chosen_title_stays(path: Path) -> None:
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation()
        store.save_draft(chat.id, "half a quest")
        assert store.conversation(chat.id).draft == "half a quest"
        store.add_message(chat.id, None, "user", "half a question")
        assert store.conversation(chat.id).draft == ""
        store.rename(chat.id, "automatic", by_user=False)
        store.rename(chat.id, "mine")
        store.rename(chat.id, "automatic again", by_user=False)
        assert store.conversation(chat.id).title == "mine"
        store.save_choices(chat.id, ReplyChoices("s", Sampling(temperature=0), 5))
        assert store.conversation(chat.id).sampling == Sampling(temperature=0)


def stream_until_killed(path: Path, ready: "multiprocessing.connection.Connection") -> None:
    store = ChatStore(path)
    chat = store.create_conversation(title="cut")
    reply = store.add_message(chat.id, None, "assistant", outcome="running")
    for length in range(1, 1_000_000):
        store.save_reply(reply.id, "x" * length, "")
        ready.send(length)


def test_a_killed_program_keeps_what_was_saved_of_the_reply(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=stream_until_killed, args=(path, sender))
    process.start()
    sender.close()
    saved = 0
    while saved < 20:
        saved = receiver.recv()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with closing(receiver):
        try:
            while True:
                saved = receiver.recv()
        except EOFError:
            pass
    with closing(ChatStore(path)) as store:
        assert store.recovery is None
        [reply] = store.branch(store.conversations()[0].id)
        assert len(reply.content) >= saved
        assert reply.outcome == "interrupted"


def test_readers_and_writers_on_many_threads(path: Path) -> None:
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation()
        problems: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for step in range(10):
                    store.add_message(chat.id, None, "user", f"{number}/{step}")
                    store.messages(chat.id)
            except BaseException as problem:  # noqa: BLE001 - handed to the test's own thread
                problems.append(problem)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert len(store.messages(chat.id)) == 60


@pytest.mark.parametrize("damage", ["garbage", "holes", "cut", "emptied"])
def test_a_damaged_file_is_set_aside_and_the_newest_backup_takes_its_place(path: Path, damage: str) -> None:
    with closing(ChatStore(path)) as store:
        for number in range(200):
            chat = store.create_conversation(title=f"chat {number}")
            store.add_message(chat.id, None, "user", "words " * 100)
        assert store.back_up_if_due() is not None
        assert store.back_up_if_due() is None
        store.create_conversation(title="after the backup")
    content = path.read_bytes()
    damaged = {
        "garbage": b"\x13" * len(content),
        "holes": content[:8192] + b"\xff" * 40_000 + content[48_192:],
        "cut": content[: len(content) // 2],
        "emptied": b"",
    }[damage]
    path.write_bytes(damaged)
    with closing(ChatStore(path)) as store:
        assert store.recovery is not None
        assert store.recovery.damaged.read_bytes() == damaged
        assert store.recovery.restored_from is not None
        # Where the newest chat can still be read, it stays.
        assert len(store.conversations()) == (201 if damage == "holes" else 200)
    with closing(ChatStore(path)) as store:
        assert store.recovery is None


def test_without_a_sound_backup_the_chats_start_empty_and_nothing_is_deleted(path: Path) -> None:
    fill(path)
    with closing(ChatStore(path)) as store:
        backup = store.back_up_if_due()
    assert backup is not None
    backup.write_bytes(b"not a database either, though long enough to be one" * 10)
    path.write_bytes(b"not a database")
    with closing(ChatStore(path)) as store:
        assert store.conversations() == []
        assert store.recovery is not None
        assert store.recovery.restored_from is None
        assert store.recovery.damaged.exists()
    assert backup.exists()


def test_a_file_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    fill(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        # As the newer one seals it: else it may be a flipped bit.
        connection.execute(
            "UPDATE row_sums SET sum = ? WHERE tbl = '' AND key = 'schema'",
            (schema_sum(connection, SCHEMA_VERSION + 1),),
        )
        connection.commit()
    with pytest.raises(StillroomError, match="newer Stillroom"):
        ChatStore(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (2,)


def test_a_full_disk_or_a_locked_file_is_told_in_words(path: Path, connections: Connections) -> None:
    fill(path)
    with closing(ChatStore(path)) as store:
        connections.fill_disk()
        with pytest.raises(ChatStoreError, match="full") as raised:
            store.create_conversation(title="x" * 100_000)
        assert "free space" in raised.value.hint_text()
        assert [chat.title for chat in store.conversations()] == ["Kept"]
    assert titles(path) == ["Kept"]


def test_backups_are_thinned_with_age() -> None:
    now = datetime(2026, 11, 25, 12)
    hourly = [now - timedelta(hours=hours) for hours in range(24 * 400)]
    kept = sorted(set(hourly) - set(backups.surplus_backups(dict.fromkeys(hourly, 1 << 20))), reverse=True)
    assert kept[:3] == hourly[:3]
    assert len({stamp.date() for stamp in kept if now - stamp < timedelta(days=6)}) == 7
    assert len(kept) <= 3 + 7 + 5 + 12
    assert now - kept[-1] > timedelta(days=300)
    assert backups.surplus_backups(dict.fromkeys(hourly[:3], 1 << 40)) == []


def test_an_interrupted_backup_leaves_no_backup(path: Path) -> None:
    fill(path)
    folder = backups.backup_folder(path)
    folder.mkdir()
    (folder / "chats-20260101-000000.sqlite3.part").write_bytes(b"half")
    assert backups.list_backups(path) == []
    made = backups.make_backup(path, SCHEMA, datetime(2026, 1, 1))
    assert [entry for _, entry in backups.list_backups(path)] == [made]
    assert made is not None
    assert problem_of(made, SCHEMA) == ""
    assert sorted(entry.name for entry in folder.iterdir()) == [made.name]


def test_a_chat_keeps_how_long_its_model_may_think(path: Path) -> None:
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation(choices=ReplyChoices(thinking=ThinkingLimits(tokens=0)))
        free = store.create_conversation()
        assert store.conversation(chat.id).thinking == ThinkingLimits(tokens=0)
        assert store.conversation(free.id).thinking == ThinkingLimits()
        store.save_choices(free.id, ReplyChoices(thinking=ThinkingLimits(seconds=30.0)))
        assert store.conversation(free.id).thinking == ThinkingLimits(seconds=30.0)


def test_an_edited_reply_is_a_sibling_that_is_shown(path: Path) -> None:
    chat_id = fill(path)
    with closing(ChatStore(path)) as store:
        question, reply = store.branch(chat_id)
        edited = store.add_edited(reply.id, "four, of course")
        assert (edited.parent_id, edited.outcome, edited.stats) == (question.id, "edited", None)
        assert (edited.thinking, edited.model) == (reply.thinking, reply.model)
        assert store.branch(chat_id) == [question, edited]
        assert store.message(reply.id) == reply
        assert [hit.message_id for hit in store.search("course")] == [edited.id]
        with pytest.raises(ChatStoreError):
            store.add_edited(999, "nothing")


def test_a_fork_holds_the_branch_with_documents_summaries_and_choices(path: Path) -> None:
    choices = ReplyChoices("Be brief.", Sampling(seed=3), 99, ThinkingLimits(tokens=5), stop=("END",))
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation(title="Kept", model="m", choices=choices)
        store.move(chat.id, store.create_folder("Sums").id)
        document = store.attach(chat.id, "a.txt", "one")
        question = store.add_message(chat.id, None, "user", "2 + 2?", attachments=[document])
        other = store.add_message(chat.id, question.id, "assistant", "5", model="m")
        reply = store.add_message(chat.id, question.id, "assistant", model="m", outcome="running")
        store.save_reply(reply.id, "4", "sum", outcome="length", stats=STATS)
        store.add_summary(chat.id, reply.id, "A sum.", "m")
        store.add_message(chat.id, reply.id, "user", "And 3 + 3?")
        before = store.messages(chat.id)
        fork = store.fork(reply.id, "Kept (2)")
        assert store.messages(chat.id) == before
        assert (fork.title, fork.choices, fork.model) == ("Kept (2)", choices, "m")
        assert fork.folder_id == store.conversation(chat.id).folder_id
        asked, answered = store.branch(fork.id)
        assert len(store.messages(fork.id)) == 2
        assert [one.text for one in asked.attachments] == ["one"]
        assert (answered.content, answered.thinking, answered.outcome) == ("4", "sum", "length")
        assert (answered.stats, answered.created_at) == (STATS, store.message(reply.id).created_at)
        assert [(one.text, one.last_id) for one in store.summaries(fork.id)] == [("A sum.", answered.id)]
        assert len(store.search("sum")) >= 2
        assert other.id not in {asked.id, answered.id}
        store.delete(chat.id)
        assert len(store.branch(fork.id)) == 2
        with pytest.raises(ChatStoreError):
            store.fork(999, "")
    with closing(ChatStore(path)) as store:
        assert store.check() is None
        assert len(store.branch(fork.id)) == 2


def test_a_reply_of_two_models_names_both_and_brings_its_chat_to_the_top(path: Path) -> None:
    chat_id = fill(path)
    with closing(ChatStore(path)) as store:
        other = store.create_conversation(title="Newer")
        reply = store.branch(chat_id)[-1]
        store.go_on(reply.id, "m")
        assert store.message(reply.id).model == "m"
        assert [chat.id for chat in store.conversations()] == [chat_id, other.id]
        for _ in range(2):
            store.go_on(reply.id, "n")
            assert store.message(reply.id).model == "m + n"


def test_the_list_of_chats_is_read_again_when_anybody_has_written(path: Path) -> None:
    with closing(ChatStore(path)) as store, closing(ChatStore(path)) as other:
        chat = store.create_conversation(title="First")
        assert store.conversations() == [chat]
        assert store.conversations()[0] is store.conversations()[0]
        store.rename(chat.id, "Renamed")
        assert [each.title for each in store.conversations()] == ["Renamed"]
        other.create_conversation(title="Of another process")
        assert [each.title for each in store.conversations()] == ["Of another process", "Renamed"]
        listed = store.conversations()
        listed.clear()
        [of_another, renamed] = store.conversations()
        store.rename(of_another.id, "Renamed, too")
        [made_anew, as_it_was] = store.conversations()
        assert made_anew.title == "Renamed, too"
        assert as_it_was is renamed, "what has not changed is not made again"


def test_files_that_are_not_read_yet_are_known_after_a_restart(path: Path) -> None:
    undecodable = Path(os.fsdecode(b"/papers/caf\xe9.txt"))
    with closing(ChatStore(path)) as store:
        chat, deleted = store.create_conversation(), store.create_conversation(title="deleted")
        first, second, third = store.note_files(chat.id, [undecodable, Path("/b.txt"), Path("/c.txt")])
        store.note_files(deleted.id, [Path("/d.txt")])
        store.delete(deleted.id)
        assert not store.delete_if_empty(chat.id)
        store.attach(chat.id, "b.txt", "text", file_id=second.id)
    with closing(ChatStore(path)) as store:
        assert store.files_to_read() == [first, third]
        assert first.path == undecodable
        assert store.note_files(deleted.id, [Path("/d.txt")]) == []
        store.forget_file(first.id)
        assert store.files_to_read() == [third]
        assert [each.name for each in store.waiting_attachments(chat.id)] == ["b.txt"]
