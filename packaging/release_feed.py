"""Write release.json, which `stillroom update` reads: `packaging/release_feed.py VERSION NOTES FOLDER`.

FOLDER holds the release's files; the workflow signs what comes out.
"""

import hashlib
import json
import sys
from pathlib import Path

KINDS = {".deb": "linux-deb", ".run": "linux-run", "-setup.exe": "windows-setup"}


def main() -> int:
    """Name each installer with its size and sha256."""
    version, notes, folder = sys.argv[1].removeprefix("v"), Path(sys.argv[2]), Path(sys.argv[3])
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
    feed = {"version": version, "notes": notes.read_text("utf-8").strip(), "files": installers}
    (folder / "release.json").write_text(json.dumps(feed, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
