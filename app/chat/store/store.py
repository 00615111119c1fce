"""The chats on disk: one SQLite file, written through before a call returns."""

import contextlib
import logging
import operator
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from app.base.errors import StillroomError
from app.chat.documents.retrieval import Passage
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.database import ChatDatabase, ChatStoreError
from app.chat.store.fork_rows import fork_rows
from app.chat.store.full_disk_drafts import FullDiskDrafts, LastWord
from app.chat.store.imported import ImportedChat
from app.chat.store.imported_rows import add_imported
from app.chat.store.records import (
    Attachment,
    Conversation,
    FileToRead,
    Folder,
    Outcome,
    Role,
    StoredMessage,
)
from app.chat.store.rows import (
    CONVERSATION,
    MESSAGE,
    choice_columns,
    conversation_of,
    message_of,
    to_json,
)
from app.chat.store.search import SearchHit, index_message, search
from app.chat.store.summary import Summary
from app.chat.store.vectors import PassageVectors
from app.database.damage_notices import Recovery
from app.database.row_sums import is_as_written
from app.engine.protocol import GenerationStats
from models.system.disk_space import DiskFullError
from models.system.progress import raise_if_cancelled

log = logging.getLogger(__name__)

_SUMMARY = "id, conversation_id, last_id, text, model, created_at"


