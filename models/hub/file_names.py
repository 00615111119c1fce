"""Names of files that a server gives: what may be written below a folder, on any system."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

_MOST_BYTES = 1024
_MOST_PART_BYTES = 240
"""File systems allow 255, and a file that is not whole has a longer name."""

_OVERRIDES = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
_FORBIDDEN = frozenset('\\:*?"<>|')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE)
"""https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions"""


def is_unsafe(path: str) -> bool:
    """Tell whether `path`, with "/" between its parts, could leave its folder, cannot be a name, or would
    deceive whoever reads it.
    """
    parts = path.split("/")
    return (
        not 0 < len(path.encode("utf-8", "surrogatepass")) <= _MOST_BYTES
        or any(part in ("", ".", "..") for part in parts)
        or any(len(part.encode("utf-8", "surrogatepass")) > _MOST_PART_BYTES for part in parts)
        or any(sign in _FORBIDDEN or unicodedata.category(sign) in ("Cc", "Cs") for sign in path)
        or any(unicodedata.bidirectional(sign) in _OVERRIDES for sign in path)
    )


def unusable_names(paths: Iterable[str]) -> list[str]:
    """Find the names among `paths` that cannot be written side by side on every system: unsafe ones, Windows'
    devices, names that end in a dot or a space, and those that differ from another in letter case alone.
    """
    found: list[str] = []
    seen: set[str] = set()
    for path in paths:
        same = unicodedata.normalize("NFC", path).casefold()
        parts = PurePosixPath(path).parts
        if (
            is_unsafe(path)
            or same in seen
            or any(_DEVICE.fullmatch(part) or part.endswith((".", " ")) for part in parts)
        ):
            found.append(path)
        seen.add(same)
    return found
