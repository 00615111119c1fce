"""Make the .deb, the .run, the list of parts and the checksums in dist: `make installers`.

As root the bundle is first made in Debian 12 (release_bundle.py), so that the result runs there too;
`--bundle-as-is` packs dist/stillroom as it is.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT, install_system_packages
from linux.architecture import architecture
from linux.deb import make_deb
from linux.debian import PROGRAMS_PATH
from linux.payload import BUNDLE, version
from linux.release_bundle import build, releases_debian
from linux.run_installer import make_run
from parts_list import write_parts_list
from reproducible import pin_time

PROGRAMS = {"debootstrap": "debootstrap", "makeself": "makeself", "dpkg-deb": "dpkg", "objdump": "binutils"}


def main() -> int:
    """Make them; prints the size of each."""
    parser = argparse.ArgumentParser(description="Make the installers for Linux.")
    parser.add_argument("--bundle-as-is", action="store_true", help="pack dist/stillroom as it is")
    parser.add_argument("--quick", action="store_true", help="compress little, to try things out")
    options = parser.parse_args()
    level = 1 if options.quick else 9
    pin_time()
    try:
        install_system_packages(
            [
                package
                for program, package in PROGRAMS.items()
                if shutil.which(program, path=PROGRAMS_PATH) is None
            ]
        )
        if not options.bundle_as_is:
            build(releases_debian())
        parts = write_parts_list(BUNDLE, ROOT / "dist", f"{version()}{architecture().parts_list}")
        made = [make_deb(level), make_run(level), parts]
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"This failed with status {error.returncode}: {error.cmd}") from error
    for file in made:
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in made)
    (ROOT / "dist" / "SHA256SUMS-linux").write_text(sums)
    return 0


if __name__ == "__main__":
    sys.exit(main())