class ChatStore:
    """Conversations and their message trees.

    Any thread may call any method: writes share one connection under a lock, each read has one of its own, so
    that a reader waits neither for the disk nor for a search. Each write is one transaction, on the disk
    before the method returns (WAL, synchronous=FULL); the window therefore writes from a worker thread. Every
    method raises `ChatStoreError`.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file (see `ChatDatabase`) and purge the chats deleted in an earlier session;
        where nothing can be written now, the next start does."""
        self._database = ChatDatabase(path)
        self.path = path
        self.vectors = PassageVectors(self._database)
        """The embeddings of documents' passages, once an embedding model has made them."""
        self._last_words = FullDiskDrafts(path)
        self._listed: tuple[object, list[tuple[tuple[Any, ...], Conversation]]] = (None, [])
        """All chats, each with the row that it was made of, beside the state of the file that they were read
        from: opening one lists all."""
        self._words_lock = threading.RLock()
        self._words = self._last_words.read()
        if self._database.refused is None:
            with contextlib.suppress(DiskFullError):
                self._tidy()
            self._take_last_words()

    def keep_last(self, word: LastWord) -> bool:
        """Keep what the full disk has refused, until it is taken; False where that cannot be, either."""
        with self._words_lock:
            if not self._last_words.write([*self._words, word]):
                return False
            self._words.append(word)
            return True

    def _take_last_words(self) -> None:
        """Put the last words where they belong."""
        with self._words_lock:
            try:
                while self._words:
                    word = self._words[0]
                    self._take_word(word)
                    self._drop_words(partial(operator.is_, word))
            except StillroomError as error:
                log.warning("the last words wait: %s", error)

    def _drop_words(self, is_old: Callable[[LastWord], bool]) -> None:
        """Forget the last words that something newer has replaced."""
        if not self._words:
            return
        with self._words_lock:
            kept = [word for word in self._words if not is_old(word)]
            if len(kept) < len(self._words):
                self._words = kept
                self._last_words.write(kept)

    def _take_word(self, word: LastWord) -> None:
        if word.message:
            self.save_reply(word.message, word.content, word.thinking, outcome=word.outcome)
            return
        if word.edited:
            self.save_edit(word.edited, word.draft)
            return
        if word.summary:
            self.save_summary_edit(word.summary, word.draft)
            return
        known = {chat.id for chat in self.conversations()}
        self.save_draft(word.chat if word.chat in known else self.create_conversation().id, word.draft)

    def _tidy(self) -> None:
        with self._database.writing() as db:
            # One with a flipped bit may not have been deleted at all.
            written = is_as_written(db, "conversations")
            db.execute(f"DELETE FROM conversations WHERE deleted_at IS NOT NULL AND {written}")
            interrupted = db.execute(
                "UPDATE messages SET outcome = 'interrupted' WHERE outcome = 'running'"
                " RETURNING id, content, thinking"
            )
            for message_id, content, thinking in interrupted.fetchall():
                index_message(db, message_id, content, thinking)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._database.close()

    @property
    def recovery(self) -> Recovery | None:
        """Give what was found damaged and put right last; None where nothing was."""
        return self._database.recovery

    @property
    def refused(self) -> StillroomError | None:
        """The reason why nothing can be written now; None where it can."""
        return self._database.refused

    def write_again(self) -> None:
        """Write again, if the disk takes it (see `CheckedDatabase.write_again`), also what it has refused
        before, and take the space for what it may refuse."""
        self._database.write_again()
        self._take_last_words()
        try:
            self._last_words.set_aside()
        except OSError as error:
            log.warning("there is no space for last words: %s", error)

    def check(self) -> Recovery | None:
        """Look at the whole file (see `CheckedDatabase.check`); not for the GUI thread."""
        return self._database.check()

    def back_up_if_due(self) -> Path | None:
        """Make a backup if the newest is more than an hour old and something has changed since.

        Takes as long as copying and checking the file.
        """
        return self._database.back_up_if_due()

    # Conversations

    def create_conversation(
        self,
        *,
        title: str = "",
        model: str = "",
        choices: ReplyChoices = ReplyChoices(),  # noqa: B008 - frozen
    ) -> Conversation:
        """A new, empty chat."""
        now = time.time()
        columns = choice_columns(choices)
        with self._database.writing() as db:
            row = db.execute(
                f"INSERT INTO conversations (title, model, created_at, updated_at, {', '.join(columns)})"
                f" VALUES (?, ?, ?, ?{', ?' * len(columns)}) RETURNING {CONVERSATION}",
                (title, model, now, now, *columns.values()),
            ).fetchall()[0]
        return conversation_of(row)

    def conversations(self) -> list[Conversation]:
        """All chats that are not deleted, the one changed last first."""
        state = self._database.state()
        if state != self._listed[0]:
            rows = self._database.read(
                f"SELECT {CONVERSATION} FROM conversations WHERE deleted_at IS NULL"
                " ORDER BY updated_at DESC, id DESC"
            )
            before = {row[0]: (row, chat) for row, chat in self._listed[1]}
            # Most are as they were.
            listed = [
                known
                if (known := before.get(row[0])) is not None and known[0] == row
                else (row, conversation_of(row))
                for row in rows
            ]
            # One assignment: another thread may list them, too.
            self._listed = state, listed
        return [chat for _, chat in self._listed[1]]

    def lists(self, conversation_id: int) -> bool:
        """Tell whether a chat is there and not deleted, without reading the list."""
        found = "SELECT 1 FROM conversations WHERE id = ? AND deleted_at IS NULL"
        return bool(self._database.read(found, (conversation_id,)))

    def conversation(self, conversation_id: int) -> Conversation:
        """One chat."""
        rows = self._database.read(
            f"SELECT {CONVERSATION} FROM conversations WHERE id = ?", (conversation_id,)
        )
        if not rows:
            raise ChatStoreError("This chat no longer exists.", "Choose another chat from the list.")
        return conversation_of(rows[0])

    def rename(self, conversation_id: int, title: str, *, by_user: bool = True) -> None:
        """Give a chat its title; one that the user chose is not replaced by an automatic one."""
        with self._database.writing() as db:
            db.execute(
                "UPDATE conversations SET title = ?, titled = ? WHERE id = ? AND (titled = 0 OR ?)",
                (title, by_user, conversation_id, by_user),
            )

    def save_choices(self, conversation_id: int, choices: ReplyChoices) -> None:
        """Keep how the chat's replies are made."""
        columns = choice_columns(choices)
        with self._database.writing() as db:
            db.execute(
                f"UPDATE conversations SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",
                (*columns.values(), conversation_id),
            )

    def save_draft(self, conversation_id: int, draft: str) -> None:
        """Keep what is typed and not sent."""
        with self._database.writing() as db:
            db.execute("UPDATE conversations SET draft = ? WHERE id = ?", (draft, conversation_id))
        others = ("message", "edited", "summary")
        self._drop_words(
            lambda word: word.chat == conversation_id and not any(getattr(word, other) for other in others)
        )

    def save_edit(self, message_id: int, text: str) -> None:
        """Keep the words of a message that is being changed; none where that is given up, or the message is
        gone."""
        with self._database.writing() as db:
            if text:
                db.execute(
                    "INSERT INTO edits (message_id, text) SELECT id, ? FROM messages WHERE id = ?"
                    " ON CONFLICT (message_id) DO UPDATE SET text = excluded.text",
                    (text, message_id),
                )
            else:
                _drop_edit(db, message_id)
        self._drop_words(lambda word: word.edited == message_id)

    def edits(self, conversation_id: int) -> dict[int, str]:
        """The words of the messages of a chat that are being changed, by the numbers of these."""
        rows = self._database.read(
            "SELECT e.message_id, e.text FROM edits e JOIN messages m ON m.id = e.message_id"
            " WHERE m.conversation_id = ?",
            (conversation_id,),
        )
        return dict(rows)

    def save_model(self, conversation_id: int, model: str) -> None:
        """Keep the name of the model that is to answer in a chat."""
        with self._database.writing() as db:
            db.execute("UPDATE conversations SET model = ? WHERE id = ?", (model, conversation_id))

    def delete_if_empty(self, conversation_id: int) -> bool:
        """Delete a chat in which the user has left nothing: no message, draft, document, title, folder, pin
        or setting. Tell whether it was one."""
        standard = choice_columns(ReplyChoices())
        with self._database.writing() as db:
            deleted = db.execute(
                "DELETE FROM conversations WHERE id = ? AND title = '' AND pinned = 0 AND folder_id IS NULL"
                " AND trim(draft) = ''"
                " AND NOT EXISTS (SELECT 1 FROM messages WHERE conversation_id = conversations.id)"
                " AND NOT EXISTS (SELECT 1 FROM attachments WHERE conversation_id = conversations.id)"
                " AND NOT EXISTS (SELECT 1 FROM files_to_read WHERE conversation_id = conversations.id)"
                + "".join(f" AND {name} IS ?" for name in standard)
                + " RETURNING id",
                (conversation_id, *standard.values()),
            ).fetchall()
        return bool(deleted)

    def delete(self, conversation_id: int) -> None:
        """Take a chat off the list; it can be restored until the program starts again, and is gone then."""
        with self._database.writing() as db:
            db.execute("UPDATE conversations SET deleted_at = ? WHERE id = ?", (time.time(), conversation_id))

    def restore(self, conversation_id: int) -> None:
        """Undo `delete`."""
        with self._database.writing() as db:
            db.execute("UPDATE conversations SET deleted_at = NULL WHERE id = ?", (conversation_id,))

    def pin(self, conversation_id: int, pinned: bool) -> None:
        """Keep a chat at the top of the list, or not."""
        with self._database.writing() as db:
            db.execute("UPDATE conversations SET pinned = ? WHERE id = ?", (pinned, conversation_id))

    def add_imported(self, chats: Sequence[ImportedChat], cancel: threading.Event | None = None) -> list[int]:
        """Add chats of a file, all or none; returns their numbers. Raises `Cancelled` before the next message
        once `cancel` is set, and none is kept."""
        with self._database.writing() as db:
            ids = [add_imported(db, chat, cancel) for chat in chats]
            raise_if_cancelled(cancel)
            return ids

    # Folders

    def folders(self) -> list[Folder]:
        """All folders by name."""
        rows = self._database.read("SELECT id, name FROM folders ORDER BY name COLLATE NOCASE, id")
        return [Folder(*row) for row in rows]

    def create_folder(self, name: str) -> Folder:
        """A new, empty folder."""
        with self._database.writing() as db:
            row = db.execute(
                "INSERT INTO folders (name, created_at) VALUES (?, ?) RETURNING id, name", (name, time.time())
            ).fetchall()[0]
        return Folder(*row)

    def rename_folder(self, folder_id: int, name: str) -> None:
        """Give a folder another name."""
        with self._database.writing() as db:
            db.execute("UPDATE folders SET name = ? WHERE id = ?", (name, folder_id))

    def delete_folder(self, folder_id: int) -> None:
        """Take a folder away; its chats stay, without a folder."""
        with self._database.writing() as db:
            db.execute("DELETE FROM folders WHERE id = ?", (folder_id,))

    def move(self, conversation_id: int, folder_id: int | None) -> None:
        """Put a chat into a folder; None takes it out."""
        with self._database.writing() as db:
            db.execute("UPDATE conversations SET folder_id = ? WHERE id = ?", (folder_id, conversation_id))

    # Search

    def search(self, query: str) -> list[SearchHit]:
        """Find the words, in titles and in every branch of every chat; see `app.chat.store.search`."""
        with self._database.reading() as db:
            return search(db, query)

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
        json_schema: str = "",
        edited_id: int | None = None,
    ) -> StoredMessage:
        """Add a message below `parent_id` and show its branch; a user's message also clears the draft, and
        that of message `edited_id` in other words is no edit any more.

        `attachments` go with it: those that waited are its own from now on, those of another message (an
        edited question) are copied.
        """
        now = time.time()
        with self._database.writing() as db:
            row = db.execute(
                "INSERT INTO messages (conversation_id, parent_id, role, content, model, outcome, created_at,"
                f" passages, json_schema) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {MESSAGE}",
                (
                    conversation_id,
                    parent_id,
                    role,
                    content,
                    model,
                    outcome,
                    now,
                    to_json(passages),
                    json_schema,
                ),
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
            if edited_id is not None:
                _drop_edit(db, edited_id)
            db.execute(
                "UPDATE conversations SET head_id = ?, updated_at = ?, model = iif(? = '', model, ?),"
                " draft = iif(? = 'user', '', draft) WHERE id = ?",
                (row[0], now, model, model, role, conversation_id),
            )
        return self._with_attachments([row])[0] if attachments else message_of(row)

    def add_edited(self, message_id: int, content: str) -> StoredMessage:
        """Add a reply in the user's words beside the one that it was made from, and show its branch."""
        now = time.time()
        with self._database.writing() as db:
            rows = db.execute(
                "INSERT INTO messages (conversation_id, parent_id, role, content, thinking, model, outcome,"
                " created_at, json_schema) SELECT conversation_id, parent_id, role, ?, thinking, model,"
                f" 'edited', ?, json_schema FROM messages WHERE id = ? RETURNING {MESSAGE}",
                (content, now, message_id),
            ).fetchall()
            if not rows:
                raise _gone()
            message = message_of(rows[0])
            index_message(db, message.id, content, message.thinking)
            _drop_edit(db, message_id)
            db.execute(
                "UPDATE conversations SET head_id = ?, updated_at = ? WHERE id = ?",
                (message.id, now, message.conversation_id),
            )
        return message

    def fork(self, message_id: int, title: str) -> Conversation:
        """Copy the branch up to a message into a new chat, with its documents, summaries and choices."""
        with self._database.writing() as db:
            conversation_id = fork_rows(db, message_id, title)
        if conversation_id is None:
            raise _gone()
        return self.conversation(conversation_id)

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
        with self._database.writing() as db:
            db.execute(
                "UPDATE messages SET content = ?, thinking = ?, outcome = ?, stats = ?, error = ?"
                " WHERE id = ?",
                (content, thinking, outcome, to_json(stats), error, message_id),
            )
            if outcome != "running":
                index_message(db, message_id, content, thinking)
        self._drop_words(lambda word: word.message == message_id)

    def go_on(self, message_id: int, model: str) -> None:
        """Note that a model goes on with a reply: another one is named beside the first, and the chat is the
        one changed last."""
        with self._database.writing() as db:
            db.execute(
                "UPDATE messages SET model = iif(model = '', ?, model || ' + ' || ?)"
                " WHERE id = ? AND instr(' + ' || model || ' + ', ' + ' || ? || ' + ') = 0",
                (model, model, message_id, model),
            )
            db.execute(
                "UPDATE conversations SET updated_at = ?"
                " WHERE id = (SELECT conversation_id FROM messages WHERE id = ?)",
                (time.time(), message_id),
            )

    def show_branch(self, conversation_id: int, head_id: int | None) -> None:
        """Make `head_id` the last message that is shown."""
        with self._database.writing() as db:
            db.execute("UPDATE conversations SET head_id = ? WHERE id = ?", (head_id, conversation_id))

    def message(self, message_id: int) -> StoredMessage:
        """One message."""
        rows = self._database.read(f"SELECT {MESSAGE} FROM messages WHERE id = ?", (message_id,))
        if not rows:
            raise _gone()
        return self._with_attachments(rows)[0]

    def messages(self, conversation_id: int) -> list[StoredMessage]:
        """Every message of a chat, all branches, oldest first."""
        rows = self._database.read(
            f"SELECT {MESSAGE} FROM messages WHERE conversation_id = ? ORDER BY id", (conversation_id,)
        )
        return self._with_attachments(rows)

    def head(self, conversation_id: int) -> int | None:
        """The last message of the branch that is shown; None where there is none."""
        rows = self._database.read("SELECT head_id FROM conversations WHERE id = ?", (conversation_id,))
        return rows[0][0] if rows else None

    def branch(self, conversation_id: int, head_id: int | None = None) -> list[StoredMessage]:
        """The messages from the root to `head_id`, by default the branch that is shown."""
        rows = self._database.read(
            """
            WITH RECURSIVE above (id, parent_id, depth) AS (
                SELECT m.id, m.parent_id, 0 FROM messages m JOIN conversations c ON c.id = m.conversation_id
                WHERE c.id = ? AND m.id = coalesce(?, c.head_id)
                UNION ALL
                SELECT m.id, m.parent_id, above.depth + 1 FROM messages m JOIN above ON m.id = above.parent_id
                WHERE m.id < above.id
            )
            SELECT m.* FROM above JOIN messages m ON m.id = above.id ORDER BY above.depth DESC
            """.replace("m.*", ", ".join(f"m.{column}" for column in MESSAGE.split(", "))),
            (conversation_id, head_id),
        )
        return self._with_attachments(rows)

    def _with_attachments(self, rows: Sequence[tuple[Any, ...]]) -> list[StoredMessage]:
        found: dict[int, list[Attachment]] = {}
        for conversation_id in {row[1] for row in rows}:
            for message_id, *values in self._database.read(
                "SELECT message_id, id, name, text FROM attachments"
                " WHERE conversation_id = ? AND message_id IS NOT NULL ORDER BY id",
                (conversation_id,),
            ):
                found.setdefault(message_id, []).append(Attachment(*values))
        return [message_of(row, found.get(row[0], ())) for row in rows]

    # Summaries

    def summaries(self, conversation_id: int) -> list[Summary]:
        """All summaries of a chat, the oldest first."""
        rows = self._database.read(
            f"SELECT {_SUMMARY} FROM summaries WHERE conversation_id = ? ORDER BY id", (conversation_id,)
        )
        return [Summary(*row) for row in rows]

    def add_summary(self, conversation_id: int, last_id: int, text: str, model: str) -> Summary:
        """Keep what stands for the messages up to `last_id`, which stay as they are."""
        with self._database.writing() as db:
            row = db.execute(
                "INSERT INTO summaries (conversation_id, last_id, text, model, created_at)"
                f" VALUES (?, ?, ?, ?, ?) RETURNING {_SUMMARY}",
                (conversation_id, last_id, text, model, time.time()),
            ).fetchall()[0]
        return Summary(*row)

    def change_summary(self, summary_id: int, text: str) -> None:
        """Keep the user's words in the place of the model's."""
        with self._database.writing() as db:
            db.execute(
                "UPDATE summaries SET text = ?, model = '', changed = '' WHERE id = ?", (text, summary_id)
            )

    def save_summary_edit(self, summary_id: int, text: str) -> None:
        """Keep the words of a summary that is being changed; none where that is given up."""
        with self._database.writing() as db:
            db.execute("UPDATE summaries SET changed = ? WHERE id = ?", (text, summary_id))
        self._drop_words(lambda word: word.summary == summary_id)

    def summary_edits(self, conversation_id: int) -> dict[int, str]:
        """The words of the summaries of a chat that are being changed, by the numbers of these."""
        rows = self._database.read(
            "SELECT id, changed FROM summaries WHERE conversation_id = ? AND changed <> ''",
            (conversation_id,),
        )
        return dict(rows)

    def delete_summary(self, summary_id: int) -> None:
        """Let the messages themselves go to the model again."""
        with self._database.writing() as db:
            db.execute("DELETE FROM summaries WHERE id = ?", (summary_id,))

    # Documents

    def note_files(self, conversation_id: int, paths: Sequence[Path]) -> list[FileToRead]:
        """Keep which files are about to be read for the chat's next message, until `attach` or `forget_file`.
        A chat that is gone has none."""
        with self._database.writing() as db:
            rows = [
                db.execute(
                    "INSERT INTO files_to_read (conversation_id, path)"
                    " SELECT id, ? FROM conversations WHERE id = ? RETURNING id, conversation_id, path",
                    (os.fsencode(path.absolute()), conversation_id),
                ).fetchall()
                for path in paths
            ]
        return [_file_of(row) for noted in rows for row in noted]

    def files_to_read(self) -> list[FileToRead]:
        """The files that were never read to their end, in the order in which they were given."""
        rows = self._database.read(
            "SELECT f.id, f.conversation_id, f.path FROM files_to_read f"
            " JOIN conversations c ON c.id = f.conversation_id WHERE c.deleted_at IS NULL ORDER BY f.id"
        )
        return [_file_of(row) for row in rows]

    def forget_file(self, file_id: int) -> None:
        """A file is not to be read any more."""
        with self._database.writing() as db:
            _drop_file(db, file_id)

    def attach(self, conversation_id: int, name: str, text: str, *, file_id: int = 0) -> Attachment:
        """Keep a document for the chat's next message; `file_id` is the file that it was read from."""
        with self._database.writing() as db:
            _drop_file(db, file_id)
            row = db.execute(
                "INSERT INTO attachments (conversation_id, name, text, created_at) VALUES (?, ?, ?, ?)"
                " RETURNING id, name, text",
                (conversation_id, name, text, time.time()),
            ).fetchall()[0]
        return Attachment(*row)

    def detach(self, attachment_id: int) -> None:
        """Take away a document that was not sent."""
        with self._database.writing() as db:
            db.execute("DELETE FROM attachments WHERE id = ? AND message_id IS NULL", (attachment_id,))

    def waiting_attachments(self, conversation_id: int) -> list[Attachment]:
        """The documents for the chat's next message."""
        rows = self._database.read(
            "SELECT id, name, text FROM attachments WHERE conversation_id = ? AND message_id IS NULL"
            " ORDER BY id",
            (conversation_id,),
        )
        return [Attachment(*row) for row in rows]


def _drop_edit(db: sqlite3.Connection, message_id: int) -> None:
    db.execute("DELETE FROM edits WHERE message_id = ?", (message_id,))


def _drop_file(db: sqlite3.Connection, file_id: int) -> None:
    db.execute("DELETE FROM files_to_read WHERE id = ?", (file_id,))


def _file_of(row: tuple[Any, ...]) -> FileToRead:
    return FileToRead(row[0], row[1], Path(os.fsdecode(row[2])))


def _gone() -> ChatStoreError:
    return ChatStoreError("This message no longer exists.", "Open the chat again.")
