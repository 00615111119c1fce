"""Put what a release has for Windows into dist: `packaging/release/finish_windows.py SETUP`.

SETUP is the finished installer. It gets its version's name; the bundle's archive and the list of parts come
beside it.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT
from linux.payload import BUNDLE, version
from parts_list import write_parts_list
from release.archive_bundle import make_zip


def main() -> int:
    """Make them; prints each with its size."""
    dist = ROOT / "dist"
    setup = dist / f"stillroom-{version()}-setup.exe"
    shutil.copyfile(sys.argv[1], setup)
    for made in (setup, make_zip(BUNDLE), write_parts_list(BUNDLE, dist, f"{version()}-windows")):
        print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
