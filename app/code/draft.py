"""The editor's unsaved text, kept over restarts and crashes."""

import logging
from pathlib import Path

import msgspec

from app.code.text_file import Encoding, Newline
from models.durable import write_durably

log = logging.getLogger(__name__)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What the editor held. `text` is None when the file's own content was shown unchanged.

    `path` is empty for text that never had a file; `digest`, `encoding` and `newline` are those of
    `app.code.text_file.TextFile`. `cursor` is the position in the text.
    """

    path: str = ""
    text: str | None = None
    language: str = ""
    cursor: int = 0
    digest: str = ""
    encoding: Encoding = "utf-8"
    newline: Newline = "\n"


class DraftFile:
    """One draft on disk. Methods may run in any thread, one at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Draft | None:
        """The draft of the last run; None when there is none. A damaged one is set aside, not deleted."""
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return msgspec.json.decode(raw, type=Draft)
        except msgspec.DecodeError:
            aside = self._path.with_suffix(".damaged.json")
            self._path.replace(aside)
            log.warning("The code draft was damaged and is kept as %s", aside)
            return None

    def save(self, draft: Draft) -> None:
        """Keep `draft` instead of the one before; a crash leaves one of the two. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(self._path, msgspec.json.encode(draft))
