"""Drafts and ends of replies that the full disk refuses, in a file whose space is there already."""

import errno
import logging
import os
import zlib
from pathlib import Path

import msgspec

from app.chat.store.records import Outcome
from models.system.json_file import make_way
from models.system.regular_file import is_other, open_regular

log = logging.getLogger(__name__)

ROOM_BYTES = 1 << 20
_HEAD_BYTES = 20


class LastWord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A draft of the chat with this number, of a new one where that is 0; the words of message `edited`
    or of summary `summary`, which is being changed; or the end of reply `message`."""

    chat: int = 0
    edited: int = 0
    summary: int = 0
    draft: str = ""
    message: int = 0
    content: str = ""
    thinking: str = ""
    outcome: Outcome = "interrupted"


class FullDiskDrafts:
    """The file beside the chats. Nobody else can take its space, as they can take what is only free; on a
    file system that copies what is written (btrfs, ZFS) it may be refused all the same. One thread at a
    time."""

    def __init__(self, chats: Path) -> None:
        self._path = chats.with_name(chats.name + "-last")

    def set_aside(self) -> None:
        """Take the space, where it is not taken. Raises `OSError`."""
        make_way(self._path)
        if not self._path.exists() or self._path.stat().st_size < ROOM_BYTES:
            # Written, as a hole takes no space.
            with self._path.open("wb") as file:
                file.write(bytes(ROOM_BYTES))

    def write(self, words: list[LastWord]) -> bool:
        """Put these in the place of all that was there; False where that cannot be. They last then."""
        data = msgspec.json.encode(words)
        if len(data) > ROOM_BYTES - _HEAD_BYTES:
            log.error("there is no room for the last words: %d bytes", len(data))
            return False
        try:
            if is_other(self._path):
                raise OSError(errno.EINVAL, "it is no regular file", str(self._path))
            with self._path.open("r+b") as file:
                file.write(b"%010d %08x\n" % (len(data), zlib.crc32(data)) + data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            log.error("the last words could not be written: %s", error)
            return False
        return True

    def read(self) -> list[LastWord]:
        """Read what was written last."""
        try:
            with open_regular(self._path) as file:
                length, check = file.read(_HEAD_BYTES).split()
                data = file.read(min(int(length), ROOM_BYTES))
            if zlib.crc32(data) == int(check, 16):
                return msgspec.json.decode(data, type=list[LastWord])
        except (OSError, ValueError, msgspec.DecodeError) as error:
            log.debug("no last words: %s", error)
        return []
