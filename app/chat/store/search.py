"""Full-text search over all chats. Which parts of a word are found: `app/database/full_text.py`."""

import re
import sqlite3
from dataclasses import dataclass

from app.chat.store.records import Role
from app.database.full_text import indexed, match_expression

MOST_HITS = 200
_MARKS = ("\x02", "\x03")
_AROUND_WORDS = 24
_SPLIT = re.compile("(?<=[\u2e80-\U0003ffff]) +| +(?=[\u2e80-\U0003ffff])")


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message that holds what was looked for, or a chat whose title does (`message_id` None).

    `excerpt` are pieces of the text around the hit, each with whether it is the hit itself.
    """

    conversation_id: int
    message_id: int | None
    title: str
    role: Role | None
    in_thinking: bool
    excerpt: tuple[tuple[str, bool], ...]
    created_at: float


def index_message(db: sqlite3.Connection, message_id: int, content: str, thinking: str) -> None:
    """Put a message into the index, in place of what is there of it; within the caller's transaction."""
    db.execute("DELETE FROM message_search WHERE rowid = ?", (message_id,))
    db.execute(
        "INSERT INTO message_search (rowid, content, thinking) VALUES (?, ?, ?)",
        (message_id, indexed(content), indexed(thinking)),
    )


def index_all(db: sqlite3.Connection) -> None:
    """Put every message into an empty index."""
    for message_id, content, thinking in db.execute("SELECT id, content, thinking FROM messages").fetchall():
        index_message(db, message_id, content, thinking)


def index_problem(db: sqlite3.Connection) -> str:
    """Give what of the index does not agree with the messages; empty where all does. Raises `sqlite3.Error`.

    Whether the index agrees with its own texts is SQLite's `integrity_check` to say, from 3.44 on.
    """
    db.create_function("indexed", 1, indexed, deterministic=True)
    row = db.execute(
        "SELECT m.id FROM messages m LEFT JOIN message_search_content c ON c.id = m.id"
        " WHERE m.outcome <> 'running'"
        " AND (c.c0 IS NOT indexed(m.content) OR c.c1 IS NOT indexed(m.thinking)) LIMIT 1"
    ).fetchone()
    return "" if row is None else f"the index of message {row[0]}"


def search(db: sqlite3.Connection, query: str) -> list[SearchHit]:
    """Titles first, then messages from the best match on; chats that are deleted are left out."""
    words = query.split()
    if not words:
        return []
    hits = [
        SearchHit(id_, None, title, None, in_thinking=False, excerpt=((title, True),), created_at=at)
        for id_, title, at in db.execute(
            "SELECT id, title, updated_at FROM conversations WHERE deleted_at IS NULL AND "
            + " AND ".join(["title LIKE ? ESCAPE '\\'"] * len(words))
            + " ORDER BY updated_at DESC LIMIT ?",
            (*(f"%{_literal(word)}%" for word in words), MOST_HITS),
        )
    ]
    expression = match_expression(query)
    if not expression:
        return hits
    rows = db.execute(
        "SELECT c.id, m.id, c.title, m.role, m.created_at,"
        " snippet(message_search, 0, ?1, ?2, '…', ?3), snippet(message_search, 1, ?1, ?2, '…', ?3)"
        " FROM message_search JOIN messages m ON m.id = message_search.rowid"
        " JOIN conversations c ON c.id = m.conversation_id"
        " WHERE message_search MATCH ?4 AND c.deleted_at IS NULL"
        " ORDER BY bm25(message_search, 2.0, 1.0), m.id DESC LIMIT ?5",
        (*_MARKS, _AROUND_WORDS, expression, MOST_HITS),
    )
    for conversation_id, message_id, title, role, created_at, content, thinking in rows:
        in_thinking = _MARKS[0] not in content
        excerpt = _pieces(thinking if in_thinking else content)
        hits.append(
            SearchHit(
                conversation_id,
                message_id,
                title,
                role,
                in_thinking=in_thinking,
                excerpt=excerpt,
                created_at=created_at,
            )
        )
    return hits


def _pieces(marked: str) -> tuple[tuple[str, bool], ...]:
    text = _SPLIT.sub("", " ".join(marked.split()))
    pieces = []
    for number, piece in enumerate(re.split("[\x02\x03]", text)):
        if piece:
            pieces.append((piece, number % 2 == 1))
    return tuple(pieces)


def _literal(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)
