"""Checking a model's file on disk against what was recorded when it was made."""

from dataclasses import dataclass

from models.store.store import InstalledModel
from models.system.errors import StillroomError
from models.system.hashing import file_sha256
from models.system.progress import UNWATCHED, JobContext, Progress
from models.system.rate import RateMeter


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


def check_file(model: InstalledModel, job: JobContext = UNWATCHED) -> FileCheck:
    """Hash the file of `model`, reporting the stage "verify"; blocks, on any thread.

    Raises `StillroomError` where the file cannot be read, and `Cancelled`.
    """
    try:
        total, rate = model.path.stat().st_size, RateMeter()

        def tell(done: int) -> None:
            rate.update(done)
            left_s = rate.remaining_s(total - done)
            job.on_progress(Progress("verify", done, total, model.path.name, rate.bytes_per_s, left_s))

        sha256 = file_sha256(model.path, tell, job.cancel)
    except OSError as error:
        raise StillroomError(
            "The file of {name} {type} cannot be read: {reason}.",
            "Put it back, or get the model again.",
            name=model.name,
            type=model.type,
            reason=error.strerror or str(error),
        ) from error
    return FileCheck(model, total, sha256, model.sha256)


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
