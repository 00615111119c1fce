"""Make dist/stillroom so that it runs on Debian 12 and everything newer; `make installers` begins with it.

A program runs only where glibc is at least as new as that of the system that linked it. This one is linked
in Debian 12 (glibc 2.36), in build/bookworm; the chroot is kept, so that the second time is quick. On ARM it
is Debian 13 (architecture.py).
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT, install_system_packages
from linux.architecture import architecture
from linux.debian import PROGRAMS_PATH, Debian, mirror
from reproducible import pin_time

# By it the bundle knows where the release offers its CUDA back end (packaging/engine/cuda_back_end.py).
CUDA_PIN = ROOT / "build" / "cuda_back_end.json"
PACKAGES = (
    *("python3", "python3-dev", "python3-venv", "git", "g++", "cmake", "ninja-build", "make", "binutils"),
    *("libvulkan-dev", "spirv-headers", "liblzma-dev", "icu-devtools", "tcl", "xz-utils"),
    # PyInstaller loads Qt to learn what it needs.
    *("libegl1", "libgl1", "libxkbcommon-x11-0", "libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1"),
    *("libxcb-shape0", "libdbus-1-3", "libfontconfig1", "libglib2.0-0"),
)
HANDED_ON = (
    *("PIP_INDEX_URL", "PIP_CERT", "STILLROOM_RELEASES", "STILLROOM_RELEASE_KEY"),
    *("SOURCE_DATE_EPOCH", "PYTHONHASHSEED"),
)
# Debian 12's shader compiler is too old for the matrix instructions of graphics cards, without which Vulkan
# is several times slower at reading a prompt. Debian 13's is started with Debian 13's own loader and
# libraries; only the shaders that it makes, and two packages of headers, go into the build.
NEWER = ("glslc", "libshaderc1", "libc6", "libstdc++6", "libgcc-s1", "libvulkan-dev", "spirv-headers")
NEWER_SCRIPT = """
echo "deb {mirror} trixie main" > /etc/apt/sources.list.d/newer.list
printf 'Package: *\\nPin: release n=trixie\\nPin-Priority: -1\\n' > /etc/apt/preferences.d/newer
apt-get update
mkdir -p /opt/newer/packages && cd /opt/newer/packages
for name in {packages}; do
  version=$(apt-cache madison $name | awk -F' *[|] *' '/trixie/ {{ print $2; exit }}')
  apt-get download $name=$version
done
for file in *.deb; do dpkg-deb -x $file /opt/newer; done
lib=/opt/newer/usr/lib/x86_64-linux-gnu
printf '#!/bin/sh\\nexec %s --library-path %s /opt/newer/usr/bin/glslc "$@"\\n' \\
  $lib/ld-linux-x86-64.so.2 $lib > /usr/local/bin/glslc
chmod +x /usr/local/bin/glslc
cp -r /opt/newer/usr/include/vulkan /opt/newer/usr/include/vk_video /opt/newer/usr/include/spirv \\
  /usr/local/include/
"""
# Debian 12's SQLite cannot erase deleted words from a full-text index, which the chats ask for, and could not
# open an index that a newer one made. Debian 13's is compiled here.
SQLITE_SCRIPT = """
echo "deb-src {mirror} trixie main" > /etc/apt/sources.list.d/newer-source.list
apt-get update
mkdir -p /opt/newer/sqlite && cd /opt/newer/sqlite
apt-get source --download-only sqlite3
tar xf sqlite3_*.orig.tar.* && cd sqlite3-*/
CFLAGS=-O2 ./configure --enable-fts5 --disable-tcl --disable-readline --disable-static
make libsqlite3.la && make lib_install && ldconfig
"""


def main() -> int:
    """Make the chroot, the environment in it and the bundle; prints how long each took."""
    if shutil.which("debootstrap", path=PROGRAMS_PATH) is None:
        install_system_packages(["debootstrap"])
    try:
        build(releases_debian())
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"This failed with status {error.returncode}: {error.cmd[-1]}") from error
    return 0


def releases_debian() -> Debian:
    """The Debian folder that this computer's bundles are made in."""
    release = architecture().release
    return Debian(release, ROOT / "build" / release)


def create(debian: Debian) -> None:
    """The folder with what compiles, unless it is there."""
    debian.create(PACKAGES if debian.release == "bookworm" else (*PACKAGES, "glslc"))


def build(debian: Debian) -> None:
    """From the tracked files of this checkout to dist/stillroom."""
    start_s = time.monotonic()
    create(debian)
    is_old = debian.release == "bookworm"
    if is_old and not (debian.folder / "usr/local/bin/glslc").exists():
        debian.run(NEWER_SCRIPT.format(mirror=mirror(), packages=" ".join(NEWER)))
    if is_old and not (debian.folder / "usr/local/lib/libsqlite3.so.0").exists():
        debian.run(SQLITE_SCRIPT.format(mirror=mirror()))
    copy_sources(debian.folder / "src")
    pin = debian.folder / "src" / "build" / CUDA_PIN.name
    pin.parent.mkdir(exist_ok=True)
    pin.unlink(missing_ok=True)
    if CUDA_PIN.exists():
        shutil.copyfile(CUDA_PIN, pin)
    pin_time()
    for script in ("python3 packaging/environment.py bundle", ".venv/bin/python packaging/bundle.py"):
        # Not captured: the first takes ten minutes.
        command = debian.command(f"cd /src && {script}", environment=[*handed_on(), "CMAKE_GENERATOR=Ninja"])
        subprocess.run(command, check=True)
    target = ROOT / "dist" / "stillroom"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(debian.folder / "src" / "dist" / "stillroom", target, symlinks=True)
    print(f"{target}, after {time.monotonic() - start_s:.0f} s")


def handed_on() -> list[str]:
    """Give what of this program's environment the folder's programs get, as NAME=VALUE."""
    return [f"{name}={os.environ[name]}" for name in HANDED_ON if os.environ.get(name)]


def copy_sources(target: Path) -> None:
    """The checkout's files as git lists them, as they are now; what was built in `target` stays."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]
    for path in target.glob("*") if target.exists() else ():
        if path.name not in ("build", "dist", ".venv"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


if __name__ == "__main__":
    sys.exit(main())
