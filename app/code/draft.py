"""The editor's unsaved text, kept over restarts and crashes."""

from pathlib import Path

import msgspec

from app.code.kept_file import KeptFile
from app.code.text_file import Encoding, Newline


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the editor. `text` is None when the file's own content was shown unchanged.

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


class DraftFile(KeptFile[Draft]):
    """One draft on disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Draft)
