"""A branch of a chat, copied into a new one in the database."""

import sqlite3
import time

from app.chat.store.search import index_message

_BRANCH = """
    WITH RECURSIVE above (id, parent_id, depth) AS (
        SELECT id, parent_id, 0 FROM messages WHERE id = ?
        UNION ALL
        SELECT m.id, m.parent_id, above.depth + 1 FROM messages m JOIN above ON m.id = above.parent_id
        WHERE m.id < above.id
    )
    SELECT m.id, m.conversation_id, m.content, m.thinking FROM above JOIN messages m ON m.id = above.id
    ORDER BY above.depth DESC
"""

_CHOICES = (
    "titled, model, system_prompt, sampling, max_tokens, thinking, loras, json_schema, when_full, stop,"
    " folder_id"
)
_SAID = "role, content, thinking, model, stats, error, created_at, passages, json_schema"


def fork_rows(db: sqlite3.Connection, message_id: int, title: str) -> int | None:
    """Copy the branch up to a message within the caller's transaction; the number of the new chat, which has
    the choices and the folder of the old one. None where there is no such message."""
    branch = db.execute(_BRANCH, (message_id,)).fetchall()
    if not branch:
        return None
    now = time.time()
    conversation_id: int = db.execute(
        f"INSERT INTO conversations (title, created_at, updated_at, {_CHOICES})"
        f" SELECT ?, ?, ?, {_CHOICES} FROM conversations WHERE id = ? RETURNING id",
        (title, now, now, branch[-1][1]),
    ).fetchall()[0][0]
    copies: dict[int, int] = {}
    copied: int | None = None
    for old_id, _, content, thinking in branch:
        copied = db.execute(
            f"INSERT INTO messages (conversation_id, parent_id, outcome, {_SAID})"
            f" SELECT ?, ?, iif(outcome = 'running', 'interrupted', outcome), {_SAID}"
            " FROM messages WHERE id = ? RETURNING id",
            (conversation_id, copied, old_id),
        ).fetchall()[0][0]
        assert copied is not None
        copies[old_id] = copied
        index_message(db, copied, content, thinking)
        db.execute(
            "INSERT INTO attachments (conversation_id, message_id, name, text, created_at)"
            " SELECT ?, ?, name, text, created_at FROM attachments WHERE message_id = ? ORDER BY id",
            (conversation_id, copied, old_id),
        )
    for old_id, copy_id in copies.items():
        db.execute(
            "INSERT INTO summaries (conversation_id, last_id, text, model, created_at)"
            " SELECT ?, ?, text, model, created_at FROM summaries WHERE last_id = ? ORDER BY id",
            (conversation_id, copy_id, old_id),
        )
    db.execute("UPDATE conversations SET head_id = ? WHERE id = ?", (copied, conversation_id))
    return conversation_id
