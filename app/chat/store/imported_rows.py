"""A chat of another program into the database."""

import sqlite3
import time

from app.chat.store.imported import ImportedChat
from app.chat.store.search import index_message


def add_imported(db: sqlite3.Connection, chat: ImportedChat) -> int:
    """Add it within the caller's transaction; returns its number."""
    now = time.time()
    model = chat.model or next((message.model for message in chat.messages if message.model), "")
    created_at = chat.created_at or now
    conversation_id: int = db.execute(
        "INSERT INTO conversations (title, titled, model, system_prompt, max_tokens, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, 0, ?, ?) RETURNING id",
        (
            chat.title,
            bool(chat.title),
            model,
            chat.system_prompt,
            created_at,
            chat.updated_at or created_at,
        ),
    ).fetchall()[0][0]
    ids: dict[str | None, int] = {}
    for message in chat.messages:
        row = db.execute(
            "INSERT INTO messages (conversation_id, parent_id, role, content, thinking, model, outcome,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?, 'stop', ?) RETURNING id",
            (
                conversation_id,
                ids.get(message.parent),
                message.role,
                message.content,
                message.thinking,
                message.model,
                message.created_at or created_at,
            ),
        ).fetchall()[0]
        ids[message.key] = row[0]
        index_message(db, row[0], message.content, message.thinking)
    last = ids.get(chat.messages[-1].key) if chat.messages else None
    db.execute(
        "UPDATE conversations SET head_id = ? WHERE id = ?", (ids.get(chat.head, last), conversation_id)
    )
    return conversation_id
