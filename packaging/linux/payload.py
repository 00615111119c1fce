"""What every Linux installer puts beside the program's folder: menu entry, icons, file type, description."""

import gzip
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

from environment import ROOT
from reproducible import release_date

BUNDLE = ROOT / "dist" / "stillroom"
HERE = Path(__file__).parent
ICONS = ROOT / "resources" / "icons"

# Debian's package for each library that the bundle leaves to the system; "|" where its name has changed.
SYSTEM_LIBRARIES = {
    "libc.so.6": "libc6",
    "libm.so.6": "libc6",
    "libdl.so.2": "libc6",
    "libpthread.so.0": "libc6",
    "librt.so.1": "libc6",
    "libutil.so.1": "libc6",
    "libresolv.so.2": "libc6",
    "ld-linux-x86-64.so.2": "libc6",
    "ld-linux-aarch64.so.1": "libc6",
    "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libOpenGL.so.0": "libopengl0",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb.so.1": "libxcb1",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-dri2.so.0": "libxcb-dri2-0",
    "libxcb-dri3.so.0": "libxcb-dri3-0",
    "libdrm.so.2": "libdrm2",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libexpat.so.1": "libexpat1",
    "libz.so.1": "zlib1g",
    "liblzma.so.5": "liblzma5",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    # A driver's loader; without it this back end is passed over.
    "libvulkan.so.1": "",
}


def version() -> str:
    """Stillroom's version, from pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def write_shared_files(prefix: Path) -> None:
    """Menu entry, icons, the file type and the AppStream description below `prefix`/share."""
    share = prefix / "share"
    for source, place in (
        (HERE / "stillroom.desktop", "applications"),
        (HERE / "stillroom.metainfo.xml", "metainfo"),
        (HERE / "stillroom.mime.xml", "mime/packages"),
    ):
        target = share / place / source.name.replace(".mime", "")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text("utf-8").replace("@VERSION@", version()).replace("@DATE@", release_date())
        target.write_text(text, "utf-8")
    for picture in sorted(ICONS.glob("stillroom-*.png")):
        size = picture.stem.removeprefix("stillroom-")
        _copy(picture, share / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "stillroom.png")
    _copy(ICONS / "stillroom.svg", share / "icons" / "hicolor" / "scalable" / "apps" / "stillroom.svg")


def write_documents(folder: Path) -> None:
    """Debian's `copyright`, which names where each part's licence lies, and the changelog."""
    folder.mkdir(parents=True, exist_ok=True)
    licence = (ROOT / "LICENSE").read_text("utf-8")
    (folder / "copyright").write_text(
        licence + "\nQt, Python, llama.cpp and the other parts inside keep their own licences: see\n"
        "/usr/lib/stillroom/_internal/*.dist-info and /usr/lib/stillroom/_internal/licences.\n",
        "utf-8",
    )
    # No time stamp inside, so that the same input makes the same package.
    (folder / "changelog.gz").write_bytes(gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), 9, mtime=0))


def needed_libraries(bundle: Path) -> tuple[set[str], str]:
    """The libraries that the bundle expects from the system, and the newest glibc version it links to."""
    needed: set[str] = set()
    glibc = (0, 0)
    files = [path for path in bundle.rglob("*") if path.is_file() and not path.is_symlink()]
    present = {path.name for path in bundle.rglob("*")}
    for path in files:
        with path.open("rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
        told = subprocess.run(["objdump", "-p", str(path)], capture_output=True, text=True, check=True).stdout
        needed |= set(re.findall(r"NEEDED +(\S+)", told))
        for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", told):
            glibc = max(glibc, (int(major), int(minor)))
    return needed - present, f"{glibc[0]}.{glibc[1]}"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
