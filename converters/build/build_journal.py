"""The parts of a build that are safely on disk: finished tensors, and complete files."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from models.system.journal import Journal


class BuildJournal:
    """The journal of the working files; it names only what has been synced. One thread.

    `tensors` are in every working file, each with the check sum of what is stored of it there, empty where an
    earlier version wrote it. `whole` has the SHA-256 of each file, by type, that is complete and checked;
    once all are, only renaming the files is left to do.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self._journal = Journal(path, identity)
        self.tensors: dict[str, str] = {}
        self.whole: dict[str, str] = {}
        for entry in self._journal.entries:
            match entry.split("\t"):
                case ["tensor", name, *checksum]:
                    self.tensors[name] = checksum[0] if checksum else ""
                case ["whole", kind, sha256]:
                    self.whole[kind] = sha256

    @property
    def begun(self) -> bool:
        """Tell whether an earlier run has left something to resume."""
        return bool(self._journal.entries)

    def begin(self) -> None:
        """Note that the working files are there, with their headers."""
        self._journal.append(["begun"])

    def add_tensors(self, checksums: Mapping[str, str]) -> None:
        """Note that these tensors are stored in every working file, with these check sums."""
        self._journal.append(f"tensor\t{name}\t{checksum}" for name, checksum in checksums.items())
        self.tensors.update(checksums)

    def forget(self, names: Iterable[str]) -> None:
        """Remove tensors whose stored data is damaged; they will be added again."""
        for name in names:
            del self.tensors[name]

    def add_whole(self, kind: str, sha256: str) -> None:
        """Note that the working file of this type is complete and checked."""
        self._journal.append([f"whole\t{kind}\t{sha256}"])
        self.whole[kind] = sha256

    def close(self) -> None:
        """Close the file."""
        self._journal.close()
