"""The models on disk: `<root>/<name>/<type>.gguf`, each folder with its manifest."""

import logging
import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import filelock
import msgspec

from models.quantisation.chosen_mixture import ChosenMixture
from models.quantisation.quantisation_loss import Quality
from models.quantisation.quantisation_types import FULL_PRECISION
from models.store.manifest import (
    MANIFEST_NAME,
    BuiltFile,
    FileSizes,
    InputFile,
    Manifest,
    OutputFile,
    gguf_sizes,
    manifest_of_files,
    type_in_name,
    usable_manifest,
)
from models.store.work_locks import is_read, reading, working
from models.system.disk_space import told_when_full
from models.system.durable import rename_durably
from models.system.errors import StillroomError
from models.system.file_stamp import FileMark, mark
from models.system.json_file import DamagedJsonError, load_json, make_folder, write_json
from models.system.regular_file import is_dead_link, open_regular
from models.system.shown_text import shown

log = logging.getLogger(__name__)

KEPT_SUFFIX = ".imatrix"
COSTS_SUFFIX = ".costs"
_KEPT = {KEPT_SUFFIX, COSTS_SUFFIX}
"""Of what is kept beside a model's files, and goes after the last of them."""

_TRASH = ".trash"
_MAKING = ".making"
LOCK_WAIT_S = 10.0
CHOSEN_MARK = ".stillroom"
"""A file in a folder that the user chose: where its disk is away, an empty folder may stand in its place."""


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One GGUF file that can be loaded. `bundled` is the starter, `imported` lies outside the store;
    `passing` is as in `OutputFile`."""

    name: str
    type: str
    path: Path
    bytes: int
    sha256: str = ""
    key: str = ""
    repo: str = ""
    commit: str = ""
    imported: bool = False
    bundled: bool = False
    imatrix: str = ""
    mixture: ChosenMixture | None = None
    passing: bool = False
    quality: Quality | None = None

    @property
    def reference(self) -> str:
        """The text that settings and chats store for this model; `ModelStore.get` finds it again."""
        return f"{self.name}/{self.type}"

    @property
    def is_quantised(self) -> bool:
        """Tell whether quantising the file again would add to what quantising it has cost."""
        return self.type not in FULL_PRECISION


@dataclass(frozen=True, slots=True)
class StoreListing:
    """The models on disk, and what the user should know about them."""

    models: tuple[InstalledModel, ...]
    notices: tuple[StillroomError, ...]


class TrashedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A deleted model that `ModelStore.restore` brings back until the trash is emptied."""

    id: str
    manifest: Manifest


class _Seen(NamedTuple):
    """A folder's manifest, its models, and what they were read from."""

    source: FileMark | FileSizes
    manifest: Manifest
    models: list[InstalledModel]


