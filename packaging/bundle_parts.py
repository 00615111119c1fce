"""What goes into the bundle and what stays out; used by build.spec."""

import importlib.metadata
import re
import sys
import sysconfig
from pathlib import PurePath

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
# What must fit the system's own drivers and settings: a graphics driver may need a newer libstdc++ than the
# bundle's, Vulkan's loader comes with the drivers, and fontconfig reads the configuration of its own version.
SYSTEMS_OWN = (
    "libstdc++.",
    "libvulkan.",
    "libgcc_s.",
    "libfontconfig.",
    "libfreetype.",
    "libexpat.",
    "libX11.",
    "libX11-xcb.",
)
LLAMA_LIBRARIES = "llama_cpp/lib"

Entry = tuple[str, str, str]
"""Destination, source, kind: an entry of PyInstaller's lists."""


def is_unused(destination: str) -> bool:
    """Whether Stillroom does without this file."""
    path = PurePath(destination)
    if path.name.startswith(UNUSED) or "peegee" in path.parts:  # pyqtgraph's mascot
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
