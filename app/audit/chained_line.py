"""One line of the audit log: JSON that holds the hash of the line before it."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NOTHING = "0" * 64
"""The hash of the line before, as the very first line names it."""


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain: the number of a line, counted from 1, and the SHA-256 of its bytes."""

    n: int
    hash: str


START = Link(0, NOTHING)


def now_text(at_s: float | None = None) -> str:
    """A time as the log has it: UTC with milliseconds."""
    moment = datetime.fromtimestamp(time.time() if at_s is None else at_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line_hash(line: bytes) -> str:
    """The hash of a line without its line end."""
    return hashlib.sha256(line).hexdigest()


def chained(fields: Mapping[str, Any], before: Link) -> tuple[bytes, Link]:
    """The line, without its end, that says `fields` after `before`; and its own place.

    Everything but printable ASCII is escaped, so that no text, whatever it holds, ends a line for any reader
    or reaches a terminal as a control character.
    """
    document = {"n": before.n + 1, **fields, "prev": before.hash}
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")
    line = text.encode("ascii")
    return line, Link(before.n + 1, line_hash(line))


def parsed(line: bytes) -> dict[str, Any] | None:
    """The fields of a line; None where it is none."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    n, prev = document.get("n"), document.get("prev")
    if not isinstance(n, int) or isinstance(n, bool) or not isinstance(prev, str):
        return None
    return document
