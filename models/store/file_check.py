"""Checking a model's file on disk against what was recorded when it was made."""

import hashlib
import threading
from dataclasses import dataclass

from models.store.store import InstalledModel
from models.system.errors import StillroomError
from models.system.hashing import hash_next
from models.system.progress import OnProgress, Progress, ignore_progress, raise_if_cancelled
from models.system.rate import RateMeter
from models.system.regular_file import open_regular

_REPORT_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class FileCheck:
    """The checked content of a file. `recorded_sha256` is empty where nothing was recorded: a file that lies
    outside the store may be changed by its owner."""

    model: InstalledModel
    bytes: int
    sha256: str
    recorded_sha256: str

    @property
    def is_recorded(self) -> bool:
        """Tell whether there was something to compare with."""
        return bool(self.recorded_sha256)

    @property
    def matches(self) -> bool:
        """Tell whether the file is what was recorded."""
        return self.sha256 == self.recorded_sha256 and self.bytes == self.model.bytes


def check_file(
    model: InstalledModel,
    *,
    on_progress: OnProgress = ignore_progress,
    cancel: threading.Event | None = None,
) -> FileCheck:
    """Hash the file of `model`, reporting the stage "verify"; blocks, on any thread.

    Raises `StillroomError` where the file cannot be read, and `Cancelled`.
    """
    digest, rate, done = hashlib.sha256(), RateMeter(), 0
    try:
        with open_regular(model.path, buffering=0) as file:
            total = file.seek(0, 2)
            file.seek(0)
            while count := hash_next(file, [digest], _REPORT_BYTES):
                raise_if_cancelled(cancel)
                done += count
                rate.update(done)
                on_progress(
                    Progress(
                        "verify",
                        done,
                        total,
                        model.path.name,
                        bytes_per_s=rate.bytes_per_s,
                        remaining_s=rate.remaining_s(total - done),
                    )
                )
    except OSError as error:
        raise StillroomError(
            "The file of {name} {type} cannot be read: {reason}.",
            "Put it back, or get the model again.",
            name=model.name,
            type=model.type,
            reason=error.strerror or str(error),
        ) from error
    return FileCheck(model, done, digest.hexdigest(), model.sha256)


def difference(check: FileCheck) -> StillroomError | None:
    """Return the error for a file that is not what was recorded, None where there is nothing to tell."""
    if not check.is_recorded or check.matches:
        return None
    model = check.model
    if model.imported:
        hint = "If you changed it yourself, take it off the list and add it again; if not, restore it."
    else:
        hint = "Delete it and get the model again: it may have been damaged on the disk, or been changed."
    return StillroomError(
        "The file of {name} {type} is not what was recorded: {file}.",
        hint,
        name=model.name,
        type=model.type,
        file=str(model.path),
    )
