"""The chat database's schema: steps that are never edited once released, tables, and what to call a row."""

import json
import sqlite3

from app.base.errors import StillroomError
from app.chat.store.search import index_all, index_problem
from app.database.damage_notices import excerpt
from app.database.row_sums import CREATE_SUMS
from app.database.schema import Schema, Table, Values

_STEPS: tuple[str, ...] = (
    # 1: conversations, and their messages as a tree: an edited question or a second answer is a sibling.
    # AUTOINCREMENT never gives a number out twice, so a deleted chat's files cannot pass to a new chat.
    """
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        titled INTEGER NOT NULL DEFAULT 0,
        model TEXT NOT NULL,
        system_prompt TEXT NOT NULL,
        sampling TEXT,
        max_tokens INTEGER NOT NULL,
        draft TEXT NOT NULL DEFAULT '',
        head_id INTEGER REFERENCES messages (id) ON DELETE SET NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        deleted_at REAL
    );
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        parent_id INTEGER REFERENCES messages (id) ON DELETE CASCADE,
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        content TEXT NOT NULL,
        thinking TEXT NOT NULL DEFAULT '',
        model TEXT NOT NULL DEFAULT '',
        stats TEXT,
        outcome TEXT NOT NULL,
        error TEXT NOT NULL DEFAULT '',
        created_at REAL NOT NULL
    );
    CREATE INDEX messages_of_conversation ON messages (conversation_id);
    CREATE INDEX messages_of_parent ON messages (parent_id);
    CREATE INDEX conversations_by_time ON conversations (updated_at);
    """,
    # 2: pins, folders, and an index of all words (search.py fills it). Deleted words leave no trace.
    """
    CREATE TABLE folders (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        created_at REAL NOT NULL
    );
    ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN folder_id INTEGER REFERENCES folders (id) ON DELETE SET NULL;
    CREATE VIRTUAL TABLE message_search USING fts5 (
        content, thinking, tokenize = 'unicode61 remove_diacritics 2'
    );
    INSERT INTO message_search (message_search, rank) VALUES ('secure-delete', 1);
    CREATE TRIGGER message_search_deletes AFTER DELETE ON messages BEGIN
        DELETE FROM message_search WHERE rowid = old.id;
    END;
    """,
    # 3: documents of a message (message_id NULL: attached, and not sent yet), and the passages of them that a
    # question took along where the whole did not fit.
    """
    CREATE TABLE attachments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        message_id INTEGER REFERENCES messages (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        text TEXT NOT NULL,
        created_at REAL NOT NULL
    );
    CREATE INDEX attachments_of_conversation ON attachments (conversation_id);
    CREATE INDEX attachments_of_message ON attachments (message_id);
    ALTER TABLE messages ADD COLUMN passages TEXT;
    """,
    # 4: how long the model may think in a chat; NULL is as long as it likes.
    """
    ALTER TABLE conversations ADD COLUMN thinking TEXT;
    """,
    # 5: the LoRA adapters that a chat puts on its model; NULL is none.
    """
    ALTER TABLE conversations ADD COLUMN loras TEXT;
    """,
    # 6: what is done when a chat outgrows the context, and the summaries that stand for its oldest messages.
    """
    ALTER TABLE conversations ADD COLUMN when_full TEXT NOT NULL DEFAULT 'ask';
    CREATE TABLE summaries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        last_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
        text TEXT NOT NULL,
        model TEXT NOT NULL,
        created_at REAL NOT NULL
    );
    CREATE INDEX summaries_of_conversation ON summaries (conversation_id);
    """,
    # 7: the JSON schema that a chat's answers follow, and the one that an answer had to follow.
    """
    ALTER TABLE conversations ADD COLUMN json_schema TEXT NOT NULL DEFAULT '';
    ALTER TABLE messages ADD COLUMN json_schema TEXT NOT NULL DEFAULT '';
    """,
    # 8: what the passages of documents mean, by the fingerprint of the model that says so.
    """
    CREATE TABLE passage_vectors (
        attachment_id INTEGER NOT NULL REFERENCES attachments (id) ON DELETE CASCADE,
        model TEXT NOT NULL,
        start INTEGER NOT NULL,
        end INTEGER NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (attachment_id, model, start, end)
    ) WITHOUT ROWID;
    """,
    # 9: a checksum for each row (app/database).
    CREATE_SUMS,
    # 10: the texts before which a chat's answers end.
    "ALTER TABLE conversations ADD COLUMN stop TEXT;",
    # 11: the words of messages that are being changed.
    """
    CREATE TABLE edits (
        message_id INTEGER PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
        text TEXT NOT NULL
    );
    """,
    # 12: the words of summaries that are being changed; empty where they are not.
    "ALTER TABLE summaries ADD COLUMN changed TEXT NOT NULL DEFAULT '';",
    # 13: the files that are being read for a chat's next message; paths as the system has them.
    """
    CREATE TABLE files_to_read (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        path BLOB NOT NULL
    );
    """,
)

