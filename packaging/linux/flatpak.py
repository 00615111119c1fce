"""Write build/flatpak/io.github.stillroom.Stillroom.json, flatpak-builder's recipe around dist/stillroom.

The program is the bundle of the other installers: the freedesktop runtime adds a newer glibc and the drivers.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT
from linux.payload import BUNDLE, write_shared_files

APP_ID = "io.github.stillroom.Stillroom"
FOLDER = ROOT / "build" / "flatpak"
PERMISSIONS = (
    "--share=network",  # downloads
    "--share=ipc",
    "--socket=wayland",
    "--socket=fallback-x11",
    "--device=dri",
    "--talk-name=org.freedesktop.secrets",  # where a token is kept
)


def main() -> int:
    """Write the recipe and the files for the desktop beside it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_shared_files(FOLDER)
    (FOLDER / f"{APP_ID}.json").write_text(json.dumps(recipe(), indent=2) + "\n")
    return 0


def recipe() -> dict[str, Any]:
    """https://docs.flatpak.org/en/latest/manifests.html"""
    commands = [
        "mkdir -p /app/lib /app/bin",
        "cp -a stillroom /app/lib/stillroom",
        "ln -s /app/lib/stillroom/stillroom /app/bin/stillroom",
        "cp -a share /app/share",
    ]
    return {
        "id": APP_ID,
        "runtime": "org.freedesktop.Platform",
        "runtime-version": "24.08",
        "sdk": "org.freedesktop.Sdk",
        "command": "stillroom",
        # Flatpak wants the application's id as the name of what the desktop reads.
        "rename-desktop-file": "stillroom.desktop",
        "rename-icon": "stillroom",
        "rename-appdata-file": "stillroom.metainfo.xml",
        "rename-mime-file": "stillroom.xml",
        "finish-args": list(PERMISSIONS),
        "modules": [
            {
                "name": "stillroom",
                "buildsystem": "simple",
                # Its libraries are stripped already.
                "build-options": {"no-debuginfo": True, "strip": False},
                "build-commands": commands,
                "sources": [
                    {"type": "dir", "path": str(BUNDLE), "dest": "stillroom"},
                    {"type": "dir", "path": str(FOLDER / "share"), "dest": "share"},
                ],
            }
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