class ModelStore:
    """The models below `root`; any thread and several processes. `starter` is the bundled model's file.

    A root that is `chosen` by the user is never made anew: its disk may only be away (`is_there`). `root_now`
    says where another process has moved the models meanwhile, None where that is not known.
    """

    def __init__(
        self,
        root: Path,
        starter: Path | None = None,
        *,
        chosen: bool = False,
        root_now: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self.root = root
        self._root_now = root_now
        self._chosen = chosen
        self._starter = starter
        self._lock = threading.RLock()
        self._seen: dict[Path, _Seen] = {}
        """Each folder as it was last read: the models are listed often."""
        self._present: StoreListing | None = None

    @property
    def is_there(self) -> bool:
        """Tell whether the folder can hold models: where the user chose it, or leads there by a link, whether
        its disk is there."""
        return (self.root / CHOSEN_MARK).is_file() if self._chosen else not is_dead_link(self.root)

    def move_to(self, root: Path) -> None:
        """Look for the models in another folder from now on."""
        with self._lock:
            self.root = root
            self._chosen = True
            self._list_again()

    @property
    def present(self) -> StoreListing:
        """The models as they were last listed, or changed by this process since; for the GUI thread, which
        must not wait for the disk, nor for whoever deletes or moves models. None before the first listing."""
        return self._present or StoreListing((), ())

    @property
    def is_listed(self) -> bool:
        """Tell whether `present` gives what was found; it does not before the first listing."""
        return self._present is not None

    def listing(self) -> StoreListing:
        """List all models, sorted by name and type, the starter last; a folder that cannot be read is told.
        Waits for the disk."""
        models: list[InstalledModel] = []
        notices: list[StillroomError] = []
        with self._lock:
            for folder in self._readable_folders(notices):
                try:
                    for installed in self._look_at(folder).models:
                        if installed.path.is_file():
                            models.append(installed)
                        else:
                            notices.append(_missing(installed))
                except OSError as error:
                    notices.append(_unreadable(folder, error))
            models.sort(key=lambda model: (model.name.casefold(), model.bytes))
            starter = self.starter()
            listing = StoreListing((*models, *([starter] if starter is not None else [])), tuple(notices))
            # Under the lock, so that no older one takes the place of a newer.
            self._present = listing
            return listing

    def _list_again(self) -> None:
        """Renew what `present` gives, where it gives something; under the lock, after a change."""
        if self._present is not None:
            try:
                self.listing()
            except OSError as error:
                log.warning("%s cannot be listed: %s", self.root, error)

    def starter(self) -> InstalledModel | None:
        """Return the bundled starter model, if its file is there."""
        file = self._starter
        if file is None or not file.is_file():
            return None
        kind = type_in_name(file.name)
        name = "SmolLM2-135M-Instruct"
        return InstalledModel(name, kind, file, file.stat().st_size, key="starter", bundled=True)

    def find(self, name: str, type: str = "") -> tuple[InstalledModel, ...]:  # noqa: A002 - the field's name
        """Find the installed files of the model with this catalogue key, name or repository, letter case
        aside; only those of `type` where it is given."""
        wanted, kind = name.casefold(), type.casefold()
        return tuple(
            model
            for model in self.listing().models
            if wanted in (model.key.casefold(), model.name.casefold(), model.repo.casefold())
            and kind in ("", model.type.casefold())
        )

    def get(self, reference: str) -> InstalledModel | None:
        """Return the model with this `reference`, None where it is not installed any more."""
        return next((model for model in self.listing().models if model.reference == reference), None)

    def add(
        self,
        name: str,
        files: Sequence[BuiltFile],
        *,
        key: str = "",
        repo: str = "",
        commit: str = "",
        inputs: Sequence[InputFile] = (),
        tools: dict[str, str] | None = None,
    ) -> list[InstalledModel]:
        """Move finished, synced `files` (on the store's own disk) into the model `name`.

        A file of the same type is replaced.
        """
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._changing():
            folder = self.root / folder_name(name)
            make_folder(folder)
            manifest = usable_manifest(folder)
            manifest.name = name
            manifest.key = key or manifest.key
            added = []
            for new in files:
                target = folder / f"{new.type}.gguf"
                rename_durably(new.path, target)
                output = OutputFile(
                    type=new.type,
                    file=target.name,
                    bytes=new.bytes,
                    sha256=new.sha256,
                    repo=repo,
                    commit=commit,
                    inputs=tuple(inputs),
                    made_at=made_at,
                    tools=tools or {},
                    imatrix=new.imatrix,
                    mixture=new.mixture,
                )
                manifest.put(output)
                manifest.write(folder)
                added.append(_installed(folder, manifest, output))
            return added

    def import_file(
        self,
        path: Path,
        *,
        name: str = "",
        type: str = "",  # noqa: A002 - the field's name
        key: str = "",
        sha256: str = "",
    ) -> InstalledModel:
        """Record a GGUF file that stays where it is; `sha256` is what its owner says it is.

        Raises `StillroomError` if it is none.
        """
        path = path.absolute()
        try:
            with open_regular(path) as file:
                magic = file.read(4)
            size = path.stat().st_size
        except OSError as error:
            raise StillroomError(
                "{file} cannot be read: {reason}.", "Check the path.", file=str(path), reason=error.strerror
            ) from error
        if magic != b"GGUF":
            raise StillroomError(
                "{file} is no GGUF file.",
                "Only its name says so, or it is damaged. Get it again, or choose another one.",
                file=str(path),
            )
        # It stands in lists, menus and sentences.
        name = shown(name or path.stem)
        output = OutputFile(
            type=type or type_in_name(path.name), file=str(path), bytes=size, sha256=sha256, imported=True
        )
        with self._changing():
            folder = self._import_folder(name, path)
            make_folder(folder)
            manifest = usable_manifest(folder)
            manifest.name = name
            manifest.key = key
            manifest.put(output)
            manifest.write(folder)
            return _installed(folder, manifest, output)

    def delete(self, model: InstalledModel) -> TrashedModel:
        """Move a model's file into the trash (an imported file stays; only its record goes)."""
        if model.bundled:
            raise StillroomError(
                "The starter model belongs to Stillroom.", "It takes no space in your folder."
            )
        with self._changing():
            folder, manifest, output = self._locate(model)
            alone = msgspec.structs.replace(manifest, outputs=[output])
            trashed = TrashedModel(id=uuid.uuid4().hex, manifest=alone)
            trash = self.root / _TRASH / trashed.id
            make_folder(trash.parent)
            trash.mkdir()
            write_json(trash / "entry.json", trashed)
            if not output.imported:
                _move(folder / output.file, trash / output.file)
            manifest.forget(folder, output)
            return trashed

    def restore(self, trashed: TrashedModel) -> InstalledModel:
        """Undo `delete`. Raises `StillroomError` once the trash is emptied or the place is taken."""
        with self._changing():
            trash = self.root / _TRASH / trashed.id
            [output] = trashed.manifest.outputs
            folder = self.root / folder_name(trashed.manifest.name)
            if not trash.is_dir():
                raise StillroomError("The deleted model is gone for good.", "Download it again.")
            if not output.imported and (folder / output.file).exists():
                raise StillroomError(
                    "{name} {type} is there again already.",
                    "Delete the new file first to bring the old one back.",
                    name=trashed.manifest.name,
                    type=output.type,
                )
            make_folder(folder)
            if not output.imported:
                _move(trash / output.file, folder / output.file)
            if (folder / MANIFEST_NAME).exists():
                manifest = usable_manifest(folder)
                manifest.put(output)
            else:
                manifest = trashed.manifest
            manifest.write(folder)
            shutil.rmtree(trash)
            return _installed(folder, manifest, output)

    def inputs_at(self, path: Path) -> tuple[InputFile, ...]:
        """Return what the model's file `path` was made from, as far as that is known."""
        with self._lock:
            for folder in self._folders():
                manifest = self._look_at(folder).manifest
                for output in manifest.outputs:
                    if _installed(folder, manifest, output).path == path:
                        return output.inputs
        return ()

    def folder_of(self, name: str) -> Path:
        """Return the folder in which the files of the model `name` are, or would be."""
        return self.root / folder_name(name)

    def record_quality(self, model: InstalledModel, quality: Quality) -> InstalledModel:
        """Note what quantising cost `model`. The bundled starter has no record, so nothing is kept of it."""
        if model.bundled:
            return replace(model, quality=quality)
        with self._changing():
            folder, manifest, output = self._locate(model)
            measured = msgspec.structs.replace(output, measured=quality)
            manifest.put(measured)
            manifest.write(folder)
            return _installed(folder, manifest, measured)

    def set_passing(self, model: InstalledModel, passing: bool) -> None:
        """Note whether `model` was made in passing, for as long as it takes; see `OutputFile`."""
        with self._changing():
            folder, manifest, output = self._locate(model)
            manifest.put(msgspec.structs.replace(output, passing=passing))
            manifest.write(folder)

    def remove_passing(self, model: InstalledModel) -> bool:
        """Delete for good a model that was made in passing, unless somebody reads it; False where it stays,
        as the user's own does: that goes through `delete`."""
        with self._changing():
            is_here = model.path.is_relative_to(self.root) and model.path.is_file()
            if not is_here or is_read(self._subject(model)):
                return False
            folder, manifest, output = self._locate(model)
            if output.passing:
                _erase(folder, manifest, output)
            return output.passing

    @contextmanager
    def reading(self, models: Sequence[InstalledModel]) -> Iterator[None]:
        """Read files of the store until the context ends: they are not moved meanwhile, and stay where they
        were made in passing.

        Raises `StillroomError` while the models are being moved, and where one is not there any more.
        """
        with ExitStack() as held:
            # Under the folder's lock, as whoever moves or deletes them looks for readers under it.
            with self._holding():
                for model in models:
                    if not model.imported and model.path.is_relative_to(self.root):
                        if not model.path.is_file():
                            raise _not_here(model)
                        held.enter_context(reading(self._subject(model)))
            yield

    def _subject(self, model: InstalledModel) -> Path:
        """Name a file's readers' locks."""
        return self.work_folder(f"{model.name} {model.type}")

    def erase(self, model: InstalledModel) -> None:
        """Delete a model's file for good and without needing space, as on a full disk."""
        if model.bundled or model.imported:
            raise StillroomError("This file does not belong to Stillroom.", "Delete it where it lies.")
        with self._changing():
            _erase(*self._locate(model))

    def trash(self) -> tuple[Path, ...]:
        """Return the folders of what was deleted and can still be restored."""
        trash = self.root / _TRASH
        return tuple(sorted(trash.iterdir())) if trash.is_dir() else ()

    def trash_bytes(self) -> int:
        """Return the bytes that emptying the trash would free."""
        return sum(file.stat().st_size for file in (self.root / _TRASH).glob("*/*.gguf"))

    def empty_trash(self) -> None:
        """Delete for good what was deleted, and what was kept of it; done at the start of the program."""
        if not self.root.is_dir():
            return
        with self._changing():
            shutil.rmtree(self.root / _TRASH, ignore_errors=True)
            for folder in self._folders():
                if {file.suffix for file in folder.iterdir()} <= _KEPT:
                    shutil.rmtree(folder)

    def work_folder(self, name: str) -> Path:
        """Return the folder to make a model's files in before `add` takes them; on the store's disk."""
        return self.root / _MAKING / folder_name(name)

    @contextmanager
    def working(self, name: str) -> Iterator[None]:
        """Work in the `work_folder` of `name` until the context ends: the models are not moved meanwhile.

        Raises `StillroomError` while the models are being moved, and where somebody works in it already.
        """
        with ExitStack() as held:
            # Under the folder's lock, so that a move either sees this work or comes first.
            with self._holding():
                held.enter_context(working(self.work_folder(name)))
            yield

    def _readable_folders(self, notices: list[StillroomError]) -> list[Path]:
        try:
            return self._folders()
        except OSError as error:
            notices.append(_unreadable(self.root, error))
            return []

    def _folders(self) -> list[Path]:
        try:
            with os.scandir(self.root) as entries:
                names = [each.name for each in entries if _is_folder(each) and not each.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [self.root / name for name in sorted(names)]

    def _look_at(self, folder: Path) -> _Seen:
        """Give the manifest, or what the files stand for, read again where they have changed."""
        source = mark(folder / MANIFEST_NAME) or gguf_sizes(folder)
        seen = self._seen.get(folder)
        if seen is None or seen.source != source:
            manifest, is_sound = self._read_again(folder)
            seen = _Seen(source, manifest, [_installed(folder, manifest, each) for each in manifest.outputs])
            if is_sound:
                self._seen[folder] = seen
        return seen

    def _read_again(self, folder: Path) -> tuple[Manifest, bool]:
        """Read the manifest without the lock, and tell whether it is sound; what is damaged is repaired under
        it, where it can be had."""
        loaded = None
        try:
            loaded = load_json(folder / MANIFEST_NAME, Manifest)
            if loaded.sound:
                return loaded.value, True
        except (FileNotFoundError, NotADirectoryError):
            return manifest_of_files(folder), True
        except (OSError, DamagedJsonError):
            pass
        try:
            with self._holding(wait_s=0.0):
                return usable_manifest(folder), False
        except StillroomError:
            # Another Stillroom changes the store just now: the next look does it.
            return (loaded.value if loaded is not None else manifest_of_files(folder)), False
        except OSError:
            # A store that cannot be written: nobody changes it, and the user is told all the same.
            return usable_manifest(folder), False

    def _locate(self, model: InstalledModel) -> tuple[Path, Manifest, OutputFile]:
        for folder in self._folders():
            manifest = usable_manifest(folder)
            for output in manifest.outputs:
                if _installed(folder, manifest, output).path == model.path:
                    return folder, manifest, output
        raise _not_here(model)

    def _import_folder(self, name: str, path: Path) -> Path:
        """Return the folder that `path` is or may be recorded in: not one that holds other files only."""
        number = 1
        while True:
            folder = self.root / folder_name(name if number == 1 else f"{name} {number}")
            outputs = usable_manifest(folder).outputs if folder.is_dir() else []
            if not outputs or any(output.file == str(path) for output in outputs):
                return folder
            number += 1

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._holding():
            try:
                yield
            finally:
                self._list_again()

    @contextmanager
    def _holding(self, wait_s: float | None = None) -> Iterator[None]:
        wait_s = LOCK_WAIT_S if wait_s is None else wait_s
        # The folder's lock first, without the one that readers take: a move holds it for as long as it takes.
        while True:
            root = self.root
            if not self.is_there:
                raise not_there(root)
            with told_when_full(root), ExitStack() as held:
                make_folder(root)
                try:
                    held.enter_context(filelock.FileLock(root / ".lock", timeout=wait_s))
                except FileNotFoundError:
                    # It was moved, and deleted here, while this one waited.
                    if self._follow(root):
                        raise
                    continue
                except filelock.Timeout as error:
                    raise in_use(root) from error
                held.enter_context(self._lock)
                if self._follow(root):
                    yield
                    return

    def _follow(self, root: Path) -> bool:
        """Tell whether the models are in `root` still; look where they were moved to where they are not."""
        now = self._root_now() if self.root == root else None
        if now is not None and now != root:
            self.move_to(now)
        return self.root == root


def in_use(root: Path) -> StillroomError:
    """Return the error for a folder that somebody else changes."""
    return StillroomError(
        "The model folder {folder} is being moved, or changed by another Stillroom.",
        "Wait until that is done.",
        folder=str(root),
    )


def _erase(folder: Path, manifest: Manifest, output: OutputFile) -> None:
    (folder / output.file).unlink(missing_ok=True)
    manifest.forget(folder, output)


def _not_here(model: InstalledModel) -> StillroomError:
    return StillroomError("{name} {type} is not in the store any more.", "", name=model.name, type=model.type)


def own_folders(root: Path) -> list[Path]:
    """Return the folders below `root` that belong to the store: models, the trash and unfinished work."""
    hidden = [root / name for name in (_TRASH, _MAKING) if (root / name).is_dir()]
    return [*hidden, *(path for path in sorted(root.iterdir()) if _is_of_a_model(path))]


def _is_of_a_model(path: Path) -> bool:
    if path.name.startswith(".") or not path.is_dir():
        return False
    return any(file.name == MANIFEST_NAME or file.suffix in (".gguf", *_KEPT) for file in path.iterdir())


def not_there(root: Path) -> StillroomError:
    """Return the error for a folder that the user chose, and that is away."""
    return StillroomError(
        "The folder of your models is not there: {folder}.",
        "Connect its disk and start Stillroom again; nothing is lost.",
        folder=str(root),
    )


def folder_name(name: str) -> str:
    """Make a folder name for a model: `owner/name` becomes `owner--name`, and nothing unsafe is left."""
    safe = re.sub(r"[^\w.+ ()-]", "_", name.replace("/", "--")).strip(" .")
    return safe or "model"


def _installed(folder: Path, manifest: Manifest, output: OutputFile) -> InstalledModel:
    return InstalledModel(
        name=manifest.name,
        type=output.type,
        path=Path(output.file) if output.imported else folder / output.file,
        bytes=output.bytes,
        sha256=output.sha256,
        key=manifest.key,
        repo=output.repo,
        commit=output.commit,
        imported=output.imported,
        imatrix=output.imatrix,
        mixture=output.mixture,
        passing=output.passing,
        quality=output.measured,
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link that leads to itself.
        return False


def _unreadable(folder: Path, error: OSError) -> StillroomError:
    return StillroomError(
        "{folder} cannot be read: {reason}.",
        "Let this user read it, or choose another folder for the models in the settings.",
        folder=str(folder),
        reason=error.strerror or str(error),
    )


def _missing(model: InstalledModel) -> StillroomError:
    return StillroomError(
        "The file of {name} {type} is gone: {path}.",
        "Put it back, or get the model again.",
        name=model.name,
        type=model.type,
        path=str(model.path),
    )


def _move(source: Path, target: Path) -> None:
    try:
        rename_durably(source, target)
    except PermissionError as error:
        raise StillroomError(
            "{file} is in use.", "Unload the model first, then try again.", file=str(source)
        ) from error
    except FileNotFoundError:
        log.warning("%s was gone already", source)
