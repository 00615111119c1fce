"""Make dist/Stillroom-VERSION-x86_64.AppImage from dist/stillroom, with a given appimagetool.

The tool fetches the AppImage runtime, so this belongs to the release workflow; the folder that it packs is
made and can be started anywhere (`--stage-only`, then build/Stillroom.AppDir/AppRun).
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

STAGE = ROOT / "build" / "Stillroom.AppDir"


def main() -> int:
    """Stage and pack."""
    parser = argparse.ArgumentParser(description="Make the AppImage.")
    parser.add_argument("--tool", help="the path of appimagetool")
    parser.add_argument("--stage-only", action="store_true", help="only make the folder that is packed")
    options = parser.parse_args()
    stage()
    if not options.stage_only:
        target = ROOT / "dist" / f"Stillroom-{version()}-x86_64.AppImage"
        # Appended, the tool runs where FUSE is missing too.
        environment = os.environ | {"ARCH": "x86_64", "APPIMAGE_EXTRACT_AND_RUN": "1"}
        subprocess.run([options.tool, "--no-appstream", str(STAGE), str(target)], check=True, env=environment)
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
