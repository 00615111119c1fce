"""Documents that are attached to a message: text, code, Markdown, CSV, PDF, DOCX."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from app.base.children import child_command
from app.base.errors import StillroomError
from app.base.one_shot_child import ask_child
from models.system.units import byte_count

MOST_FILE_BYTES = 64 << 20
TIME_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class _Problem:
    """A problem with a document, and what to do about it."""

    message: str
    hint: str


_REASONS = {
    "kind": _Problem(
        "{name} is not a kind of file that can be read here.",
        "Attach text, code, Markdown, CSV, PDF or DOCX; save an older document as one of these first.",
    ),
    "encrypted": _Problem(
        "{name} is protected by a password.", "Save a copy without the password and attach that."
    ),
    "empty": _Problem(
        "{name} holds no text.",
        "A scanned document is pictures of text: run it through text recognition (OCR) first.",
    ),
    "damaged": _Problem(
        "{name} is damaged.", "Open it in the program that made it, save it anew, and attach that."
    ),
    "memory": _Problem("{name} needs too much memory to be read.", "Attach a part of it."),
    "time": _Problem("{name} takes too long to be read.", "Attach a part of it."),
}


class DocumentError(StillroomError):
    """A document that cannot be attached."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document's name and its text."""

    name: str
    text: str


def read_document(path: Path, cancel: threading.Event | None = None) -> Document:
    """Read a document in a child process with its own limits on memory and time.

    Any thread but the GUI's: it waits for the child, 0.1 s for a text and about 20 ms a page for a PDF.
    Raises `DocumentError`, and `Cancelled` within 0.1 s of `cancel`, when the child has ended.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise _error("kind", path)
    except OSError as error:
        raise DocumentError(
            "{name} could not be read: {reason}.",
            "Check that it is still there and that you may open it.",
            name=path.name,
            reason=error.strerror or str(error),
        ) from error
    if not size:
        raise DocumentError("{name} is an empty file.", "Attach one that holds text.", name=path.name)
    if size > MOST_FILE_BYTES:
        raise DocumentError(
            "{name} is larger than {size}.",
            "Attach a part of it.",
            name=path.name,
            size=byte_count(MOST_FILE_BYTES),
        )
    try:
        request = json.dumps({"path": str(path.absolute())}).encode()
        child = ask_child(child_command("document"), request, limit_s=TIME_LIMIT_S, cancel=cancel)
    except TimeoutError:
        raise _error("time", path) from None
    answer: dict[str, str] = json.loads(child.data) if child.returncode == 0 else {"reason": "damaged"}
    if "reason" in answer:
        raise _error(answer["reason"], path)
    # A name on Linux is bytes; those that are no UTF-8 can be kept nowhere.
    return Document(path.name.encode("utf-8", "replace").decode(), answer["text"])


def _error(reason: str, path: Path) -> DocumentError:
    problem = _REASONS[reason]
    return DocumentError(problem.message, problem.hint, name=path.name)
