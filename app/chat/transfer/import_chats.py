"""Reads the chats out of a file: Stillroom's own export, ChatGPT's, Open WebUI's, LM Studio's."""

import json
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from app.base.errors import StillroomError
from app.chat.store.imported import ImportedChat, ImportedMessage, in_order
from app.chat.transfer.export import FORMAT, FORMAT_VERSION
from app.chat.transfer.import_chatgpt import ChatGptConversation, from_chatgpt
from app.chat.transfer.import_lm_studio import LmStudioConversation, from_lm_studio
from app.chat.transfer.import_open_webui import OpenWebUiChat, from_open_webui
from models.system.regular_file import open_regular

MOST_BYTES = 1 << 30
CHATGPT_FILE = "conversations.json"


class ImportFailed(StillroomError):
    """A file that holds no chats that are known here."""


def read_chats(path: Path) -> list[ImportedChat]:
    """Every chat of the file, also out of ChatGPT's zip archive. Raises `ImportFailed`; nothing is kept yet.

    Reads it whole; for a worker thread.
    """
    try:
        data = _read(path)
        document = json.loads(data)
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


def _chats_of(entry: Any) -> Sequence[ImportedChat]:
    if not isinstance(entry, dict):
        raise msgspec.ValidationError("it holds something else than chats")
    if entry.get("format") == FORMAT:
        return [_from_stillroom(msgspec.convert(entry, _StillroomChat))]
    if "mapping" in entry:
        return [from_chatgpt(msgspec.convert(entry, ChatGptConversation))]
    if "chat" in entry:
        return [from_open_webui(msgspec.convert(entry, OpenWebUiChat, strict=False))]
    if "messages" in entry:
        return [from_lm_studio(msgspec.convert(entry, LmStudioConversation))]
    raise msgspec.ValidationError("it holds something else than chats")


class _StillroomMessage(msgspec.Struct):
    id: int
    role: str
    content: str
    created_at: datetime
    parent_id: int | None = None
    thinking: str = ""
    model: str = ""


class _StillroomChat(msgspec.Struct):
    version: int
    messages: list[_StillroomMessage]
    created_at: datetime
    updated_at: datetime
    title: str = ""
    model: str = ""
    system_prompt: str = ""
    head_id: int | None = None


def _from_stillroom(chat: _StillroomChat) -> ImportedChat:
    if chat.version > FORMAT_VERSION:
        raise ImportFailed(
            "This export was written by a newer Stillroom (version {version}).",
            "Update Stillroom to read it.",
            version=chat.version,
        )
    messages = [
        ImportedMessage(
            key=str(message.id),
            parent=None if message.parent_id is None else str(message.parent_id),
            role="assistant" if message.role == "assistant" else "user",
            content=message.content,
            thinking=message.thinking,
            model=message.model,
            created_at=message.created_at.timestamp(),
        )
        for message in chat.messages
    ]
    return ImportedChat(
        title=chat.title,
        messages=in_order(messages),
        head=None if chat.head_id is None else str(chat.head_id),
        system_prompt=chat.system_prompt,
        created_at=chat.created_at.timestamp(),
        updated_at=chat.updated_at.timestamp(),
        model=chat.model,
    )
