"""The file of the chats."""

from pathlib import Path

from app.base.errors import StillroomError
from app.chat.store.migrations import SCHEMA
from app.database.database import CheckedDatabase


class ChatStoreError(StillroomError):
    """The chat database could not be read or written."""


class ChatDatabase(CheckedDatabase):
    """One SQLite file. Any thread. Raises `ChatStoreError`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SCHEMA)

    def unusable(self, reason: str) -> ChatStoreError:
        """The error for a file that could not be read or written."""
        return ChatStoreError(
            "The chats could not be read or saved: {reason}.",
            "Check that the disk has free space and that Stillroom may write to its data folder.",
            reason=reason,
        )
