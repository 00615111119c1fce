"""The chats on disk: one SQLite file, written through before a call returns."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from app.chat import backups
from app.chat.imported import ImportedChat
from app.chat.migrations import SCHEMA_VERSION, migrate, schema_version
from app.chat.records import Attachment, Conversation, Folder, Outcome, Role, StoredMessage
from app.chat.retrieval import Passage
from app.chat.search import SearchHit, index_message, search
from app.engine.messages import GenerationStats, Sampling, ThinkingLimits
from app.errors import StillroomError

log = logging.getLogger(__name__)

BUSY_S = 5.0
CONVERSATION = (
    "id, title, titled, model, system_prompt, sampling, max_tokens, thinking, draft, head_id, created_at,"
    " updated_at, pinned, folder_id"
)
MESSAGE = (
    "id, conversation_id, parent_id, role, content, thinking, model, stats, outcome, error, created_at,"
    " passages"
)


class ChatStoreError(StillroomError):
    """The chat database could not be read or written."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What happened to a database that was found damaged: the user must be told."""

    damaged: Path
    restored_from: datetime | None
    """The local time of the backup that took its place; None when there was none: the chats start empty."""


class ChatStore:
    """Conversations and their message trees.

    Any thread may call any method: writes share one connection under a lock, reads another, so that a reader
    never waits for the disk. Each write is one transaction, on the disk before the method returns
    (WAL, synchronous=FULL); the window therefore writes from a worker thread. Every method raises
    `ChatStoreError`.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file: check it, restore it from a backup if it is damaged (see `recovery`),
        back it up before a migration, and purge the chats deleted in an earlier session."""
        self.path = path
        self.recovery: Recovery | None = None
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        with _readable_errors(), ExitStack() as opened:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not backups.is_sound(path):
                now = datetime.now()
                self.recovery = Recovery(backups.set_aside(path, now), backups.restore_newest(path))
                log.error("The chat database was damaged and has been set aside")
            self._writer = opened.enter_context(closing(_connect(path)))
            if 0 < schema_version(self._writer) < SCHEMA_VERSION:
                backups.make_backup(path, datetime.now())
            migrate(self._writer)
            self._reader = opened.enter_context(closing(_connect(path)))
            self._reader.execute("PRAGMA query_only = ON")
            opened.pop_all()
        with self._writing() as db:
            db.execute("DELETE FROM conversations WHERE deleted_at IS NOT NULL")
            interrupted = db.execute(
                "UPDATE messages SET outcome = 'interrupted' WHERE outcome = 'running'"
                " RETURNING id, content, thinking"
            )
            for message_id, content, thinking in interrupted.fetchall():
                index_message(db, message_id, content, thinking)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    def back_up_if_due(self) -> Path | None:
        """Make a backup if the newest is more than an hour old. Takes as long as copying the file."""
        if not backups.backup_is_due(self.path, datetime.now()):
            return None
        with _readable_errors():
            return backups.make_backup(self.path, datetime.now())

    # Conversations

    def create_conversation(
        self,
        *,
        title: str = "",
        model: str = "",
        system_prompt: str = "",
        sampling: Sampling | None = None,
        max_tokens: int = 0,
        thinking: ThinkingLimits = ThinkingLimits(),  # noqa: B008 - frozen
    ) -> Conversation:
        """A new, empty chat."""
        now = time.time()
        with self._writing() as db:
            row = db.execute(
                "INSERT INTO conversations (title, model, system_prompt, sampling, max_tokens, thinking,"
                f" created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING {CONVERSATION}",
                (title, model, system_prompt, _to_json(sampling), max_tokens, _to_json(thinking), now, now),
            ).fetchall()[0]
        return _conversation(row)

    def conversations(self) -> list[Conversation]:
        """All chats that are not deleted, the one changed last first."""
        rows = self._read(
            f"SELECT {CONVERSATION} FROM conversations WHERE deleted_at IS NULL"
            " ORDER BY updated_at DESC, id DESC"
        )
        return [_conversation(row) for row in rows]

    def conversation(self, conversation_id: int) -> Conversation:
        """One chat."""
        rows = self._read(f"SELECT {CONVERSATION} FROM conversations WHERE id = ?", (conversation_id,))
        if not rows:
            raise ChatStoreError("This chat no longer exists.", "Choose another chat from the list.")
        return _conversation(rows[0])

    def rename(self, conversation_id: int, title: str, *, by_user: bool = True) -> None:
        """Give a chat its title; one that the user chose is not replaced by an automatic one."""
        with self._writing() as db:
            db.execute(
                "UPDATE conversations SET title = ?, titled = ? WHERE id = ? AND (titled = 0 OR ?)",
                (title, by_user, conversation_id, by_user),
            )

    def save_settings(
        self,
        conversation_id: int,
        *,
        system_prompt: str,
        sampling: Sampling | None,
        max_tokens: int,
        thinking: ThinkingLimits = ThinkingLimits(),  # noqa: B008 - frozen
    ) -> None:
        """Keep the chat's system prompt and how its replies are drawn."""
        with self._writing() as db:
            db.execute(
                "UPDATE conversations SET system_prompt = ?, sampling = ?, max_tokens = ?, thinking = ?"
                " WHERE id = ?",
                (system_prompt, _to_json(sampling), max_tokens, _to_json(thinking), conversation_id),
            )

    def save_draft(self, conversation_id: int, draft: str) -> None:
        """Keep what is typed and not sent."""
        with self._writing() as db:
            db.execute("UPDATE conversations SET draft = ? WHERE id = ?", (draft, conversation_id))

    def delete(self, conversation_id: int) -> None:
        """Take a chat off the list; it can be restored until the program starts again, and is gone then."""
        with self._writing() as db:
            db.execute("UPDATE conversations SET deleted_at = ? WHERE id = ?", (time.time(), conversation_id))

    def restore(self, conversation_id: int) -> None:
        """Undo `delete`."""
        with self._writing() as db:
            db.execute("UPDATE conversations SET deleted_at = NULL WHERE id = ?", (conversation_id,))

    def pin(self, conversation_id: int, pinned: bool) -> None:
        """Keep a chat at the top of the list, or not."""
        with self._writing() as db:
            db.execute("UPDATE conversations SET pinned = ? WHERE id = ?", (pinned, conversation_id))

    def add_imported(self, chats: Sequence[ImportedChat]) -> list[int]:
        """Add chats of another program, all or none; returns their numbers."""
        with self._writing() as db:
            return [self._add_imported(db, chat) for chat in chats]

    def _add_imported(self, db: sqlite3.Connection, chat: ImportedChat) -> int:
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

    # Folders

    def folders(self) -> list[Folder]:
        """All folders by name."""
        rows = self._read("SELECT id, name FROM folders ORDER BY name COLLATE NOCASE, id")
        return [Folder(*row) for row in rows]

    def create_folder(self, name: str) -> Folder:
        """A new, empty folder."""
        with self._writing() as db:
            row = db.execute(
                "INSERT INTO folders (name, created_at) VALUES (?, ?) RETURNING id, name", (name, time.time())
            ).fetchall()[0]
        return Folder(*row)

    def rename_folder(self, folder_id: int, name: str) -> None:
        """Give a folder another name."""
        with self._writing() as db:
            db.execute("UPDATE folders SET name = ? WHERE id = ?", (name, folder_id))

    def delete_folder(self, folder_id: int) -> None:
        """Take a folder away; its chats stay, without a folder."""
        with self._writing() as db:
            db.execute("DELETE FROM folders WHERE id = ?", (folder_id,))

    def move(self, conversation_id: int, folder_id: int | None) -> None:
        """Put a chat into a folder; None takes it out."""
        with self._writing() as db:
            db.execute("UPDATE conversations SET folder_id = ? WHERE id = ?", (folder_id, conversation_id))

    # Search

    def search(self, query: str) -> list[SearchHit]:
        """Where the words stand, in titles and in every branch of every chat; see `app.chat.search`."""
        with self._read_lock, _readable_errors():
            return search(self._reader, query)

    # Messages

    def add_message(
        self,
        conversation_id: int,
        parent_id: int | None,
        role: Role,
        content: str = "",
        *,
        model: str = "",
        outcome: Outcome = "stop",
        attachments: Sequence[Attachment] = (),
        passages: Sequence[Passage] | None = None,
    ) -> StoredMessage:
        """Add a message below `parent_id` and show its branch; a user's message also clears the draft.

        `attachments` go with it: those that waited are its own from now on, those of another message (an
        edited question) are copied.
        """
        now = time.time()
        with self._writing() as db:
            row = db.execute(
                "INSERT INTO messages (conversation_id, parent_id, role, content, model, outcome, created_at,"
                f" passages) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING {MESSAGE}",
                (conversation_id, parent_id, role, content, model, outcome, now, _to_json(passages)),
            ).fetchall()[0]
            for attachment in attachments:
                taken = db.execute(
                    "UPDATE attachments SET message_id = ? WHERE id = ? AND message_id IS NULL",
                    (row[0], attachment.id),
                )
                if not taken.rowcount:
                    db.execute(
                        "INSERT INTO attachments (conversation_id, message_id, name, text, created_at)"
                        " VALUES (?, ?, ?, ?, ?)",
                        (conversation_id, row[0], attachment.name, attachment.text, now),
                    )
            index_message(db, row[0], content, "")
            db.execute(
                "UPDATE conversations SET head_id = ?, updated_at = ?, model = iif(? = '', model, ?),"
                " draft = iif(? = 'user', '', draft) WHERE id = ?",
                (row[0], now, model, model, role, conversation_id),
            )
        return self._with_attachments([row])[0] if attachments else _message(row)

    def save_reply(
        self,
        message_id: int,
        content: str,
        thinking: str,
        *,
        outcome: Outcome = "running",
        stats: GenerationStats | None = None,
        error: str = "",
    ) -> None:
        """Keep a reply as far as it has come, or as it ended."""
        with self._writing() as db:
            db.execute(
                "UPDATE messages SET content = ?, thinking = ?, outcome = ?, stats = ?, error = ?"
                " WHERE id = ?",
                (content, thinking, outcome, _to_json(stats), error, message_id),
            )
            if outcome != "running":
                index_message(db, message_id, content, thinking)

    def show_branch(self, conversation_id: int, head_id: int | None) -> None:
        """Make `head_id` the last message that is shown."""
        with self._writing() as db:
            db.execute("UPDATE conversations SET head_id = ? WHERE id = ?", (head_id, conversation_id))

    def message(self, message_id: int) -> StoredMessage:
        """One message."""
        rows = self._read(f"SELECT {MESSAGE} FROM messages WHERE id = ?", (message_id,))
        if not rows:
            raise ChatStoreError("This message no longer exists.", "Open the chat again.")
        return self._with_attachments(rows)[0]

    def messages(self, conversation_id: int) -> list[StoredMessage]:
        """Every message of a chat, all branches, oldest first."""
        rows = self._read(
            f"SELECT {MESSAGE} FROM messages WHERE conversation_id = ? ORDER BY id", (conversation_id,)
        )
        return self._with_attachments(rows)

    def branch(self, conversation_id: int, head_id: int | None = None) -> list[StoredMessage]:
        """The messages from the root to `head_id`, by default the branch that is shown."""
        rows = self._read(
            """
            WITH RECURSIVE above (id, parent_id, depth) AS (
                SELECT m.id, m.parent_id, 0 FROM messages m JOIN conversations c ON c.id = m.conversation_id
                WHERE c.id = ? AND m.id = coalesce(?, c.head_id)
                UNION ALL
                SELECT m.id, m.parent_id, above.depth + 1 FROM messages m JOIN above ON m.id = above.parent_id
            )
            SELECT m.* FROM above JOIN messages m ON m.id = above.id ORDER BY above.depth DESC
            """.replace("m.*", ", ".join(f"m.{column}" for column in MESSAGE.split(", "))),
            (conversation_id, head_id),
        )
        return self._with_attachments(rows)

    def _with_attachments(self, rows: Sequence[tuple[Any, ...]]) -> list[StoredMessage]:
        found: dict[int, list[Attachment]] = {}
        for conversation_id in {row[1] for row in rows}:
            for message_id, *values in self._read(
                "SELECT message_id, id, name, text FROM attachments"
                " WHERE conversation_id = ? AND message_id IS NOT NULL ORDER BY id",
                (conversation_id,),
            ):
                found.setdefault(message_id, []).append(Attachment(*values))
        return [_message(row, found.get(row[0], ())) for row in rows]

    # Documents

    def attach(self, conversation_id: int, name: str, text: str) -> Attachment:
        """Keep a document for the chat's next message."""
        with self._writing() as db:
            row = db.execute(
                "INSERT INTO attachments (conversation_id, name, text, created_at) VALUES (?, ?, ?, ?)"
                " RETURNING id, name, text",
                (conversation_id, name, text, time.time()),
            ).fetchall()[0]
        return Attachment(*row)

    def detach(self, attachment_id: int) -> None:
        """Take away a document that was not sent."""
        with self._writing() as db:
            db.execute("DELETE FROM attachments WHERE id = ? AND message_id IS NULL", (attachment_id,))

    def waiting_attachments(self, conversation_id: int) -> list[Attachment]:
        """The documents for the chat's next message."""
        rows = self._read(
            "SELECT id, name, text FROM attachments WHERE conversation_id = ? AND message_id IS NULL"
            " ORDER BY id",
            (conversation_id,),
        )
        return [Attachment(*row) for row in rows]

    # Connections

    def _read(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        with self._read_lock, _readable_errors():
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock, _readable_errors():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.commit()
            except BaseException:
                self._writer.rollback()
                raise


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    with ExitStack() as opened:
        opened.enter_context(closing(connection))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # What is purged is overwritten, not only unlinked.
        connection.execute("PRAGMA secure_delete = ON")
        opened.pop_all()
    return connection


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ChatStoreError(
            "The chats could not be read or saved: {reason}.",
            "Check that the disk has free space and that Stillroom may write to its data folder.",
            reason=str(error),
        ) from error


def _to_json(value: Sampling | ThinkingLimits | GenerationStats | Sequence[Passage] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _conversation(row: tuple[Any, ...]) -> Conversation:
    id_, title, titled, model, system_prompt, sampling, max_tokens, thinking, draft, head_id, *rest = row
    created_at, updated_at, pinned, folder_id = rest
    return Conversation(
        id=id_,
        title=title,
        titled=bool(titled),
        model=model,
        system_prompt=system_prompt,
        sampling=None if sampling is None else msgspec.json.decode(sampling, type=Sampling),
        max_tokens=max_tokens,
        thinking=ThinkingLimits() if thinking is None else msgspec.json.decode(thinking, type=ThinkingLimits),
        draft=draft,
        head_id=head_id,
        created_at=created_at,
        updated_at=updated_at,
        pinned=bool(pinned),
        folder_id=folder_id,
    )


def _message(row: tuple[Any, ...], attachments: Sequence[Attachment] = ()) -> StoredMessage:
    id_, conversation_id, parent_id, role, content, thinking, model, stats, outcome, error, *rest = row
    created_at, passages = rest
    return StoredMessage(
        id=id_,
        conversation_id=conversation_id,
        parent_id=parent_id,
        role=role,
        content=content,
        thinking=thinking,
        model=model,
        stats=None if stats is None else msgspec.json.decode(stats, type=GenerationStats),
        outcome=outcome,
        error=error,
        created_at=created_at,
        attachments=tuple(attachments),
        passages=None if passages is None else msgspec.json.decode(passages, type=tuple[Passage, ...]),
    )
