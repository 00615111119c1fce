"""A chat of a file into the database."""

import sqlite3
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from app.chat.store.imported import ImportedChat, ImportedDocument, ImportedMessage
from app.chat.store.rows import choice_columns, to_json
from app.chat.store.search import index_message
from models.system.progress import raise_if_cancelled

_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def add_imported(db: sqlite3.Connection, chat: ImportedChat, cancel: threading.Event | None = None) -> int:
    """Add it within the caller's transaction; returns its number. Raises `Cancelled`."""
    now = time.time()
    model = chat.model or next((message.model for message in chat.messages if message.model), "")
    created_at = _time(chat.created_at, now)
    columns: dict[str, object] = {
        "title": chat.title,
        "titled": bool(chat.title) if chat.titled is None else chat.titled,
        "model": model,
        "created_at": created_at,
        "updated_at": _time(chat.updated_at, created_at),
        "draft": chat.draft,
        "pinned": chat.pinned,
        "folder_id": _folder(db, chat.folder, now) if chat.folder else None,
        **choice_columns(chat.choices),
    }
    conversation_id: int = db.execute(
        f"INSERT INTO conversations ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        " RETURNING id",
        tuple(columns.values()),
    ).fetchall()[0][0]
    ids: dict[str | None, int] = {}
    for message in chat.messages:
        raise_if_cancelled(cancel)
        parent_id = ids.get(message.parent)
        ids[message.key] = _add_message(db, conversation_id, parent_id, message, created_at)
    _add_documents(db, conversation_id, None, chat.documents, now)
    for summary in chat.summaries:
        if summary.last in ids:
            db.execute(
                "INSERT INTO summaries (conversation_id, last_id, text, model, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    conversation_id,
                    ids[summary.last],
                    summary.text,
                    summary.model,
                    _time(summary.created_at, now),
                ),
            )
    last = ids.get(chat.messages[-1].key) if chat.messages else None
    db.execute(
        "UPDATE conversations SET head_id = ? WHERE id = ?", (ids.get(chat.head, last), conversation_id)
    )
    return conversation_id


def _add_message(
    db: sqlite3.Connection,
    conversation_id: int,
    parent_id: int | None,
    message: ImportedMessage,
    chat_created_at: float,
) -> int:
    created_at = _time(message.created_at, chat_created_at)
    message_id: int = db.execute(
        "INSERT INTO messages (conversation_id, parent_id, role, content, thinking, model, stats, outcome,"
        " error, created_at, passages, json_schema) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            conversation_id,
            parent_id,
            message.role,
            message.content,
            message.thinking,
            message.model,
            to_json(message.stats),
            message.outcome,
            message.error,
            created_at,
            to_json(message.passages),
            message.json_schema,
        ),
    ).fetchall()[0][0]
    _add_documents(db, conversation_id, message_id, message.documents, created_at)
    index_message(db, message_id, message.content, message.thinking)
    return message_id


def _add_documents(
    db: sqlite3.Connection,
    conversation_id: int,
    message_id: int | None,
    documents: Sequence[ImportedDocument],
    created_at: float,
) -> None:
    db.executemany(
        "INSERT INTO attachments (conversation_id, message_id, name, text, created_at)"
        " VALUES (?, ?, ?, ?, ?)",
        [(conversation_id, message_id, each.name, each.text, created_at) for each in documents],
    )


def _folder(db: sqlite3.Connection, name: str, now: float) -> int:
    """Return the number of the folder of this name, made where there is none."""
    found = db.execute("SELECT id FROM folders WHERE name = ? ORDER BY id LIMIT 1", (name,)).fetchall()
    made = (
        found
        or db.execute(
            "INSERT INTO folders (name, created_at) VALUES (?, ?) RETURNING id", (name, now)
        ).fetchall()
    )
    return int(made[0][0])


def _time(seconds: float, otherwise: float) -> float:
    """Return a time that can be shown: what a file says, where that is one."""
    return seconds if 0 < seconds < _LATEST else otherwise
