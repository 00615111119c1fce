"""Reads the chats out of a file, in a child process: it may be anybody's, and hold anything."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.base.children import child_command
from app.base.one_shot_child import ask_child
from app.chat.store.imported import ImportedChat
from app.chat.transfer.import_stillroom import ImportFailed
from app.chat.transfer.import_worker import LENGTH, Found, Refusal
from models.system.progress import raise_if_cancelled

TIME_LIMIT_S = 120.0

_DECODER: msgspec.msgpack.Decoder[Found | Refusal] = msgspec.msgpack.Decoder(Found | Refusal)


def read_chats(path: Path, cancel: threading.Event | None = None) -> list[ImportedChat]:
    """Every chat of the file, also out of ChatGPT's zip archive. Raises `ImportFailed`; nothing is kept yet.

    Any thread but the GUI's: it waits for the child. Raises `Cancelled` within 0.1 s of `cancel`, when the
    child has ended.
    """
    hint = "Choose another file."
    try:
        child = ask_child(
            child_command("chats"), os.fsencode(path.absolute()), limit_s=TIME_LIMIT_S, cancel=cancel
        )
    except TimeoutError:
        raise ImportFailed("{name} takes too long to be read.", hint, name=path.name) from None
    if child.returncode != 0:
        raise ImportFailed("{name} needs too much memory to be read.", hint, name=path.name)
    chats = []
    for answer in _answers(memoryview(child.data)):
        # One at a time: the window goes on between them.
        raise_if_cancelled(cancel)
        found = _DECODER.decode(answer)
        if isinstance(found, Refusal):
            raise ImportFailed(found.message, found.hint, **found.values)
        chats.append(found.chat)
    return chats


def _answers(data: memoryview) -> Iterator[memoryview]:
    place = 0
    while place < len(data):
        (length,) = LENGTH.unpack_from(data, place)
        place += LENGTH.size
        yield data[place : place + length]
        place += length
