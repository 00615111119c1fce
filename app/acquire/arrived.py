"""Count how much of a model's unfinished download is on the disk, without what downloads."""

from dataclasses import replace
from pathlib import Path

from models.catalogue.reference import CatalogueReference, HubReference, parse_reference
from models.hub.download_record import read_record
from models.hub.resumable_file import PART_SUFFIX, stored_bytes
from models.store.store import ModelStore, folder_name
from models.system.errors import StillroomError
from models.system.progress import Progress

SAFETENSORS = ".safetensors"


class Arrivals:
    """Looks into the folders into which models are fetched: `checkpoints` for original weights, the store's
    own for finished files. Waits for the disk."""

    def __init__(self, store: ModelStore, checkpoints: Path) -> None:
        self._store = store
        self._checkpoints = checkpoints

    def of(self, model: str, told: Progress) -> Progress | None:
        """Return what was told of a download of `model` with what the disk has of it now; None where that
        cannot be read. Files that a build has used up count."""
        try:
            reference = parse_reference(model)
            if not isinstance(reference, CatalogueReference | HubReference):
                return told
            name = reference.model.name if isinstance(reference, CatalogueReference) else reference.repo
            is_whole = told.detail.endswith(".gguf")
            folder = self._store.work_folder(name) if is_whole else self._checkpoints / folder_name(name)
            done = min(told.total, arrived_bytes(folder, ".gguf" if is_whole else SAFETENSORS, told.detail))
        except (OSError, StillroomError):
            return None
        return replace(told, done=done, bytes_per_s=0.0, remaining_s=None)


def arrived_bytes(folder: Path, kind: str, present: str = "") -> int:
    """Sum the bytes of the files of this ending that were verified, or are there in part; the `present` one
    may be whole and not verified yet. Raises `OSError`."""
    verified = {path: file.bytes for path, file in read_record(folder).files.items() if path.endswith(kind)}
    parts = [path.relative_to(folder).as_posix() for path in folder.rglob(f"*{kind}{PART_SUFFIX}")]
    named = {path.removesuffix(PART_SUFFIX) for path in parts} | (
        {present} if present.endswith(kind) else set()
    )
    others = named - verified.keys()
    return sum(verified.values()) + sum(stored_bytes(folder / path) for path in others)
