"""Make build/engine-env for `make vulkan-test`: like `.venv`, but with the wheel of `make engine`.

Everything but llama.cpp comes from `.venv`. On Debian without any Vulkan driver Mesa's lavapipe is installed,
which computes on the processor: right for testing offload, not for speed.
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.build_engine import FOLDER as ENGINE
from environment import ROOT, install_system_packages

FOLDER = ROOT / "build" / "engine-env"
DRIVERS = (Path("/usr/share/vulkan/icd.d"), Path("/etc/vulkan/icd.d"))


def main() -> int:
    """Make it anew: a matter of seconds. Runs in `.venv`, whose packages the new one borrows."""
    if sys.platform.startswith("linux") and not any(any(place.glob("*.json")) for place in DRIVERS):
        install_system_packages(["mesa-vulkan-drivers"])
    (wheel,) = ENGINE.glob("*.whl")
    venv.create(FOLDER, clear=True, with_pip=False)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(FOLDER)}))
    borrowed = sysconfig.get_path("purelib")
    # addsitedir and not a bare path: it also reads the .pth file of the editable install.
    (own / "borrowed.pth").write_text(f"import site; site.addsitedir({borrowed!r})\n")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(own), str(wheel)]
    subprocess.run(command, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
