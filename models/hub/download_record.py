"""`download.json`: where a folder's files came from, and which of them are verified."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from models.hub.snapshot import RemoteFile
from models.system.json_file import read_json, write_json

RECORD_NAME = "download.json"


class VerifiedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was when its checksum had been compared; a later change shows in size or time.

    `oid` is its git object id in the repository, which names the content.
    """

    oid: str
    sha256: str
    bytes: int
    modified_ns: int


class DownloadRecord(msgspec.Struct, kw_only=True):
    """The source of a folder of files, by file path within the folder."""

    repo: str = ""
    commit: str = ""
    files: dict[str, VerifiedFile] = {}

    def still_verified(self, folder: Path, file: RemoteFile) -> str | None:
        """Return the SHA-256 of `file` in `folder` if it is as it was when verified, else None."""
        known = self.files.get(file.path)
        if known is None or known.oid != file.oid:
            return None
        try:
            stat = (folder / file.path).stat()
        except FileNotFoundError:
            return None
        same = (stat.st_size, stat.st_mtime_ns) == (known.bytes, known.modified_ns)
        return known.sha256 if same else None

    def note(self, folder: Path, file: RemoteFile, sha256: str) -> None:
        """Remember that `file` has just been verified, and write the record."""
        modified_ns = (folder / file.path).stat().st_mtime_ns
        self.files[file.path] = VerifiedFile(
            oid=file.oid, sha256=sha256, bytes=file.bytes, modified_ns=modified_ns
        )
        write_json(folder / RECORD_NAME, self, indent=True)


def forget_files(folder: Path, paths: Iterable[str]) -> None:
    """Take note that these files are to come again, though they were verified once."""
    record = read_record(folder)
    known = [path for path in paths if path in record.files]
    if known:
        for path in known:
            del record.files[path]
        write_json(folder / RECORD_NAME, record, indent=True)


def read_record(folder: Path) -> DownloadRecord:
    """Read the record of `folder`, an empty one where there is none that can be used."""
    without = "The files beside it are verified again before they are used."
    return read_json(folder / RECORD_NAME, DownloadRecord, without=without) or DownloadRecord()
