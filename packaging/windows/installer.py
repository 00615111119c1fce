"""Make dist/stillroom-VERSION-setup.exe: `packaging/windows/installer.py`.

NSIS runs on Windows and on Linux. On Linux only a stand-in can be packed: PyInstaller does not cross-build.
The uninstaller lies inside the installer, and a service signs files only. So where things are signed, NSIS
runs twice: `--keep-uninstaller FILE` keeps the uninstaller, `--uninstaller FILE` packs that file, signed by
then.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import ROOT, install_system_packages
from linux.payload import version
from reproducible import pin_time

HERE = Path(__file__).parent


def main() -> int:
    """Compile the installer; prints its size."""
    parser = argparse.ArgumentParser(description="Make the installer for Windows.")
    parser.add_argument(
        "--payload", type=Path, default=ROOT / "dist" / "stillroom", help="the bundle's folder"
    )
    parser.add_argument("--output", type=Path, help="the installer's file")
    parser.add_argument("--version", default=version(), help="what it calls itself (default: %(default)s)")
    parser.add_argument(
        "--stop-after", default="", help="end at this step of stillroom.nsi, to try what is left"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--keep-uninstaller", type=Path, help="write the uninstaller to this file, too")
    which.add_argument("--uninstaller", type=Path, help="pack this file as the uninstaller")
    options = parser.parse_args()
    pin_time()
    output = options.output or ROOT / "dist" / f"stillroom-{options.version}-setup.exe"
    try:
        finish = ""
        if options.keep_uninstaller:
            options.keep_uninstaller.parent.mkdir(parents=True, exist_ok=True)
            finish = copy_command("%1", str(options.keep_uninstaller.resolve()))
        elif options.uninstaller:
            finish = copy_command(str(options.uninstaller.resolve(strict=True)), "%1")
        make_setup(options.payload, output, options.version, finish, options.stop_after)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"makensis failed with status {error.returncode}") from error
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
    return 0


def copy_command(source: str, target: str) -> str:
    """A command that NSIS runs on the uninstaller (%1) before it packs it."""
    copy = "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])"
    return f'"{sys.executable}" -c "{copy}" "{source}" "{target}"'


def make_setup(payload: Path, output: Path, name: str, finish: str = "", stop_after: str = "") -> None:
    """Compile stillroom.nsi around the files of `payload`; a warning is an error. `finish` is what NSIS does
    with the uninstaller before it packs it."""
    makensis = compiler()
    if not (payload / "stillroomw.exe").exists():
        raise SystemExit(f"{payload} is no bundle for Windows: it has no stillroomw.exe")
    (contents,) = payload.glob("_internal*")
    output.parent.mkdir(parents=True, exist_ok=True)
    defines = {
        "VERSION": name,
        "PAYLOAD": payload.resolve(),
        "CONTENTS": contents.name,
        "OUTPUT": output.resolve(),
        "ICON": ROOT / "resources" / "icons" / "stillroom.ico",
        "LICENCE": ROOT / "LICENSE",
        **({"FINISH_UNINSTALLER": finish} if finish else {}),
        **({"STOP_AFTER": stop_after} if stop_after else {}),
    }
    flags = [f"-D{key}={value}" for key, value in defines.items()]
    subprocess.run([makensis, "-V2", "-WX", *flags, str(HERE / "stillroom.nsi")], check=True)


def compiler() -> str:
    """NSIS's compiler: on the path, where its installer puts it on Windows, or installed where apt is."""
    program = Path(os.environ.get("PROGRAMFILES(X86)", ""), "NSIS", "makensis.exe")
    if found := shutil.which("makensis"):
        return found
    if program.is_file():
        return str(program)
    install_system_packages(["nsis"])
    return "makensis"


if __name__ == "__main__":
    sys.exit(main())
