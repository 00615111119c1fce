"""Write release.json, which `stillroom update` reads.

    packaging/release/write_release_feed.py VERSION NOTES FOLDER

FOLDER holds the release's files; publish.py signs what comes out.
"""

import hashlib
import json
import sys
from pathlib import Path

KINDS = {
    "_amd64.deb": "linux-deb",
    "-x86_64.run": "linux-run",
    "_arm64.deb": "linux-aarch64-deb",
    "-aarch64.run": "linux-aarch64-run",
    "-setup.exe": "windows-setup",
}
"""By the end of a file's name, for whom it is: app/update/release_feed.py asks so."""


def main() -> int:
    """Name each installer with its size and sha256."""
    write_feed(sys.argv[1], Path(sys.argv[2]).read_text("utf-8"), Path(sys.argv[3]))
    return 0


def write_feed(tag: str, notes: str, folder: Path) -> Path:
    """The file, in the folder of the release."""
    installers = [
        {
            "kind": kind,
            "name": path.name,
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for ending, kind in KINDS.items()
        for path in sorted(folder.glob(f"*{ending}"))
    ]
    feed = {"version": tag.removeprefix("v"), "notes": notes.strip(), "files": installers}
    path = folder / "release.json"
    path.write_text(json.dumps(feed, indent=1) + "\n", "utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
