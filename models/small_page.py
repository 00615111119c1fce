"""Short answers of a server, such as a list of files: read whole, but never more than they may be."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Page:
    """What came, cut a little behind the size that was allowed, and its Content-Type."""

    data: bytes
    content_type: str


def read_page(address: str, most_bytes: int, headers: Mapping[str, str] | None = None) -> Page:
    """Get it, over redirects; blocks up to `TIMEOUT_S` between two pieces. Raises `httpx.HTTPError`."""
    with httpx.stream("GET", address, headers=headers, timeout=TIMEOUT_S, follow_redirects=True) as answer:
        answer.raise_for_status()
        data = bytearray()
        for piece in answer.iter_bytes():
            data += piece
            if len(data) > most_bytes:
                break
        return Page(bytes(data), answer.headers.get("Content-Type", ""))
