"""Free text for training a small model: manuals of Debian packages, which nothing of ours quotes.

- debian-handbook (GPL-2.0+ or CC-BY-SA-3.0): a book in English, German, French, Spanish and Chinese.
- python3.13-doc (PSF-2.0): the sources of Python's manual, prose and code.

`apt-get download` fetches them, about 50 MB, and needs no rights. They are training text only: nothing of
them is kept in the repository or handed on.
"""

import subprocess
from html.parser import HTMLParser
from pathlib import Path

PACKAGES = ("debian-handbook", "python3.13-doc")
LANGUAGES = ("en-US", "de-DE", "zh-CN", "fr-FR", "es-ES")
_BLOCKS = frozenset({"p", "h1", "h2", "h3", "h4", "li", "pre", "dt", "dd", "td", "div", "title"})
_UNREAD = frozenset({"script", "style", "head", "title"})
_LEAST_LETTERS = 40
"""Shorter blocks are mostly headings and links, which stand on every page again."""


def free_text(folder: Path) -> list[str]:
    """Return the documents of the packages, always in the same order; `folder` keeps what was fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if not list(folder.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
        (archive,) = folder.glob(f"{package}_*.deb")
        if not (folder / "usr" / "share" / "doc" / package).is_dir():
            subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
    documents = folder / "usr" / "share" / "doc"
    manual = documents / "python3.13" / "html" / "_sources"
    found = [path.read_text("utf-8") for path in sorted(manual.rglob("*.txt"))]
    seen: set[str] = set()
    for language in LANGUAGES:
        for page in sorted((documents / "debian-handbook" / "html" / language).glob("*.html")):
            found.append(_page_text(page.read_text("utf-8"), seen))
    return [text for text in found if text.strip()]


def _page_text(page: str, seen: set[str]) -> str:
    """Return the blocks of `page` that are not in `seen` (frames of pages, what is not translated yet)."""
    reader = _Blocks()
    reader.feed(page)
    blocks: list[str] = []
    for block in reader.blocks():
        if len(block) * (1 if block.isascii() else 3) >= _LEAST_LETTERS and block not in seen:
            seen.add(block)
            blocks.append(block)
    return "\n\n".join(blocks)


class _Blocks(HTMLParser):
    """Takes the text blocks of a page, those of `pre` with their lines."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._found: list[str] = []
        self._unread = 0
        self._kept_lines = 0

    def blocks(self) -> list[str]:
        """Return the blocks so far."""
        self._end_block()
        return self._found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block where the element is one."""
        self._unread += tag in _UNREAD
        if tag in _BLOCKS:
            self._end_block()
        self._kept_lines += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        """End a block where the element is one."""
        if tag in _BLOCKS:
            self._end_block()
        self._unread -= tag in _UNREAD and self._unread > 0
        self._kept_lines -= tag == "pre" and self._kept_lines > 0

    def handle_data(self, data: str) -> None:
        """Take text that is read."""
        if not self._unread:
            self._parts.append(data)

    def _end_block(self) -> None:
        text = "".join(self._parts)
        self._parts.clear()
        text = text.strip("\n") if self._kept_lines else " ".join(text.split())
        if text.strip():
            self._found.append(text)
