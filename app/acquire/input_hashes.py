"""The checksums of the files that a build reads, computed once while it runs."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from models.hub.download_record import RECORD_NAME
from models.store.manifest import InputFile
from models.system.hashing import file_sha256
from models.system.json_file import is_set_aside
from models.system.progress import JobContext, Progress, wait_for


def checkpoint_inputs(folder: Path) -> list[Path]:
    """List the files of a checkpoint's folder that a build reads."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".json", ".txt"))
    return [path for path in files if path.name != RECORD_NAME and not is_set_aside(path)]


class InputHashes:
    """Hashes `files` on a thread of its own from `start` on; leaving the context ends that."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, "input hashes")
        self._present = Progress("verify", 0, 0)
        self._future: Future[tuple[InputFile, ...]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()

    def start(self) -> "Future[tuple[InputFile, ...]]":
        """Begin, if that has not been done; the result raises `OSError`."""
        if self._future is None:
            self._future = self._pool.submit(self._hash)
        return self._future

    def wait(self, job: JobContext) -> tuple[InputFile, ...]:
        """Wait for the result; tells of the stage "verify" while it is not there yet. Raises `OSError`."""
        return wait_for(self.start(), job.cancel, on_wait=lambda: job.on_progress(self._present))

    def _hash(self) -> tuple[InputFile, ...]:
        inputs: list[InputFile] = []
        total = sum(path.stat().st_size for path in self.files)
        for path in self.files:
            before = sum(file.bytes for file in inputs)

            def tell(done: int, path: Path = path, before: int = before) -> None:
                self._present = Progress("verify", before + done, total, path.name)

            sha256 = file_sha256(path, tell, self._stop)
            inputs.append(InputFile(path=path.name, sha256=sha256, bytes=path.stat().st_size))
        return tuple(inputs)
