"""The program in dist/stillroom, or in `STILLROOM_BUNDLE`, and what a user without Python has around it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BUNDLE = Path(os.environ.get("STILLROOM_BUNDLE", Path(__file__).parents[2] / "dist" / "stillroom"))
CONTENTS = next(BUNDLE.glob("_internal*"), BUNDLE / "_internal")
"""The program's files; on Windows the folder bears their version."""
PROGRAM = BUNDLE / ("stillroom.exe" if sys.platform == "win32" else "stillroom")


def users_environment(home: Path) -> dict[str, str]:
    """A home and the system's own programs; nothing of this Python is on its path."""
    kept = {name: os.environ[name] for name in ("DISPLAY", "SYSTEMROOT") if name in os.environ}
    path = "/usr/bin:/bin" if os.name == "posix" else os.environ["PATH"]
    return kept | {"HOME": str(home), "STILLROOM_HOME": str(home / "home"), "PATH": path}


def run(environment: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """One of the program's commands, whatever comes of it."""
    return subprocess.run(
        [PROGRAM, *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )


def answer(environment: dict[str, str], *arguments: str) -> Any:
    """The JSON of a command that must succeed."""
    done = run(environment, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
