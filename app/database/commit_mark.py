"""The number of transactions that a database has seen, or of lines in a log, noted beside it.

It shows the transactions that a journal has lost, and a file that is gone.
"""

import errno
import logging
import os
import stat
import zlib
from io import FileIO
from pathlib import Path

from models.system.regular_file import read_regular

log = logging.getLogger(__name__)

_MOST_BYTES = 100
# A pipe would be waited for, and a link may lead to somebody's file. Windows has none of the flags.
_OPENING = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)


def mark_path(database: Path) -> Path:
    """Return the path of a database's mark."""
    return database.with_name(database.name + "-mark")


def read_mark(database: Path) -> int | None:
    """The number in the mark; None where there is none, or none that can be believed."""
    try:
        number, check = read_regular(mark_path(database), _MOST_BYTES).split()
        return int(number) if zlib.crc32(number) == int(check, 16) else None
    except (OSError, ValueError):
        return None


class CommitMark:
    """Writes the mark after each commit. One thread at a time.

    It is not synced: what a power cut leaves of it is too small a number, or nothing that can be believed,
    and then nothing is said.
    """

    def __init__(self, database: Path) -> None:
        """Open the mark, and note nothing where something else has its name. Raises `OSError`."""
        self._file = _opened(mark_path(database))

    def write(self, number: int) -> None:
        """Note the number of the transaction that is on the disk now. Raises `OSError`."""
        if self._file is None:
            return
        text = b"%020d" % number
        self._file.seek(0)
        self._file.write(b"%s %08x\n" % (text, zlib.crc32(text)))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _opened(path: Path) -> FileIO | None:
    try:
        handle = os.open(path, _OPENING, 0o666)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return FileIO(handle, "r+b")
        os.close(handle)
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.ELOOP, errno.ENXIO):
            raise
    log.warning("%s is no regular file: the number of transactions is not noted there", path.name)
    return None
