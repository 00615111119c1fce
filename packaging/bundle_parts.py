"""What goes into the bundle and what stays out; used by build.spec."""

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path, PurePath

from file_owners import debian_package
from packaging.requirements import Requirement
from PyInstaller.depend.bindepend import get_imports

# A file name's beginning. Plug-ins for screens that no desktop has, the web and database parts of Qt.
UNUSED = (
    "libqeglfs",
    "libqvnc",
    "libqlinuxfb",
    "libqminimalegl",
    "libqvkkhrdisplay",
    "libqgtk3",
    # Stillroom fetches with Python's own TLS, and Qt's network part only reaches its own running window.
    "libqopensslbackend",
    "libqcertonlybackend",
    "libqconnman",
    "libqglib",
    "libqnetworkmanager",
    "qopensslbackend",
    "qcertonlybackend",
    "qschannelbackend",
    "qnetworklistmanager",
    # Printers, touch panels without a desktop, and picture formats that nothing here holds.
    "libcupsprintersupport",
    "libqevdev",
    "libqtuiotouchplugin",
    "libqicns",
    "libqjpeg",
    "libqpdf",
    "libqtga",
    "libqtiff",
    "libqwbmp",
    "libqwebp",
    "libqlottievectorimage",
    "libQt6EglFS",
    "libQt6EglFs",
    "libQt6Qml",
    "libQt6Quick",
    "libQt6Sql",
    "libQt6VirtualKeyboard",
    "libqtvirtualkeyboardplugin",
    "Qt6Qml",
    "Qt6Quick",
    "Qt6Sql",
    "Qt6VirtualKeyboard",
    "qtvirtualkeyboardplugin",
    "opengl32sw",
)
# What must fit the system's own drivers and settings: a graphics driver may need a newer libstdc++ or liblzma
# than the bundle's, Vulkan's loader comes with the drivers, and fontconfig reads the configuration of its own
# version.
SYSTEMS_OWN = (
    "libstdc++.",
    "libvulkan.",
    "libgcc_s.",
    "liblzma.",
    "libfontconfig.",
    "libfreetype.",
    "libexpat.",
    "libX11.",
    "libX11-xcb.",
)
INSTALLERS_NOTES = ("INSTALLER", "RECORD", "REQUESTED", "WHEEL", "direct_url.json", "top_level.txt")
LLAMA_LIBRARIES = "llama_cpp/lib"

Entry = tuple[str, str, str]
"""Destination, source, kind: an entry of PyInstaller's lists."""


def is_unused(destination: str) -> bool:
    """Whether Stillroom does without this file."""
    path = PurePath(destination)
    if path.name.startswith(UNUSED) or "peegee" in path.parts:  # pyqtgraph's mascot
        return True
    # Who installed a package and from where; its version, licences and entry points stay.
    if path.name in INSTALLERS_NOTES and path.parent.name.endswith(".dist-info"):
        return True
    # Of Qt's own translations only those of a language that the window speaks.
    return (
        "PySide6" in path.parts and "translations" in path.parts and not path.name.startswith("qtbase_zh_CN")
    )


def once(binaries: list[Entry]) -> list[Entry]:
    """Drop the copies of llama.cpp's libraries that PyInstaller puts beside the program, where nothing needs
    them: two files would be loaded as two libraries."""
    present = {destination for destination, _, _ in binaries}
    return [entry for entry in binaries if f"{LLAMA_LIBRARIES}/{entry[0]}" not in present]


def needed(binaries: list[Entry]) -> list[Entry]:
    """Drop what should be the system's own, and what only a plug-in needed that stays out."""
    if not sys.platform.startswith("linux"):
        return binaries
    binaries = [entry for entry in binaries if not entry[0].startswith(SYSTEMS_OWN)]
    wanted: set[str] = set()
    for destination, source, kind in binaries:
        if kind != "SYMLINK" and not _is_system_library(destination):
            wanted |= {PurePath(name).name for name, _ in get_imports(source)}
    return [
        (destination, source, kind)
        for destination, source, kind in binaries
        if not _is_system_library(destination) or destination in wanted or destination.startswith("libpython")
    ]


def _is_system_library(destination: str) -> bool:
    return "/" not in destination and re.match(r"lib.+\.so\b", destination) is not None


def installed(name: str) -> importlib.metadata.Distribution:
    """The distribution in this environment; the .egg-info beside the checkout's sources is passed over."""
    found = importlib.metadata.distributions(name=name, path=[sysconfig.get_path("purelib")])
    return next(iter(found))


def dependencies(name: str) -> list[str]:
    """The distributions that `name` needs when it runs, itself included; extras are left out."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        present = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if present in found:
            continue
        found[present] = None
        for line in installed(present).requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return sorted(found)


def foreign_modules(present: list[str]) -> list[str]:
    """Top-level modules of every distribution here that is not one of `present`: tests, linters, extras.

    PyInstaller would take along whatever some library imports where it finds it.
    """
    return sorted(
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & set(present)
    )


def system_licences(binaries: list[Entry]) -> list[tuple[str, str]]:
    """Debian's `copyright` files of the libraries that come from the system and not from a wheel.

    The folder in the bundle names package and version, which is where the list of parts takes them from.
    """
    prefix = sysconfig.get_path("purelib")
    sources = {Path(source) for _, source, kind in binaries if kind != "SYMLINK"}
    owners = {debian_package(source) for source in sources if not source.is_relative_to(prefix)}
    files = []
    for package in sorted(owner for owner in owners if owner):
        version = subprocess.run(
            ["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, check=True
        ).stdout
        text = f"/usr/share/doc/{package}/copyright"
        files.append((os.path.realpath(text), f"licences/{package}_{version}"))
    return files


def metadata_files(name: str) -> list[tuple[str, str]]:
    """METADATA, which tells the version, and the licence texts; source and folder in the bundle."""
    distribution = installed(name)
    return [
        (str(distribution.locate_file(file)), str(file.parent))
        for file in distribution.files or []
        if file.parts[0].endswith(".dist-info")
        and (
            file.name == "METADATA"
            or "licenses" in file.parts
            or file.name.startswith(("LICENSE", "COPYING"))
        )
    ]
