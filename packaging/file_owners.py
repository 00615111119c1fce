"""Whose each file of a bundle is: the package that it came from, or the program that nobody has packaged.

build.spec notes where PyInstaller took each file from (`note_sources`). Who owns that place is known from the
records of Python's packages, from dpkg, and, for what has no package, by name (`without_package`).
"""

import importlib.metadata
import json
import os
import platform
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from linux.payload import version

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "build" / "bundle-sources.json"
"""By a file's place in the bundle: where PyInstaller took it from."""
CONTENTS = f"_internal-{version()}" if sys.platform == "win32" else "_internal"
"""The folder beside the programs, whose name is written into them. On Windows each version has its own, so
that an upgrade puts it beside the one before and replaces a program in one step (windows/stillroom.nsi)."""
LICENCES = "licences"
OWN = "stillroom"
OWN_MADE = ("release_place.json", "cuda_back_end.json")
"""The files that build.spec and cuda_back_end.py make for a release."""


@dataclass(frozen=True, slots=True)
class Program:
    """Something that comes with no package.

    `licence` is an SPDX expression, `files` is how its files' names begin.
    """

    name: str
    version: str
    licence: str
    files: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where its licence text lies in the bundle."""
        return f"{LICENCES}/{self.name}_{self.version}"


def without_package() -> list[Program]:
    """Give what may be in a bundle without a package's record, on this system; Python is the last."""
    found = [Program("sqlite", sqlite3.sqlite_version, "blessing", ("libsqlite3.", "sqlite3.dll"))]
    if sys.platform == "win32":
        # They lie beside python.exe, whose LICENSE.txt holds the terms of each.
        openssl = ssl.OPENSSL_VERSION.split()[1]
        found += [
            Program("openssl", openssl, "Apache-2.0", ("libcrypto-", "libssl-")),
            Program("libffi", platform.python_version(), "MIT", ("libffi-",)),
            Program(
                "visual-c++-runtime",
                platform.python_compiler().replace(" ", "-"),
                "LicenseRef-Microsoft-Distributable-Code",
                ("vcruntime", "msvcp", "vcomp", "concrt", "ucrtbase", "api-ms-win-"),
            ),
        ]
    return [*found, Program("python", platform.python_version(), "PSF-2.0")]


class Owners:
    """Tells whose a file is; `folders` are those that packages are installed in."""

    def __init__(self, sources: Mapping[str, str], folders: Iterable[Path]) -> None:
        self.sources = sources
        self.programs = without_package()
        self._packages: dict[str, str] = {}
        for folder in folders:
            for distribution in importlib.metadata.distributions(path=[str(folder)]):
                name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
                for file in distribution.files or ():
                    self._packages[_plain(folder / file)] = f"pypi/{name}"

    def of(self, place: PurePosixPath) -> str | None:
        """Give the owner of a file of the bundle: `pypi/NAME`, `deb/NAME`, a program's name, or `stillroom`.

        None where nobody knows. The place is relative to the bundle.
        """
        inside = place.relative_to(CONTENTS) if place.parts[0] == CONTENTS else place
        if inside.parts[0].endswith(".dist-info"):
            name = re.sub(r"[-_.]+", "-", inside.parts[0].rpartition("-")[0].partition("-")[0]).lower()
            return OWN if name == OWN else f"pypi/{name}"
        if inside.parts[0] == LICENCES:
            name = inside.parts[1].partition("_")[0]
            return name if name in {program.name for program in self.programs} else f"deb/{name}"
        if place == inside and inside.stem in ("stillroom", "stillroomw"):
            # Its first part is PyInstaller's, the rest our modules and those of the packages.
            return "pypi/pyinstaller"
        if inside.name == "base_library.zip":
            return "python"
        source = self.sources.get(inside.as_posix())
        return self.of_source(Path(source)) if source else None

    def of_source(self, source: Path) -> str | None:
        """Give the owner of a file of this computer."""
        if package := self._packages.get(_plain(source)):
            return package
        for program in self.programs:
            if program.files and source.name.lower().startswith(program.files) and not debian_package(source):
                return program.name
        if source.is_relative_to(ROOT):
            made = source.is_relative_to(ROOT / ".venv") or source.is_relative_to(ROOT / "build")
            return OWN if not made or source.name in OWN_MADE else None
        if package := debian_package(source):
            return f"deb/{package}"
        # Debian's Python is packages, and /usr holds much besides.
        of_python = sys.base_prefix != "/usr" and source.is_relative_to(sys.base_prefix)
        return "python" if of_python else None


def note_sources(entries: Iterable[tuple[str, str, str]]) -> None:
    """Write `SOURCES`, of PyInstaller's lists."""
    SOURCES.parent.mkdir(exist_ok=True)
    noted = {Path(place).as_posix(): source for place, source, kind in entries if kind != "SYMLINK"}
    SOURCES.write_text(json.dumps(noted, indent=1, sort_keys=True), "utf-8")


def owners(folders: Iterable[Path]) -> Owners:
    """Give those of the bundle that was made last."""
    return Owners(json.loads(SOURCES.read_text("utf-8")), [*folders, Path(sysconfig.get_path("purelib"))])


def programs_licences() -> list[tuple[str, str]]:
    """Give the licence texts of what has no package: source, and folder in the bundle."""
    text = next(path for path in _python_licences() if path.is_file())
    files = []
    for program in without_package():
        own = ROOT / "packaging" / LICENCES / f"{program.name}.txt"
        files.append((str(own if own.is_file() else text), program.folder))
    return files


def _python_licences() -> Iterable[Path]:
    yield Path(sys.base_prefix, "LICENSE.txt")
    yield Path(sysconfig.get_path("stdlib"), "LICENSE.txt")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    yield Path(f"/usr/share/doc/python{version}/copyright")
    yield Path(f"/usr/share/doc/libpython{version}-minimal/copyright")


def debian_package(source: Path) -> str | None:
    """Give the Debian package that has the file."""
    if shutil.which("dpkg-query") is None or not source.is_relative_to("/"):
        return None
    # The package may know the file by its name before /lib became a link to /usr/lib.
    for name in dict.fromkeys((str(source), str(source).removeprefix("/usr"), os.path.realpath(source))):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            # A name that a package has moved aside is told first, and alone where no package has it.
            if not line.startswith("diversion by "):
                return line.partition(":")[0]
    return None


def _plain(path: Path) -> str:
    """Give the path as one string, whatever the system makes of case and of `..`."""
    return os.path.normcase(os.path.normpath(path))
