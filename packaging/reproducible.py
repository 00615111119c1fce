"""The time that everything in a release bears, that of the last commit: the same sources make the same files.

https://reproducible-builds.org/specs/source-date-epoch/
"""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "SOURCE_DATE_EPOCH"


def source_date_epoch() -> int:
    """Seconds since 1970: `SOURCE_DATE_EPOCH` where it is set, else the time of the last commit."""
    if given := os.environ.get(NAME):
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def release_date() -> str:
    """The day of it, as 2026-11-29."""
    return datetime.fromtimestamp(source_date_epoch(), UTC).date().isoformat()


def pin_time() -> None:
    """Hand it to all programs that are started from here: compilers, archivers, PyInstaller, pip.

    PyInstaller also wants strings to have the same hashes in every run.
    https://pyinstaller.org/en/stable/advanced-topics.html#creating-a-reproducible-build
    """
    os.environ[NAME] = str(source_date_epoch())
    os.environ["PYTHONHASHSEED"] = "1"


def set_times(folder: Path) -> None:
    """Give everything in a folder that time, the folder itself, too; links are not followed."""
    seconds = source_date_epoch()
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (seconds, seconds), follow_symlinks=False)


def tar_options() -> list[str]:
    """GNU tar's options for an archive that holds nothing of the computer it was made on."""
    return ["--sort=name", f"--mtime=@{source_date_epoch()}", "--owner=0", "--group=0", "--numeric-owner"]
