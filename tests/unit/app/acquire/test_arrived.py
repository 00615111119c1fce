"""The part of a download that is on the disk: verified files, also those that are used up, and parts."""

import asyncio
import threading
from pathlib import Path

import pytest

from app.acquire.arrived import Arrivals
from models.hub.download_record import read_record
from models.hub.resumable_file import PartFile
from models.hub.shard_feed import ShardFeed
from models.hub.snapshot import RemoteFile
from models.store.store import ModelStore, folder_name
from models.system.progress import JobContext, Progress

REPO = "owner/Model"
SHARD_BYTES = 5 << 20
SHARDS = [
    RemoteFile(f"model-0000{number}-of-00003.safetensors", SHARD_BYTES, None, f"{number}" * 40)
    for number in (1, 2, 3)
]
CONFIG = RemoteFile("config.json", 100, None, "c" * 40)
TOLD = Progress("download", 0, 3 * SHARD_BYTES, SHARDS[0].path, 1e6, 15.0)


@pytest.fixture
def arrivals(tmp_path: Path) -> Arrivals:
    return Arrivals(ModelStore(tmp_path / "models"), tmp_path / "checkpoints")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "checkpoints" / folder_name(REPO)
    made.mkdir(parents=True)
    return made


def verify(folder: Path, file: RemoteFile) -> None:
    (folder / file.path).write_bytes(bytes(file.bytes))
    read_record(folder).note(folder, file, "ab" * 32)


def begin(folder: Path, file: RemoteFile, size: int) -> None:
    """Store so much of a file, as a download does that is stopped then."""

    async def work() -> None:
        part = PartFile(folder / file.path, file.bytes, "git:" + file.oid)
        part.write(0, bytes(size))
        part.close()

    asyncio.run(work())


def done(arrivals: Arrivals) -> int:
    found = arrivals.of(REPO, TOLD)
    assert found is not None
    assert (found.stage, found.total, found.detail) == (TOLD.stage, TOLD.total, TOLD.detail)
    assert (found.bytes_per_s, found.remaining_s) == (0.0, None)
    return found.done


def test_files_and_parts_of_weights_are_counted(arrivals: Arrivals, folder: Path) -> None:
    assert done(arrivals) == 0
    verify(folder, CONFIG)
    begin(folder, SHARDS[0], 3 << 20)
    assert done(arrivals) == 3 << 20
    (folder / f"{SHARDS[0].path}.part").unlink()
    verify(folder, SHARDS[0])
    begin(folder, SHARDS[1], 2 << 20)
    assert done(arrivals) == SHARD_BYTES + (2 << 20)
    (folder / SHARDS[0].path).unlink()
    assert done(arrivals) == SHARD_BYTES + (2 << 20), "the build has used up the first one"


def test_what_a_second_build_fetches_again_has_not_arrived(arrivals: Arrivals, folder: Path) -> None:
    for shard in SHARDS:
        verify(folder, shard)
        (folder / shard.path).unlink()
    assert done(arrivals) == 3 * SHARD_BYTES
    asked = threading.Event()

    def fetch(_file: RemoteFile, job: JobContext, _on_arrival: object) -> None:
        asked.set()
        assert job.cancel is not None
        job.cancel.wait()

    with ShardFeed(SHARDS, folder, fetch, keep=False) as feed:
        feed.begin([shard.path for shard in SHARDS[1:]])
        assert asked.wait(60)
        begin(folder, SHARDS[1], 2 << 20)
        assert done(arrivals) == SHARD_BYTES + (2 << 20)


def test_nothing_is_told_of_a_folder_that_cannot_be_read(arrivals: Arrivals, folder: Path) -> None:
    assert arrivals.of("owner", TOLD) is None
