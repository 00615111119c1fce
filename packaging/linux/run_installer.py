"""Make dist/stillroom-VERSION-MACHINE.run, which installs for one user: a part of `make installers`."""

import shutil
import subprocess
from pathlib import Path

from environment import ROOT
from linux.architecture import Architecture, architecture
from linux.debian_depends import needed_libraries
from linux.payload import BUNDLE, HERE, version, write_shared_files
from reproducible import release_date, tar_options

STAGE = ROOT / "build" / "run"


def make_run(
    level: int, bundle: Path = BUNDLE, kind: Architecture | None = None, folder: Path = ROOT / "dist"
) -> Path:
    """Make the self-unpacking installer of a bundle, for this computer's processor unless another `kind` is
    named, in a `folder` of the project, compressed with xz at `level`; what it does is install.sh."""
    kind = kind or architecture()
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    shutil.copytree(bundle, STAGE / "stillroom", symlinks=True)
    write_shared_files(STAGE)
    script = STAGE / "install.sh"
    _, glibc = needed_libraries(bundle)
    script.write_text((HERE / "install.sh").read_text("utf-8").replace("@GLIBC@", glibc), "utf-8")
    script.chmod(0o755)
    shutil.copyfile(HERE / "remove_data.sh", STAGE / "remove_data.sh")
    installer = folder / f"stillroom-{version()}-{kind.machine}.run"
    compression = ["--xz", "--complevel", str(level), "--threads", "2"]
    command = ["makeself", *compression, "--nox11", "--sha256", "--quiet"]
    command += ["--tar-extra", " ".join(tar_options()), "--packaging-date", release_date()]
    # It writes its own command line into the file: no folders of this computer.
    command += [str(path.relative_to(ROOT)) for path in (STAGE, installer)]
    subprocess.run([*command, "Stillroom", "./install.sh"], check=True, cwd=ROOT)
    return installer
