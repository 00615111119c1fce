"""Find what a bundle leaves to the system, and name the Debian packages that it needs for that."""

import re
import subprocess
from pathlib import Path

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
    # Of Qt's packages only those for ARM link to these two.
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
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

# Qt loads these by name when the window opens: no file of the bundle is linked to them.
LOADED_BY_NAME = ("libegl1", "libgl1", "libfontconfig1", "fontconfig-config", "shared-mime-info")


def depends(bundle: Path) -> list[str]:
    """Debian's names for what a bundle leaves to the system. Refuses a library that nobody has named."""
    needed, glibc = needed_libraries(bundle)
    unknown = sorted(needed - SYSTEM_LIBRARIES.keys())
    if unknown:
        raise SystemExit(
            f"The bundle needs libraries that packaging/linux/debian_depends.py does not name: {unknown}"
        )
    packages = {SYSTEM_LIBRARIES[name] for name in needed} | set(LOADED_BY_NAME)
    packages -= {"", "libc6"}
    return [f"libc6 (>= {glibc})", *sorted(packages)]


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
