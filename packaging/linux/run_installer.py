"""Make dist/stillroom-VERSION-MACHINE.run, which installs for one user: a part of `make installers`."""

import shutil
import subprocess
from pathlib import Path

from environment import ROOT
from linux.architecture import architecture
from linux.debian_depends import needed_libraries
from linux.payload import BUNDLE, HERE, version, write_shared_files
from reproducible import release_date, tar_options

STAGE = ROOT / "build" / "run"


def make_run(level: int) -> Path:
    """The self-unpacking installer, in dist, compressed with xz at `level`; what it does is install.sh."""
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    shutil.copytree(BUNDLE, STAGE / "stillroom", symlinks=True)
    write_shared_files(STAGE)
    script = STAGE / "install.sh"
    _, glibc = needed_libraries(BUNDLE)
    script.write_text((HERE / "install.sh").read_text("utf-8").replace("@GLIBC@", glibc), "utf-8")
    script.chmod(0o755)
    shutil.copyfile(HERE / "remove_data.sh", STAGE / "remove_data.sh")
    installer = ROOT / "dist" / f"stillroom-{version()}-{architecture().machine}.run"
    compression = ["--xz", "--complevel", str(level), "--threads", "2"]
    command = ["makeself", *compression, "--nox11", "--sha256", "--quiet"]
    command += ["--tar-extra", " ".join(tar_options()), "--packaging-date", release_date()]
    # It writes its own command line into the file: no folders of this computer.
    command += [str(path.relative_to(ROOT)) for path in (STAGE, installer)]
    subprocess.run([*command, "Stillroom", "./install.sh"], check=True, cwd=ROOT)
    return installer
