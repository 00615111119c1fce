"""Where programs in Go are run, what was compiled of Go's library lies in a folder of the tests' own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def kept_go_library() -> Iterator[None]:
    """A home of Stillroom's that the sandbox's user may look into, for which pytest's folders are closed."""
    before = os.environ.get("STILLROOM_HOME")
    home = Path(tempfile.mkdtemp(dir="/var/tmp" if os.name == "posix" else None))
    home.chmod(0o755)
    os.environ["STILLROOM_HOME"] = str(home)
    yield
    if before is None:
        del os.environ["STILLROOM_HOME"]
    else:
        os.environ["STILLROOM_HOME"] = before
    shutil.rmtree(home, ignore_errors=True)