_SECURE_DELETE = "INSERT INTO message_search (message_search, rank) VALUES ('secure-delete', 1);"
MIGRATIONS = (
    _STEPS
    if sqlite3.sqlite_version_info >= (3, 42)
    # Debian 12's does not know the option: deleted words go when their part of the index is merged.
    else tuple(step.replace(_SECURE_DELETE, "") for step in _STEPS)
)
SCHEMA_VERSION = len(MIGRATIONS)


def _newer(found: int, known: int) -> StillroomError:
    return StillroomError(
        "These chats were written by a newer Stillroom (schema {found}, this one knows {known}).",
        "Update Stillroom to open them. The file has not been changed.",
        found=found,
        known=known,
    )


def _title(db: sqlite3.Connection, conversation_id: object) -> str:
    row = db.execute("SELECT title FROM conversations WHERE id = ?", (conversation_id,)).fetchone()
    return "" if row is None else excerpt(row[0])


def _message(db: sqlite3.Connection, values: Values) -> StillroomError:
    if "conversation_id" not in values:
        return StillroomError("A message")
    return StillroomError(
        "A message of the chat “{title}” (“{start}”)",
        title=_title(db, values.get("conversation_id")),
        start=excerpt(values.get("content") or values.get("thinking") or ""),
    )


def _chat(_db: sqlite3.Connection, values: Values) -> StillroomError:
    if "title" not in values:
        return StillroomError("What belongs to a chat")
    return StillroomError("The chat “{title}”", title=excerpt(values.get("title", "")))


def _folder(_db: sqlite3.Connection, values: Values) -> StillroomError:
    return StillroomError("The folder “{title}”", title=excerpt(values.get("name", "")))


def _document(db: sqlite3.Connection, values: Values) -> StillroomError:
    if "name" not in values:
        return StillroomError("A document")
    return StillroomError(
        "The document {name} of the chat “{title}”",
        name=excerpt(values.get("name", "")),
        title=_title(db, values.get("conversation_id")),
    )


def _summary(db: sqlite3.Connection, values: Values) -> StillroomError:
    return StillroomError("A summary of the chat “{title}”", title=_title(db, values.get("conversation_id")))


def _edit(_db: sqlite3.Connection, values: Values) -> StillroomError:
    if "text" not in values:
        return StillroomError("A message that was being changed")
    return StillroomError(
        "A message that was being changed (“{start}”)", start=excerpt(values.get("text", ""))
    )


def _file_to_read(db: sqlite3.Connection, values: Values) -> StillroomError:
    return StillroomError(
        "A file that was to be attached in the chat “{title}”",
        title=_title(db, values.get("conversation_id")),
    )


def _fit_message(values: dict[str, object]) -> None:
    if values.get("role") not in ("user", "assistant"):
        values["role"] = "assistant" if values.get("thinking") or values.get("model") else "user"
    _drop_no_json(values, "stats", "passages")


def _fit_chat(values: dict[str, object]) -> None:
    _drop_no_json(values, "sampling", "thinking", "loras", "stop")


def _drop_no_json(values: dict[str, object], *names: str) -> None:
    for name in names:
        try:
            json.loads(str(values.get(name, "null") or "null"))
        except ValueError:
            values[name] = None


def _adopt(db: sqlite3.Connection) -> None:
    """Give messages without their chat one, let those without their question follow the one before, and let
    chats show messages that are there."""
    db.execute(
        "INSERT INTO conversations (id, title, model, system_prompt, max_tokens, created_at, updated_at)"
        " SELECT conversation_id, '', '', '', 0, min(created_at), max(created_at) FROM messages"
        " WHERE conversation_id NOT IN (SELECT id FROM conversations) GROUP BY conversation_id"
    )
    db.execute(
        "UPDATE messages SET parent_id = (SELECT max(p.id) FROM messages p"
        " WHERE p.conversation_id = messages.conversation_id AND p.id < messages.id)"
        " WHERE parent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages p"
        " WHERE p.id = messages.parent_id AND p.id < messages.id"
        " AND p.conversation_id = messages.conversation_id)"
    )
    db.execute(
        "UPDATE conversations SET head_id ="
        " (SELECT max(id) FROM messages WHERE conversation_id = conversations.id)"
        " WHERE head_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages"
        " WHERE id = head_id AND conversation_id = conversations.id)"
    )


SCHEMA = Schema(
    migrations=MIGRATIONS,
    tables=(
        Table("folders", describe=_folder),
        Table("conversations", describe=_chat, fit=_fit_chat),
        Table("messages", describe=_message, fit=_fit_message),
        Table("attachments", describe=_document),
        Table("summaries", describe=_summary),
        Table("edits", describe=_edit),
        Table("files_to_read", describe=_file_to_read),
        Table("passage_vectors", ("attachment_id", "start", "end", "model"), derived=True),
    ),
    newer=_newer,
    filled_by={2: index_all},
    fill=index_all,
    derived_problem=index_problem,
    adopt=_adopt,
)
