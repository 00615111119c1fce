"""Make the lock files in packaging/locks: `make lock`; `--upgrade` for the newest of everything.

A lock names each package that one goal installs, its version, and the sha256 of every file that the index has
of it, so that one lock serves every system and Python. This runs in build/tools, where uv is. `--check` looks
whether the locks are those of pyproject.toml; it needs no network and runs in `.venv`, too.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environment import LOCKS, PYPROJECT, ROOT
from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

WANTED = {
    # The others take its versions, so it comes first.
    "test": ("extra", ["test", "dev", "bundle", "starter"]),
    "bundle": ("extra", ["bundle"]),
    "build": ("group", ["build"]),
    "cuda": ("group", ["cuda"]),
    "node": ("group", ["node"]),
    "specification": ("group", ["specification"]),
    "tools": ("group", ["tools"]),
}
"""What each lock is made of: extras beside the program's own requirements, or groups alone."""
SYSTEMS = (
    {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux", "platform_machine": "aarch64"},
    {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows", "platform_machine": "AMD64"},
)
PYTHONS = ("3.11", "3.12", "3.13")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
MADE_FROM = "# From pyproject.toml's requirements "


@dataclass(frozen=True, slots=True)
class Pin:
    """An entry of a lock: one version of one package, and where it is installed (`requirement.marker`)."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The package's name as PyPI compares it."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The one version; empty where the entry names a range."""
        one = re.fullmatch(r"==([^*,]+)", str(self.requirement.specifier))
        return one[1] if one else ""


def main() -> int:
    """Make the locks, or check them; the exit code is 1 with a sentence where they do not agree."""
    parser = argparse.ArgumentParser(description="Make the lock files, or check them.")
    parser.add_argument("--check", action="store_true", help="only look, without the network")
    parser.add_argument("--upgrade", action="store_true", help="take the newest version of everything")
    options = parser.parse_args()
    if not options.check:
        make_locks(upgrade=options.upgrade)
    wrong = disagreements()
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise SystemExit(f"{wrong[0]}{more}. Run `make lock`.")
    return 0


def make_locks(*, upgrade: bool) -> None:
    """Write all of them; what a lock already names stays at its version unless `upgrade`."""
    uv = Path(sys.executable).with_name("uv")
    LOCKS.mkdir(exist_ok=True)
    first = LOCKS / "test.txt"
    for name, (kind, parts) in WANTED.items():
        lock = LOCKS / f"{name}.txt"
        command = [str(uv), "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header"]
        command += ["--no-annotate", "--python-version", PYTHONS[0], "--output-file", str(lock)]
        command += [f"--{kind}={part}" for part in parts]
        command += ["--upgrade"] if upgrade else []
        command += [] if lock == first else ["--constraint", str(first)]
        command += ["pyproject.toml"] if kind == "extra" else []
        subprocess.run(command, check=True, cwd=ROOT)
        head = f"# Made by `make lock`; not to be changed by hand.\n{MADE_FROM}{digest(name)}\n"
        lock.write_text(head + lock.read_text("utf-8"), "utf-8")


def disagreements(folder: Path = LOCKS, pyproject: Path = PYPROJECT) -> list[str]:
    """Give what is wrong with the locks, a sentence without its full stop each; empty where nothing is."""
    wrong: list[str] = []
    seen: dict[str, tuple[str, str]] = {}
    for name in WANTED:
        lock = folder / f"{name}.txt"
        if not lock.is_file():
            wrong.append(f"{lock.name} is missing")
            continue
        try:
            pins = list(read_lock(lock))
        except InvalidRequirement as error:
            wrong.append(f"{lock.name} holds what is no requirement: {str(error).splitlines()[0]}")
            continue
        wrong += _malformed(lock, pins)
        wrong += _unmet(lock, pins, requirements(name, pyproject))
        for pin in pins:
            other, version = seen.setdefault(pin.name, (lock.name, pin.version))
            if version != pin.version:
                wrong.append(f"{pin.name} is {version} in {other} and {pin.version} in {lock.name}")
        if f"{MADE_FROM}{digest(name, pyproject)}\n" not in lock.read_text("utf-8"):
            wrong.append(f"{lock.name} was made from other requirements than pyproject.toml has")
    return wrong


def read_lock(lock: Path) -> Iterator[Pin]:
    """The entries of a lock file."""
    text = lock.read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            words, _, hashes = line.partition(" --hash")
            yield Pin(Requirement(words.strip()), tuple(f"--hash{hashes}".split() if hashes else ()))


def requirements(name: str, pyproject: Path = PYPROJECT) -> list[Requirement]:
    """Give what pyproject.toml asks for where this lock is installed."""
    return [Requirement(line) for line in _lines(name, pyproject)]


def digest(name: str, pyproject: Path = PYPROJECT) -> str:
    """A hash of the requirements, whatever their order."""
    return hashlib.sha256(json.dumps(sorted(_lines(name, pyproject))).encode()).hexdigest()[:16]


def _lines(name: str, pyproject: Path) -> list[str]:
    document: dict[str, Any] = tomllib.loads(pyproject.read_text("utf-8"))
    kind, parts = WANTED[name]
    if kind == "group":
        return [line for part in parts for line in document["dependency-groups"][part]]
    project = document["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(line for part in parts for line in extras[part])]


def _malformed(lock: Path, pins: list[Pin]) -> list[str]:
    wrong = [f"{lock.name} names no single version of {pin.name}" for pin in pins if not pin.version]
    return wrong + [
        f"{lock.name} has no sha256 of {pin.name}, or something beside it"
        for pin in pins
        if not pin.hashes or not all(HASH.fullmatch(word) for word in pin.hashes)
    ]


def _unmet(lock: Path, pins: list[Pin], wanted: list[Requirement]) -> list[str]:
    wrong: dict[str, None] = {}
    for environment in _environments():
        present = {pin.name: pin for pin in pins if _applies(pin.requirement, environment)}
        for requirement in wanted:
            if not _applies(requirement, environment):
                continue
            pin = present.get(canonicalize_name(requirement.name))
            if pin is None:
                wrong[f"{lock.name} lacks {requirement.name}, which pyproject.toml asks for"] = None
            elif pin.version and not requirement.specifier.contains(pin.version, prereleases=True):
                wrong[f"{lock.name} has {pin.name} {pin.version}, pyproject.toml asks for {requirement}"] = (
                    None
                )
    return list(wrong)


def _environments() -> Iterator[dict[str, str]]:
    for system in SYSTEMS:
        for python in PYTHONS:
            versions = {"python_version": python, "python_full_version": f"{python}.0"}
            yield {**default_environment(), **system, **versions, "extra": ""}


def _applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


if __name__ == "__main__":
    sys.exit(main())
