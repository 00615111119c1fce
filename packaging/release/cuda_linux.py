"""Make the CUDA back end for Linux where bundles are made: `sudo python packaging/release/cuda_linux.py`.

In the same Debian folder it needs no newer glibc than they do, whatever the computer that it is made on. The
options (`--release`) are those of engine/build_cuda.py, and so is the place of the wheel, build/cuda.
"""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT
from linux.release_bundle import copy_sources, create, handed_on, releases_debian
from reproducible import pin_time

SCRIPT = "packaging/engine/build_cuda.py"


def main() -> int:
    """Make it; what was compiled before in the folder is kept. The status is that of the compilers."""
    debian = releases_debian()
    create(debian)
    source = debian.folder / "src"
    copy_sources(source)
    pin_time()
    script = f"cd /src && python3 {SCRIPT} {shlex.join(sys.argv[1:])}"
    status = subprocess.run(debian.command(script, environment=handed_on()), check=False).returncode
    if status == 0:
        for wheel in source.glob("build/cuda/*/*.whl"):
            target = ROOT / wheel.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(wheel, target)
            print(target)
    return status


if __name__ == "__main__":
    sys.exit(main())
