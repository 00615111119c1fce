"""Weight files that come while a build goes on: read early, counted only once they are verified."""

import hashlib
import json
import shutil
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from converters.build import durable_commits as commits
from converters.build.build_run import run_build
from converters.build.checkpoint_source import Conversion
from converters.build.streamed_shards import ComingFiles
from converters.build.working_files import journal_path
from converters.process.messages import BuildRequest, ComingFile, FilesNeeded, FileUsed
from converters.process.shard_messages import Arrivals
from converters.system.errors import CheckpointError
from models.hub.arrival import Arrival
from models.hub.resumable_file import part_path
from models.store.manifest import BuiltFile
from models.system.progress import Progress
from tests.support.make_reference import DATA

NAME = "DeepSeek-R1-Distill-Qwen-6M"
KIND = "Q4_0"
FILE = "model.safetensors"


class Line:
    """A build, and a hub's end of it that sends what a test wants."""

    def __init__(self, checkpoint: Path, room: Path) -> None:
        self.folder, self.out = room / "checkpoint", room / "out"
        shutil.copytree(checkpoint, self.folder)
        whole = self.folder / FILE
        self.data = whole.read_bytes()
        whole.unlink()
        header = room / "header"
        header.write_bytes(self.data[: 8 + int.from_bytes(self.data[:8], "little")])
        sha256 = hashlib.sha256(self.data).hexdigest()
        coming = ComingFile(name=FILE, bytes=len(self.data), sha256=sha256, header=header)
        self._request = BuildRequest(
            source=self.folder, types=[KIND], out_dir=self.out, name=NAME, coming=[coming]
        )
        self.said: list[msgspec.Struct] = []
        self._arrivals = Arrivals()
        self._arrivals.connect(self.said.append)
        self._attempt = 0
        self._quantised = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def start(self) -> "Future[list[BuiltFile]]":
        return self._pool.submit(run_build, self._request, self._on_progress, None, self._arrivals)

    def arrive(self, data: bytes, *, attempt: int = 1) -> None:
        """The beginning of the file is there."""
        part = part_path(self.folder / FILE)
        if attempt != self._attempt:
            part.unlink(missing_ok=True)
            part.touch()
            self._attempt = attempt
        with part.open("r+b") as file:
            file.write(data)
            file.truncate(len(self.data))
        self._tell(len(data), attempt, verified=False)

    def verify(self, *, attempt: int = 1) -> None:
        """The file is whole, and gets its name."""
        part_path(self.folder / FILE).replace(self.folder / FILE)
        self._tell(len(self.data), attempt, verified=True)

    def wait_until_quantised(self) -> None:
        assert self._quantised.wait(60)

    def named_tensors(self) -> int:
        """Count the tensors that a build which is stopped now would not do again."""
        return journal_path(self.out, NAME).read_text("utf-8").count("tensor\t")

    def close(self) -> None:
        self._pool.shutdown()

    def _tell(self, count: int, attempt: int, *, verified: bool) -> None:
        message = Arrival(FILE, count, attempt, verified)
        self._arrivals.on_line(msgspec.json.encode(message))

    def _on_progress(self, progress: Progress) -> None:
        if progress.stage == "quantise" and progress.done == progress.total:
            self._quantised.set()


@pytest.fixture
def line(checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr(commits, "COMMIT_BYTES", 1)
    return Line(checkpoints["qwen2"], tmp_path)


def assert_right(built: list[BuiltFile]) -> None:
    outputs = json.loads((DATA / "qwen2.json").read_text("utf-8"))["outputs"]
    assert [file.sha256 for file in built] == [outputs[KIND]["sha256"]]


def test_what_has_arrived_is_quantised_and_counts_once_the_file_is_verified(line: Line) -> None:
    built = line.start()
    for eighths in range(1, 9):
        line.arrive(line.data[: len(line.data) * eighths // 8])
    line.wait_until_quantised()
    assert line.named_tensors() == 0
    assert FileUsed(file=FILE) not in line.said
    line.verify()
    assert_right(built.result())
    assert line.said.count(FileUsed(file=FILE)) == 1
    # Asked for as soon as the tensors are known, and not again.
    assert [message for message in line.said if isinstance(message, FilesNeeded)] == [line.said[0]]
    line.close()


@pytest.mark.parametrize("damage", [b"\x00\x11", b"\xff\x7f"])
def test_what_arrived_damaged_is_quantised_again(line: Line, damage: bytes) -> None:
    # Small numbers nobody notices; infinite ones are refused at once, but the file may come again.
    header = 8 + int.from_bytes(line.data[:8], "little")
    built = line.start()
    line.arrive(line.data[:header] + damage * ((len(line.data) - header) // 2))
    if damage == b"\x00\x11":
        line.wait_until_quantised()
        assert line.named_tensors() == 0
    line.arrive(line.data, attempt=2)
    line.verify(attempt=2)
    assert_right(built.result())
    line.close()


def test_a_file_that_comes_again_in_mid_arrival_is_read_from_its_start(line: Line) -> None:
    built = line.start()
    line.arrive(line.data[: len(line.data) // 2].replace(b"\x3c", b"\x3d"))
    line.arrive(line.data[: len(line.data) // 3], attempt=2)
    line.arrive(line.data, attempt=2)
    line.verify(attempt=2)
    assert_right(built.result())
    line.close()


def test_weights_that_are_infinite_in_a_verified_file_are_refused(line: Line) -> None:
    header = 8 + int.from_bytes(line.data[:8], "little")
    built = line.start()
    line.arrive(line.data[:header] + b"\xff\x7f" * ((len(line.data) - header) // 2))
    line.verify()
    with pytest.raises(CheckpointError, match="infinite"):
        built.result()
    assert not list(line.out.glob("*.gguf*"))
    line.close()


def test_a_file_that_turns_out_to_be_needless_is_given_back(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = checkpoints["qwen2"]
    said: list[msgspec.Struct] = []
    arrivals = Arrivals()
    arrivals.connect(said.append)
    conversion = Conversion(folder, NAME)
    size = (folder / FILE).stat().st_size
    coming = ComingFiles(folder, [ComingFile(name=FILE, bytes=size)], arrivals)
    [asked] = coming.ask(conversion.tensors)
    assert coming.ask([]) == []
    assert said == [FilesNeeded(files=[asked.path.name]), FileUsed(file=FILE)]
