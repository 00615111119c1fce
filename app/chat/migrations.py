"""The chat database's schema, as steps that are never edited once released."""

import sqlite3
from collections.abc import Callable

from app.chat.search import index_all
from app.errors import StillroomError

MIGRATIONS: tuple[str, ...] = (
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
    # 2: pins, folders, and an index of all words (app/chat/search.py fills it). Deleted words leave no trace.
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
)

_SECURE_DELETE = "INSERT INTO message_search (message_search, rank) VALUES ('secure-delete', 1);"

FILLED_BY: dict[int, Callable[[sqlite3.Connection], None]] = {2: index_all}
"""What a step adds from what is there already, in the step's own transaction."""

SCHEMA_VERSION = len(MIGRATIONS)


def schema_version(connection: sqlite3.Connection) -> int:
    """The version written in the file; 0 for a new one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, each step in a transaction of its own.

    Raises `StillroomError` for a file that a newer Stillroom wrote; that file is left as it is.
    """
    version = schema_version(connection)
    if version > SCHEMA_VERSION:
        raise StillroomError(
            "These chats were written by a newer Stillroom (schema {found}, this one knows {known}).",
            "Update Stillroom to open them. The file has not been changed.",
            found=version,
            known=SCHEMA_VERSION,
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        if sqlite3.sqlite_version_info < (3, 42):
            # Debian 12's does not know the option: deleted words go when their part of the index is merged.
            script = script.replace(_SECURE_DELETE, "")
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}")
            if number in FILLED_BY:
                FILLED_BY[number](connection)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.commit()
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
