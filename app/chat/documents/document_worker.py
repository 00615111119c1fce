"""The child process that reads a document, so that a hostile one can only end this process.

One JSON request on stdin (`path`), one JSON answer on stdout: `text`, or `reason` why there is none ("kind",
"encrypted", "empty", "damaged", "memory"). Nothing in a document is run or fetched.
"""

import json
import logging
import os
import re
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.base.child_limits import limit_resources
from models.system.child_process import die_with_parent
from models.system.regular_file import open_regular

if TYPE_CHECKING:
    from pypdf import PdfReader

MEMORY_LIMIT_BYTES = 768 << 20
CPU_LIMIT_S = 100
MOST_CHARACTERS = 8_000_000
MOST_UNPACKED_BYTES = 256 << 20
"""Of all parts of a DOCX; pictures are packed already."""

_HEADING_LEVEL = re.compile(r"[1-9]")
_ENCODINGS = ("utf-8-sig", "gb18030", "cp1252")


def main() -> None:
    """Answer the one request on stdin."""
    die_with_parent(os.getppid())
    limit_resources(MEMORY_LIMIT_BYTES, CPU_LIMIT_S)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    path = Path(json.load(sys.stdin)["path"])
    try:
        answer = read(path)
    except MemoryError:
        answer = {"reason": "memory"}
    except (Exception, RecursionError):  # noqa: BLE001 - whatever a reader raises for a damaged file
        answer = {"reason": "damaged"}
    json.dump(answer, sys.stdout)


def read(path: Path) -> dict[str, str]:
    """The text of a document by what it is, not by its name."""
    with open_regular(path) as file:
        head = file.read(4096)
    if head.startswith(b"%PDF-"):
        return _answer(_pdf(path))
    if head.startswith(b"PK\x03\x04"):
        if path.suffix.lower() != ".docx":
            return {"reason": "kind"}
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED_BYTES:
                return {"reason": "memory"}
        return _answer(_docx(path))
    return _text(path)


def _answer(text: str | None) -> dict[str, str]:
    if text is None:
        return {"reason": "encrypted"}
    if len(text) > MOST_CHARACTERS:
        # The answer has to find room in the window's process.
        return {"reason": "memory"}
    # A PDF can name halves of surrogate pairs: two become their character, and one alone can be kept nowhere.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return {"text": text} if text.strip() else {"reason": "empty"}


def _pdf(path: Path) -> str | None:
    from pypdf import PdfReader

    reader = PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        return None
    titles = _titles(reader)
    # Between pages as `places` looks for them.
    return "\n\f".join(
        _with_headings(page.extract_text().replace("\f", "\n"), titles.get(number, {}))
        for number, page in enumerate(reader.pages)
    )


def _titles(reader: "PdfReader") -> dict[int, dict[str, int]]:
    """The document's own list of its headings: by page, each with its level."""
    found: dict[int, dict[str, int]] = {}

    def note(entries: list[Any], level: int) -> None:
        for entry in entries:
            if isinstance(entry, list):
                note(entry, level + 1)
            else:
                number = reader.get_destination_page_number(entry)
                title = " ".join(str(entry.title).split())
                if number is not None and title:
                    found.setdefault(number, {})[title] = min(level, 6)

    try:
        note(reader.outline, 1)
    except (Exception, RecursionError):  # noqa: BLE001 - a damaged list is no reason not to read the pages
        return {}
    return found


def _with_headings(text: str, titles: dict[str, int]) -> str:
    """Mark the lines that are headings, as in Markdown."""
    if not titles:
        return text
    lines, left = text.split("\n"), dict(titles)
    for place, line in enumerate(lines):
        level = left.pop(" ".join(line.split()), None)
        if level is not None:
            lines[place] = f"{'#' * level} {line.strip()}"
    return "\n".join(lines)


def _docx(path: Path) -> str:
    from docx import Document
    from docx.table import Table

    def lines() -> Iterator[str]:
        for block in Document(str(path)).iter_inner_content():
            if isinstance(block, Table):
                # Each cell as it is stored: laid out, one may be as wide as a thousand million columns.
                for row in block._tbl.tr_lst:
                    cells = ("\n".join(part.text for part in cell.p_lst) for cell in row.tc_lst)
                    yield "| " + " | ".join(cell.replace("\n", " ") for cell in cells) + " |"
                yield ""
            else:
                name = (block.style.name or "") if block.style is not None else ""
                level = name.removeprefix("Heading ")
                yield f"{'#' * int(level)} {block.text}" if _HEADING_LEVEL.fullmatch(level) else block.text
                yield ""

    return "\n".join(lines())


def _text(path: Path) -> dict[str, str]:
    data = path.read_bytes()
    if not data.strip():
        return {"reason": "empty"}
    has_mark = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in data and not has_mark:
        return {"reason": "kind"}
    for encoding in ("utf-16",) if has_mark else _ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return _answer(text.replace("\r\n", "\n").replace("\r", "\n"))
    return {"reason": "kind"}


if __name__ == "__main__":
    main()
