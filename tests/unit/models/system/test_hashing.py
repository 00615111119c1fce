"""`models.system.hashing`."""

import hashlib
import threading
from pathlib import Path

import pytest

from models.system.errors import Cancelled
from models.system.hashing import STRETCH_BYTES, file_sha256, hash_next

CONTENT = bytes(range(256)) * 4099


def test_what_is_read_in_stretches_has_the_checksums_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
    with path.open("rb", buffering=0) as file:
        counts = [hash_next(file, [sha256, sha1], most) for most in (0, 1, 300_000, 1 << 20, 1 << 20)]
    assert counts == [0, 1, 300_000, len(CONTENT) - 300_001, 0]
    assert sha256.digest() == hashlib.sha256(CONTENT).digest()
    assert sha1.digest() == hashlib.sha1(CONTENT, usedforsecurity=False).digest()


def test_a_files_hash_is_told_on_the_way_and_can_be_cancelled(tmp_path: Path) -> None:
    data = bytes(range(256)) * (STRETCH_BYTES // 256) + b"tail"
    file = tmp_path / "m.gguf"
    file.write_bytes(data)
    told: list[int] = []
    assert file_sha256(file, told.append) == hashlib.sha256(data).hexdigest()
    assert told == [STRETCH_BYTES, len(data)]
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        file_sha256(file, cancel=cancel)
