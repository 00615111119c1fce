"""The files and folders of Stillroom."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from models.system.json_file import folder_away, make_way_for_folder
from models.system.regular_file import is_dead_link


@dataclass(frozen=True, slots=True)
class AppPaths:
    """The folders and files of one Stillroom installation; no file is created until it is written."""

    data: Path
    config: Path
    cache: Path
    logs: Path

    @property
    def models(self) -> Path:
        """GGUF files, one folder a model, each with its `manifest.json`."""
        return self.data / "models"

    @property
    def checkpoints(self) -> Path:
        """Downloaded original weights, kept until they are built (or longer, if the user says so)."""
        return self.data / "checkpoints"

    @property
    def jobs(self) -> Path:
        """Unfinished downloads and builds, so that they go on after a restart."""
        return self.data / "jobs"

    @property
    def chats(self) -> Path:
        """The SQLite file of all conversations."""
        return self.data / "chats.sqlite3"

    @property
    def benchmarks(self) -> Path:
        """The SQLite file of all benchmark runs."""
        return self.data / "benchmarks.sqlite3"

    @property
    def quality(self) -> Path:
        """The SQLite file of all quality runs."""
        return self.data / "quality.sqlite3"

    @property
    def data_sets(self) -> Path:
        """Data sets that quality runs were asked to use, and which content each was pinned to."""
        return self.data / "data-sets"

    @property
    def drift(self) -> Path:
        """The SQLite file of the golden answers, model file by model file."""
        return self.data / "drift.sqlite3"

    @property
    def measurements(self) -> Path:
        """The measurements on this computer (JSON)."""
        return self.data / "measured.json"

    @property
    def loads(self) -> Path:
        """The record of earlier loads of each model (JSON)."""
        return self.data / "loads.json"

    @property
    def chat_states(self) -> Path:
        """The folder of the chats' KV cache states; they only save time, so they may be deleted."""
        return self.cache / "chat-states"

    @property
    def cuda(self) -> Path:
        """NVIDIA's libraries and what arrives of them; it may be deleted while Stillroom is closed."""
        return self.data / "cuda"

    @property
    def cuda_kernels(self) -> Path:
        """The kernels that the driver has compiled for a card, so that it does so once."""
        return self.cuda / "kernels"

    @property
    def cuda_runtime(self) -> Path:
        """Those that are unpacked."""
        return self.cuda / "runtime"

    @property
    def server_file(self) -> Path:
        """The address and the key of the running local API (JSON, for the user alone)."""
        return self.data / "server.json"

    @property
    def server_key_file(self) -> Path:
        """The bearer key of the local API, for the user alone."""
        return self.data / "server.key"

    @property
    def settings(self) -> Path:
        """The settings file (JSON)."""
        return self.config / "settings.json"

    @property
    def filters(self) -> Path:
        """The rules of the input filter (JSON)."""
        return self.config / "filters.json"

    @property
    def audit(self) -> Path:
        """The folder of the audit log (JSON lines)."""
        return self.data / "audit"

    @property
    def go_library(self) -> Path:
        """The compiled parts of Go's library; they only save time, so they may be deleted."""
        return self.cache / "go-library"

    @property
    def private_folders(self) -> tuple[Path, ...]:
        """The folders in which all others lie."""
        return self.data, self.config, self.cache, self.logs

    @property
    def inner_folders(self) -> tuple[Path, ...]:
        """The folders in these, made when something is put into them; outer ones first."""
        of_data = self.models, self.checkpoints, self.jobs, self.data_sets, self.audit
        return *of_data, self.cuda, self.cuda_kernels, self.cuda_runtime, self.chat_states, self.go_library


def make_private(paths: AppPaths) -> None:
    """Make the private folders that are not there yet, for the user alone: chats, their KV cache and logs lie
    in them, and a home may be open to all. What is there keeps the permissions that it was given. What has
    the name of any folder here and is none is renamed, and the user is told."""
    for folder in paths.private_folders:
        # Whoever has to write there tells why it cannot.
        with contextlib.suppress(OSError):
            make_way_for_folder(folder)
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
    for folder in paths.inner_folders:
        with contextlib.suppress(OSError):
            make_way_for_folder(folder)


def require_data_folder(paths: AppPaths) -> None:
    """Raise `StillroomError` where the folder in which all that is kept lies is a link to what is not there.
    Where it only cannot be written, Stillroom starts and says so."""
    if is_dead_link(paths.data):
        raise folder_away(paths.data)


def app_paths() -> AppPaths:
    """The platform's own folders, or everything below `STILLROOM_HOME` where that is set."""
    home = os.environ.get("STILLROOM_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return AppPaths(root / "data", root / "config", root / "cache", root / "logs")
    dirs = platformdirs.PlatformDirs("stillroom", appauthor=False)
    return AppPaths(dirs.user_data_path, dirs.user_config_path, dirs.user_cache_path, dirs.user_log_path)
