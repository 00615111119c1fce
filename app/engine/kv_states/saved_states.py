"""Chats' KV caches on disk: one file for each chat and model, checked before llama.cpp sees it."""

import contextlib
import hashlib
import logging
import os
import re
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.engine.batching.prefix import Held
from models.system.durable import rename_durably
from models.system.regular_file import open_regular

log = logging.getLogger(__name__)

CHAT_STATES_GB = 2.0
"""The disk that all of them may take, where the setting `chat_states_gb` says nothing else."""

MAGIC = b"stillroom state 1\n"
_LENGTH = struct.Struct("<I")
_LONGEST_HEADER = 64 * 1024 * 1024
_NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{16}\.state")


@dataclass(frozen=True, slots=True)
class StatesPlace:
    """The folder of chats' states, and how large all of them may get now; 0 keeps none."""

    folder: Path
    limit_bytes: Callable[[], int]


class _Header(msgspec.Struct, frozen=True):
    """In front of the state itself; `tokens` and `rest` are 32-bit integers of this machine."""

    fingerprint: str
    chat_key: str
    variant: str
    tokens: bytes
    state_bytes: int
    state_sha256: bytes
    rest: bytes = b""


@dataclass(frozen=True, slots=True)
class SavedState:
    """A state on disk, without the state itself."""

    path: Path
    held: Held
    state_bytes: int
    state_sha256: bytes
    starts_at: int


class StateFolder:
    """The folder of the states of one model; its own methods block on the disk.

    The keys and values of a token can be read back only by the same weights in the same kind of context:
    `fingerprint` names both, and files of another one are left alone. All models share the folder and its
    `limit_bytes`: the files that were used longest ago go first.
    """

    def __init__(self, folder: Path, fingerprint: str, limit_bytes: int) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._limit_bytes = limit_bytes

    @property
    def largest_bytes(self) -> int:
        """A state that is larger is not kept: it would push out most others."""
        return self._limit_bytes // 2

    def read_all(self) -> list[SavedState]:
        """Read the headers of this model's states; damaged files are named in the log. No `write` may run."""
        ending = f"-{_short(self._fingerprint)}.state"
        with contextlib.suppress(OSError):
            for part in self._folder.glob(f"*{ending}.part"):
                part.unlink()
        found = (self._read_header(path) for path in _state_files(self._folder) if path.name.endswith(ending))
        return [saved for saved in found if saved is not None]

    def write(self, held: Held, state: bytearray) -> SavedState:
        """Put a chat's state in place of the one before. Raises `OSError`."""
        digest = hashlib.sha256(state).digest()
        header = msgspec.msgpack.encode(
            _Header(
                self._fingerprint,
                held.chat_key,
                held.variant,
                array("i", held.tokens).tobytes(),
                len(state),
                digest,
                array("i", held.rest).tobytes(),
            )
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{_short(held.chat_key, 32)}-{_short(self._fingerprint)}.state"
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                for piece in (MAGIC, _LENGTH.pack(len(header)), header, hashlib.sha256(header).digest()):
                    file.write(piece)
                starts_at = file.tell()
                file.write(state)
                file.flush()
                os.fsync(file.fileno())
            rename_durably(part, path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        keep_within(self._folder, self._limit_bytes)
        return SavedState(path, held, len(state), digest, starts_at)

    def read(self, saved: SavedState) -> bytearray | None:
        """Read the state itself; None, and a line in the log, where the file is not what it was."""
        try:
            with open_regular(saved.path) as file:
                file.seek(saved.starts_at)
                state = bytearray(saved.state_bytes)
                whole = file.readinto(state) == saved.state_bytes and not file.read(1)
            if whole and hashlib.sha256(state).digest() == saved.state_sha256:
                os.utime(saved.path)
                return state
            log.warning("the saved state %s is damaged and is not used", saved.path.name)
        except OSError as error:
            log.warning("the saved state %s could not be read: %s", saved.path.name, error)
        return None

    def delete(self, chat_keys: Iterable[str]) -> None:
        """Delete what is kept of these chats, of all models."""
        delete_states(self._folder, chat_keys)

    def _read_header(self, path: Path) -> SavedState | None:
        try:
            with open_regular(path) as file:
                if file.read(len(MAGIC)) != MAGIC:
                    raise ValueError("it is no state of this program")
                (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
                text = file.read(min(length, _LONGEST_HEADER))
                if file.read(32) != hashlib.sha256(text).digest():
                    raise ValueError("its header is damaged")
                header = msgspec.msgpack.decode(text, type=_Header)
                starts_at = file.tell()
                size = os.fstat(file.fileno()).st_size
            if header.fingerprint != self._fingerprint:
                return None
            if size != starts_at + header.state_bytes:
                raise ValueError("it is not whole")
            held = Held(_ids(header.tokens), header.chat_key, header.variant, _ids(header.rest))
        except (OSError, ValueError, struct.error, msgspec.DecodeError) as error:
            log.warning("the saved state %s is not used: %s", path.name, error)
            return None
        return SavedState(path, held, header.state_bytes, header.state_sha256, starts_at)


def _ids(data: bytes) -> list[int]:
    tokens = array("i")
    tokens.frombytes(data)
    return tokens.tolist()


def kept_bytes(folder: Path) -> int:
    """Sum the sizes of the states of all models, in bytes; blocks on the disk."""
    return sum(stat.st_size for _, stat in _with_stat(folder))


def keep_within(folder: Path, limit_bytes: int) -> None:
    """Delete the states that were used longest ago until all take so much at most; blocks on the disk. What
    cannot be deleted is named in the log."""
    files = sorted(
        ((stat.st_mtime_ns, stat.st_size, path) for path, stat in _with_stat(folder)), reverse=True
    )
    total = 0
    for _, size, path in files:
        total += size
        if total > limit_bytes:
            _delete(path)


def delete_states(folder: Path, chat_keys: Iterable[str]) -> None:
    """Delete what is kept of these chats, of all models. What cannot be deleted is named in the log."""
    names = {_short(chat_key, 32) for chat_key in chat_keys}
    for path in _state_files(folder):
        if path.name.partition("-")[0] in names:
            _delete(path)


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("the saved state %s could not be deleted: %s", path.name, error)


def _state_files(folder: Path) -> Iterator[Path]:
    try:
        paths = list(folder.iterdir())
    except OSError:
        return
    yield from (path for path in paths if _NAME.fullmatch(path.name))


def _with_stat(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in _state_files(folder):
        try:
            yield path, path.stat()
        except OSError:
            continue


def _short(text: str, digits: int = 16) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
