"""Write build/flatpak/io.github.stillroom.Stillroom.json, flatpak-builder's recipe around dist/stillroom.

The program is the bundle of the other installers: the freedesktop runtime adds a newer glibc and the drivers.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT
from linux.payload import BUNDLE, write_shared_files
from reproducible import pin_time

APP_ID = "io.github.stillroom.Stillroom"
# Supported until September 2027: https://endoflife.date/freedesktop-sdk
RUNTIME = "25.08"
FLATHUB = "https://dl.flathub.org/repo/flathub.flatpakrepo"
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
    """Write the recipe and the files for the desktop beside it; with `--build` make the Flatpak of it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_shared_files(FOLDER)
    recipe_file = FOLDER / f"{APP_ID}.json"
    recipe_file.write_text(json.dumps(recipe(), indent=2) + "\n")
    if sys.argv[1:] == ["--build"]:
        pin_time()
        repository, made = FOLDER / "repository", ROOT / "dist" / "stillroom-x86_64.flatpak"
        options = ["--user", "--install-deps-from=flathub", "--force-clean", f"--repo={repository}"]
        for command in (
            ["flatpak", "remote-add", "--user", "--if-not-exists", "flathub", FLATHUB],
            ["flatpak-builder", *options, str(FOLDER / "made"), str(recipe_file)],
            ["flatpak", "build-bundle", str(repository), str(made), APP_ID],
        ):
            subprocess.run(command, check=True)
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
        "runtime-version": RUNTIME,
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
