"""What a report keeps, and what it must not."""

import hashlib
import threading
from pathlib import Path

import pytest

from app.bench.facts import BLOCK_BYTES, file_sha256, machine_facts
from app.errors import Cancelled, StillroomError
from app.machine import look_at_machine
from app.telemetry.gpu import GpuReading, GpuSample


def test_hash_and_progress(tmp_path: Path) -> None:
    data = bytes(range(256)) * (BLOCK_BYTES // 256) + b"tail"
    file = tmp_path / "m.gguf"
    file.write_bytes(data)
    told: list[int] = []
    assert file_sha256(file, told.append, None) == hashlib.sha256(data).hexdigest()
    assert told == [BLOCK_BYTES, len(data)]


def test_hashing_can_be_cancelled(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"x")
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        file_sha256(file, lambda done: None, cancel)


def test_a_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(StillroomError, match=r"The model file gone\.gguf could not be read"):
        file_sha256(tmp_path / "gone.gguf", lambda done: None, None)


def test_machine_facts_are_this_machines(tmp_path: Path) -> None:
    gpu = GpuReading("ok", (GpuSample(0, "Fake GPU", 1, 12, 0, None, None, None),), "580.82")
    facts = machine_facts(look_at_machine(tmp_path, ()), gpu)
    assert facts.cores <= facts.threads
    assert facts.memory_total_bytes > 1 << 28
    assert (facts.gpus[0].name, facts.gpu_driver) == ("Fake GPU", "580.82")
