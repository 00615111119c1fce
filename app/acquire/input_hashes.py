"""The checksums of the files that a build reads, computed once while it runs."""

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Self

from models.hub.download_record import RECORD_NAME
from models.store.manifest import InputFile
from models.system.errors import Cancelled
from models.system.hashing import hash_next
from models.system.json_file import is_set_aside
from models.system.progress import OnProgress, Progress, raise_if_cancelled
from models.system.regular_file import open_regular

_REPORT_BYTES = 4 << 20
_CHECK_S = 0.1


def checkpoint_inputs(folder: Path) -> list[Path]:
    """The files of a checkpoint's folder that a build reads."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".json", ".txt"))
    return [path for path in files if path.name != RECORD_NAME and not is_set_aside(path)]


class InputHashes:
    """Hashes `files` on a thread of its own; leaving the context ends that."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, "input hashes")
        self._done_bytes = 0
        self._present = ""
        self._future: Future[tuple[InputFile, ...]] = self._pool.submit(self._hash)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()

    def wait(self, on_progress: OnProgress, cancel: threading.Event | None) -> tuple[InputFile, ...]:
        """The result; tells of the stage "verify" while it is not there yet. Raises `OSError`."""
        total = sum(path.stat().st_size for path in self.files)
        while wait({self._future}, timeout=_CHECK_S).not_done:
            raise_if_cancelled(cancel)
            on_progress(Progress("verify", self._done_bytes, total, self._present))
        return self._future.result()

    def _hash(self) -> tuple[InputFile, ...]:
        inputs = []
        for path in self.files:
            self._present = path.name
            digest = hashlib.sha256()
            size = 0
            with open_regular(path, buffering=0) as file:
                while count := hash_next(file, [digest], _REPORT_BYTES):
                    if self._stop.is_set():
                        raise Cancelled
                    size += count
                    self._done_bytes += count
            inputs.append(InputFile(path=path.name, sha256=digest.hexdigest(), bytes=size))
        return tuple(inputs)
