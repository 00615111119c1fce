"""`models.system.hashing`."""

import hashlib
from pathlib import Path

from models.system.hashing import hash_next

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
