"""Apply our changes to llama-cpp-python's source: the patches that `patches/series` names, one a change.

Each begins with fields: `Subject`, `Reason`, `For` (the versions of llama-cpp-python and llama.cpp that it
fits), `Gain` (as measured), `Upstream` (whether it could go there) and `Adds` (the files that are copied from
beside the patch into the source, by their places there). Standard library and git only.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path, PurePosixPath

PATCHES = Path(__file__).resolve().parent / "patches"
FIELDS = ("Subject", "Reason", "For", "Gain", "Upstream")
"""What each patch says about itself."""

FOR = "For: llama-cpp-python {version}, llama.cpp {commit}"


@dataclass(frozen=True, slots=True)
class Patch:
    """One change: the fields of its header by their names, and the difference itself, as git writes it."""

    path: Path
    header: str
    difference: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def field(self, name: str) -> str:
        """What the header says; empty where it says nothing."""
        return " ".join(str(message_from_string(self.header).get(name, "")).split())

    @property
    def version(self) -> str:
        """The version of llama-cpp-python that it fits."""
        found = re.match(r"llama-cpp-python ([^,\s]+), llama\.cpp \S+$", self.field("For"))
        if found is None:
            raise SystemExit(f"{self.path} does not say in `For` which llama-cpp-python it is for.")
        return found[1]

    @property
    def adds(self) -> list[PurePosixPath]:
        """The files that it brings along, by their places in the source."""
        return [PurePosixPath(place) for place in self.field("Adds").split()]


def read_series(folder: Path = PATCHES) -> list[Patch]:
    """The patches that a folder's `series` names, in its order."""
    lines = (line.strip() for line in (folder / "series").read_text("utf-8").splitlines())
    return [_read(folder / line) for line in lines if line and not line.startswith("#")]


def _read(path: Path) -> Patch:
    # newline="": a carriage return belongs to the line of the source that it ends.
    with path.open(encoding="utf-8", newline="") as file:
        header, mark, rest = file.read().partition("diff --git ")
    if not mark:
        raise SystemExit(f"{path} changes nothing.")
    return Patch(path, header, mark + rest)


def apply_series(tree: Path, version: str, folder: Path = PATCHES) -> None:
    """Make all changes in a source tree of llama-cpp-python, which must be of this version.

    Stops with a sentence at the first patch that does not fit: nothing is looked for elsewhere than its
    context is.
    """
    patches = read_series(folder)
    for patch in patches:
        if patch.version != version:
            raise SystemExit(
                f"{patch.name} is for llama-cpp-python {patch.version}, and this is {version}: "
                "`make patches` moves the patches."
            )
    with repository(tree) as git:
        for patch in patches:
            apply(patch, git)
            for place in patch.adds:
                target = tree / place
                if target.exists():
                    raise SystemExit(f"{patch.name} adds {place}, which llama-cpp-python {version} has, too.")
                shutil.copy(folder / place.name, target)


class Git:
    """git's commands on one work tree, with a repository of its own: the settings of the user and the
    repository that a source archive brings along do not matter."""

    def __init__(self, folder: Path, tree: Path) -> None:
        # Lines end as in the source, on Windows, too.
        settings = ("core.autocrlf=false", "user.name=Stillroom", "user.email=stillroom@localhost")
        options = [option for setting in settings for option in ("-c", setting)]
        self._command = ["git", f"--git-dir={folder}", f"--work-tree={tree}", *options]
        self.tree = tree
        self._environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"} | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "LC_ALL": "C",
        }
        self("init", "-q", "--template=")

    def __call__(self, *arguments: str, text: str | None = None) -> str:
        """What the command prints; `CalledProcessError` with its `stderr` where it fails."""
        return subprocess.run(
            [*self._command, *arguments],
            cwd=self.tree,
            env=self._environment,
            # As bytes, so that Windows does not end lines otherwise.
            input=None if text is None else text.encode(),
            capture_output=True,
            check=True,
        ).stdout.decode()


@contextmanager
def repository(tree: Path) -> Iterator[Git]:
    """An empty repository for as long as it is needed, elsewhere than in the tree."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Git(Path(folder), tree)


def apply(patch: Patch, git: Git, *options: str) -> None:
    """Change the work tree; all of the patch fits or nothing is changed, and this ends with a sentence."""
    try:
        git("apply", "--whitespace=nowarn", *options, text=patch.difference)
    except subprocess.CalledProcessError as error:
        raise SystemExit(
            f"{patch.name} does not fit this llama-cpp-python ({patch.field('For')}):\n"
            f"{error.stderr.decode(errors='replace')}"
        ) from error
