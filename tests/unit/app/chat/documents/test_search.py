"""Search over all chats, pins and folders."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.chat.store.migrations import MIGRATIONS, SCHEMA_VERSION
from app.chat.store.store import ChatStore
from app.database.full_text import match_expression
from app.database.schema import schema_version


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as store:
        yield store


def say(store: ChatStore, question: str, answer: str = "", thinking: str = "", title: str = "") -> int:
    chat = store.create_conversation(title=title)
    asked = store.add_message(chat.id, None, "user", question)
    if answer:
        reply = store.add_message(chat.id, asked.id, "assistant", outcome="running")
        store.save_reply(reply.id, answer, thinking, outcome="stop")
    return chat.id


def found(store: ChatStore, query: str) -> list[str]:
    return ["".join(text for text, _ in hit.excerpt) for hit in store.search(query)]


def marked(store: ChatStore, query: str) -> list[str]:
    return [text for hit in store.search(query) for text, is_hit in hit.excerpt if is_hit]


def test_words_are_found_in_questions_answers_and_thinking(store: ChatStore) -> None:
    say(store, "Who keeps the lighthouse?", "The old Keeper does.", "A keeper is a person.")
    assert marked(store, "lighthouse") == ["lighthouse"]
    answer, question = sorted(store.search("keep"), key=lambda hit: hit.role or "")
    assert answer.role == "assistant"
    assert not answer.in_thinking
    assert question.role == "user"
    [thought] = store.search("person")
    assert thought.in_thinking


def test_all_words_must_be_there_and_the_last_may_be_unfinished(store: ChatStore) -> None:
    say(store, "red apples and green pears")
    say(store, "green apples")
    assert len(found(store, "apples green")) == 2
    assert len(found(store, "apples pea")) == 1
    assert found(store, "apples pea ") == []
    assert found(store, "appl pears") == []


def test_quoted_words_stand_together(store: ChatStore) -> None:
    say(store, "one two three")
    assert found(store, '"two three"') == ["one two three"]
    assert found(store, '"one three"') == []


def test_chinese_is_found_by_any_part_of_a_sentence(store: ChatStore) -> None:
    say(store, "今天的天气怎么样？用 Python 写一个函数。")
    assert marked(store, "天气") == ["天气"]
    assert found(store, "气天") == []
    assert marked(store, "pyth") == ["Python"]
    assert marked(store, "天气 函数") == ["天气", "函数"]


def test_accents_and_case_do_not_matter(store: ChatStore) -> None:
    say(store, "Der Bär in Malmö")
    assert marked(store, "malmo BAR") == ["Bär", "Malmö"]


@pytest.mark.parametrize(
    "query", ["", "   ", '"', "*", "AND", "NEAR(", "a OR", "col:x", "(((", "^", "-x", "'; --"]
)
def test_whatever_is_typed_is_words_and_no_syntax(store: ChatStore, query: str) -> None:
    say(store, "plain text")
    assert found(store, query) == []


def test_titles_come_first_and_signs_in_them_are_plain(store: ChatStore) -> None:
    say(store, "sale of 100 things", title="other")
    say(store, "x", title="100% sure")
    assert [hit.title for hit in store.search("100")] == ["100% sure", "other"]
    assert [hit.title for hit in store.search("100% sure")] == ["100% sure"]
    assert [hit.title for hit in store.search("1_0%")] == []


def test_every_branch_is_searched_and_deleted_chats_are_not(store: ChatStore) -> None:
    chat = store.create_conversation()
    asked = store.add_message(chat.id, None, "user", "question")
    store.add_message(chat.id, asked.id, "assistant", "first answer")
    store.add_message(chat.id, asked.id, "assistant", "second answer")
    assert len(found(store, "answer")) == 2
    store.delete(chat.id)
    assert found(store, "answer") == []
    store.restore(chat.id)
    assert len(found(store, "answer")) == 2


def test_purged_words_leave_no_trace_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    with closing(ChatStore(path)) as store:
        store.delete(say(store, "the passphrase is xylophone"))
        say(store, "something else")
    with closing(ChatStore(path)) as store:
        assert found(store, "xylophone") == []
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"xylophone" not in path.read_bytes()


def test_chats_of_the_first_version_become_searchable(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1;")
        old.execute(
            "INSERT INTO conversations (title, model, system_prompt, max_tokens, created_at, updated_at)"
            " VALUES ('old', '', '', 0, 1, 1)"
        )
        old.execute(
            "INSERT INTO messages (conversation_id, role, content, outcome, created_at)"
            " VALUES (1, 'user', 'from before', 'stop', 1)"
        )
        old.commit()
    with closing(ChatStore(path)) as store:
        assert found(store, "before") == ["from before"]
        [chat] = store.conversations()
        assert (chat.pinned, chat.folder_id) == (False, None)
    with closing(sqlite3.connect(path)) as new:
        assert schema_version(new) == SCHEMA_VERSION


def test_a_reply_that_was_cut_off_is_found_after_the_restart(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    with closing(ChatStore(path)) as store:
        chat = store.create_conversation()
        reply = store.add_message(chat.id, None, "assistant", outcome="running")
        store.save_reply(reply.id, "half an answer", "")
        assert found(store, "half") == []
    with closing(ChatStore(path)) as store:
        assert found(store, "half") == ["half an answer"]


def test_pins_and_folders(store: ChatStore) -> None:
    first, second = say(store, "a"), say(store, "b")
    store.pin(first, True)
    work = store.create_folder("Work")
    store.move(second, work.id)
    assert store.conversation(first).pinned
    assert store.conversation(second).folder_id == work.id
    store.rename_folder(work.id, "Home")
    assert [folder.name for folder in store.folders()] == ["Home"]
    store.delete_folder(work.id)
    assert store.folders() == []
    assert store.conversation(second).folder_id is None


def test_a_word_with_a_hyphen_is_a_phrase() -> None:
    assert match_expression("well-known fact") == '"well known" AND "fact"*'
