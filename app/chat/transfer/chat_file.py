"""Reads the chats out of a file: Stillroom's own export, ChatGPT's, Open WebUI's, LM Studio's."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.chat.store.imported import ImportedChat
from app.chat.transfer.export import FORMAT
from app.chat.transfer.import_chatgpt import ChatGptConversation, from_chatgpt
from app.chat.transfer.import_lm_studio import LmStudioConversation, from_lm_studio
from app.chat.transfer.import_open_webui import OpenWebUiChat, from_open_webui
from app.chat.transfer.import_stillroom import ImportFailed, StillroomChat, from_stillroom
from models.system.regular_file import open_regular

MOST_BYTES = 1 << 30
CHATGPT_FILE = "conversations.json"


def chats_of_file(path: Path) -> list[ImportedChat]:
    """Every chat of the file, also out of ChatGPT's zip archive. Raises `ImportFailed`, and `MemoryError`.

    Reads it whole, and holds the interpreter for as long as that takes: for a process of its own.
    """
    try:
        data = _read(path)
        document = json.loads(data)
        if b"\\ud" in data or b"\\uD" in data:
            document = _mended(document)
    except (OSError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise ImportFailed(
            "{name} could not be read: {reason}.",
            "Choose an export of Stillroom, ChatGPT, Open WebUI or LM Studio (JSON, or ChatGPT's zip).",
            name=path.name,
            reason=str(error),
        ) from error
    entries = document if isinstance(document, list) else [document]
    try:
        chats = [chat for entry in entries for chat in _chats_of(entry)]
    except msgspec.ValidationError as error:
        raise ImportFailed(
            "{name} is not an export that Stillroom knows: {reason}.",
            "Choose an export of Stillroom, ChatGPT, Open WebUI or LM Studio.",
            name=path.name,
            reason=str(error),
        ) from error
    if not chats:
        raise ImportFailed("{name} holds no chats.", "Choose another file.", name=path.name)
    return chats


def _read(path: Path) -> bytes:
    with open_regular(path) as file:
        is_archive = zipfile.is_zipfile(file)
    if is_archive:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.rpartition("/")[2] == CHATGPT_FILE]
            if not names:
                raise ValueError(f"it holds no {CHATGPT_FILE}")
            with archive.open(names[0]) as packed:
                data = packed.read(MOST_BYTES + 1)
    else:
        with open_regular(path) as plain:
            data = plain.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError("it is larger than 1 GB")
    return data


def _mended(value: Any) -> Any:
    """Return the document without halves of characters, which no text can hold: other programs cut a text in
    the middle of one."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_mended(each) for each in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(each) for key, each in value.items()}
    return value


def _chats_of(entry: Any) -> Sequence[ImportedChat]:
    if not isinstance(entry, dict):
        raise msgspec.ValidationError("it holds something else than chats")
    if entry.get("format") == FORMAT:
        return [from_stillroom(msgspec.convert(entry, StillroomChat))]
    if "mapping" in entry:
        return [from_chatgpt(msgspec.convert(entry, ChatGptConversation))]
    if "chat" in entry:
        return [from_open_webui(msgspec.convert(entry, OpenWebUiChat, strict=False))]
    if "messages" in entry:
        return [from_lm_studio(msgspec.convert(entry, LmStudioConversation))]
    raise msgspec.ValidationError("it holds something else than chats")
