"""Make dist/stillroom-VERSION-setup.exe: `packaging/windows/installer.py [--sign COMMAND]`.

NSIS runs on Windows and on Linux. On Linux only a stand-in can be packed: PyInstaller does not cross-build.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT, install_system_packages
from linux.payload import version

HERE = Path(__file__).parent


def main() -> int:
    """Compile the installer; prints its size."""
    parser = argparse.ArgumentParser(description="Make the installer for Windows.")
    parser.add_argument(
        "--payload", type=Path, default=ROOT / "dist" / "stillroom", help="the bundle's folder"
    )
    parser.add_argument("--output", type=Path, help="the installer's file")
    parser.add_argument("--version", default=version(), help="what it calls itself (default: %(default)s)")
    parser.add_argument("--sign", default="", help="command that signs the file whose name follows it")
    options = parser.parse_args()
    output = options.output or ROOT / "dist" / f"stillroom-{options.version}-setup.exe"
    try:
        make_setup(options.payload, output, options.version, options.sign)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"makensis failed with status {error.returncode}") from error
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
    return 0


def make_setup(payload: Path, output: Path, name: str, sign: str = "") -> None:
    """Compile stillroom.nsi around the files of `payload`; a warning is an error."""
    if shutil.which("makensis") is None:
        install_system_packages(["nsis"])
    if not (payload / "stillroomw.exe").exists():
        raise SystemExit(f"{payload} is no bundle for Windows: it has no stillroomw.exe")
    output.parent.mkdir(parents=True, exist_ok=True)
    defines = {
        "VERSION": name,
        "PAYLOAD": payload.resolve(),
        "OUTPUT": output.resolve(),
        "ICON": ROOT / "resources" / "icons" / "stillroom.ico",
        "LICENCE": ROOT / "LICENSE",
        **({"SIGN": sign} if sign else {}),
    }
    flags = [f"-D{key}={value}" for key, value in defines.items()]
    subprocess.run(["makensis", "-V2", "-WX", *flags, str(HERE / "stillroom.nsi")], check=True)


if __name__ == "__main__":
    sys.exit(main())
