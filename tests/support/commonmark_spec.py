"""The CommonMark specification's examples, taken once from a package's source archive into `build/`.

They are John MacFarlane's, under CC-BY-SA 4.0, and so no part of this repository.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[2] / "packaging" / "locks" / "specification.txt"
MEMBER = "test/specification/commonmark.json"
SHA256 = "d85ad6c0bbd9a0125f4039e85e55afe6d0252964a246ac45ad735ccff71893f9"
"""Of https://spec.commonmark.org/0.31.2/spec.json."""
PLACE = Path(__file__).parents[2] / "build" / "commonmark-0.31.2.json"


@cache
def examples() -> list[dict[str, Any]]:
    """`markdown`, `html` and `example` (its number) of each."""
    if not PLACE.exists():
        text = _fetched()
        PLACE.parent.mkdir(exist_ok=True)
        PLACE.write_bytes(text)
    text = PLACE.read_bytes()
    assert hashlib.sha256(text).hexdigest() == SHA256, f"delete {PLACE}: it is not the specification"
    loaded: list[dict[str, Any]] = json.loads(text)
    return loaded


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        locked = ["--require-hashes", "--no-build-isolation", "-r", str(LOCK)]
        subprocess.run([*command, "--dest", folder, *locked], check=True)
        [archive] = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            [name] = [name for name in packed.getnames() if name.endswith(MEMBER)]
            member = packed.extractfile(name)
            assert member is not None
            return member.read()
