"""Pack dist/stillroom as it is, for those who want no installer: a .tar.xz on Linux, a .zip on Windows.

The same bundle makes the same file: names in order, one time, no owners.
"""

import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from linux.architecture import architecture
from linux.payload import BUNDLE, version
from reproducible import source_date_epoch, tar_options


def main() -> int:
    """Pack it; prints the file with its size."""
    made = make_zip(BUNDLE) if os.name == "nt" else make_tar(BUNDLE)
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")
    return 0


def make_tar(bundle: Path) -> Path:
    """The archive, beside the bundle; links stay links."""
    archive = bundle.with_name(f"stillroom-{version()}-linux-{architecture().machine}.tar.xz")
    command = ["tar", "-C", str(bundle.parent), *tar_options(), "-cJf", str(archive), bundle.name]
    subprocess.run(command, check=True, env=os.environ | {"XZ_OPT": "-9 -T2"})
    return archive


def make_zip(bundle: Path) -> Path:
    """The archive, beside the bundle."""
    archive = bundle.with_name(f"stillroom-{version()}-windows-x86_64.zip")
    time = datetime.fromtimestamp(source_date_epoch(), UTC).timetuple()[:6]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(bundle.parent).as_posix(), time)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, path.read_bytes())
    return archive


if __name__ == "__main__":
    sys.exit(main())
