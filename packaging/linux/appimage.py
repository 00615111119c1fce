"""Make dist/Stillroom-VERSION-x86_64.AppImage from dist/stillroom.

appimagetool and the runtime that it packs come from their releases, by checksum. The folder that is packed
can be started anywhere (`--stage-only`, then build/Stillroom.AppDir/AppRun).
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT
from linux.payload import BUNDLE, ICONS, version, write_shared_files
from release.pinned_download import fetch
from reproducible import pin_time, set_times

RELEASES = "https://github.com/AppImage"
PINS = (
    (
        f"{RELEASES}/appimagetool/releases/download/1.9.1/appimagetool-x86_64.AppImage",
        "ed4ce84f0d9caff66f50bcca6ff6f35aae54ce8135408b3fa33abfc3cb384eb0",
    ),
    (
        f"{RELEASES}/type2-runtime/releases/download/20251108/runtime-x86_64",
        "2fca8b443c92510f1483a883f60061ad09b46b978b2631c807cd873a47ec260d",
    ),
)
TOOLS = ROOT / "build" / "appimage"
STAGE = ROOT / "build" / "Stillroom.AppDir"


def main() -> int:
    """Stage and pack."""
    parser = argparse.ArgumentParser(description="Make the AppImage.")
    parser.add_argument("--stage-only", action="store_true", help="only make the folder that is packed")
    options = parser.parse_args()
    pin_time()
    stage()
    set_times(STAGE)
    if not options.stage_only:
        target = ROOT / "dist" / f"Stillroom-{version()}-x86_64.AppImage"
        # Appended, the tool runs where FUSE is missing too.
        environment = os.environ | {"ARCH": "x86_64", "APPIMAGE_EXTRACT_AND_RUN": "1"}
        tool, runtime = (
            fetch(address, sha256, TOOLS / address.rpartition("/")[2]) for address, sha256 in PINS
        )
        tool.chmod(0o755)
        command = [str(tool), "--no-appstream", "--runtime-file", str(runtime), str(STAGE), str(target)]
        subprocess.run(command, check=True, env=environment)
    return 0


def stage() -> None:
    """The folder: the bundle, what a desktop wants to know of it, and a start script."""
    shutil.rmtree(STAGE, ignore_errors=True)
    (STAGE / "usr" / "lib").mkdir(parents=True)
    shutil.copytree(BUNDLE, STAGE / "usr" / "lib" / "stillroom", symlinks=True)
    write_shared_files(STAGE / "usr")
    shutil.copyfile(STAGE / "usr/share/applications/stillroom.desktop", STAGE / "stillroom.desktop")
    shutil.copyfile(ICONS / "stillroom-256.png", STAGE / "stillroom.png")
    (STAGE / "AppRun").symlink_to("usr/lib/stillroom/stillroom")


if __name__ == "__main__":
    sys.exit(main())
