"""Make dist/stillroom_VERSION_ARCHITECTURE.deb from dist/stillroom: a part of `make installers`.

What it depends on is in `debian_depends.py`.
"""

import os
import shutil
import subprocess
from pathlib import Path

from environment import ROOT
from linux.architecture import Architecture, architecture
from linux.debian_depends import depends
from linux.payload import BUNDLE, HERE, version, write_documents, write_shared_files
from reproducible import set_times

STAGE = ROOT / "build" / "deb"

CONTROL = """\
Package: stillroom
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {kibibytes}
Depends: {depends}
Recommends: libvulkan1, xdg-utils
Suggests: mesa-vulkan-drivers, fonts-noto-cjk, gnome-keyring | kwalletmanager
Section: science
Priority: optional
Description: DeepSeek-R1 distilled models on your own computer
 Stillroom downloads the original weights of DeepSeek-R1's distilled models,
 converts and quantises them, and runs them with llama.cpp, on the graphics
 card where there is one. Chat, code and benchmark pages sit beside a live
 panel of memory and tokens per second. Nothing leaves the computer except
 the download that was asked for.
 .
 Removing the package leaves every user's models and chats alone; before it,
 "sh /usr/lib/stillroom/remove_data.sh" offers to delete one's own.
"""


def make_deb(
    level: int, bundle: Path = BUNDLE, kind: Architecture | None = None, folder: Path = ROOT / "dist"
) -> Path:
    """The package of a bundle, for this computer's processor unless another `kind` is named, compressed with
    xz at `level`.

    Nothing runs when it is installed or removed: dpkg's own triggers of the menu, the icons and the file
    types do what is needed.
    """
    kind = kind or architecture()
    shutil.rmtree(STAGE, ignore_errors=True)
    program = STAGE / "usr" / "lib" / "stillroom"
    program.parent.mkdir(parents=True)
    shutil.copytree(bundle, program, symlinks=True)
    # Removing a package touches nobody's home; each user can do so before, or not.
    shutil.copyfile(HERE / "remove_data.sh", program / "remove_data.sh")
    write_shared_files(STAGE / "usr")
    write_documents(STAGE / "usr" / "share" / "doc" / "stillroom")
    (STAGE / "usr" / "bin").mkdir()
    (STAGE / "usr" / "bin" / "stillroom").symlink_to("../lib/stillroom/stillroom")
    size_bytes = 0
    for path in [STAGE, *STAGE.rglob("*")]:
        if path.is_symlink():
            continue
        if path.is_dir():
            path.chmod(0o755)
        else:
            # Libraries need no x bit; PyInstaller keeps whatever the wheel had.
            path.chmod(0o755 if path == program / "stillroom" else 0o644)
            size_bytes += path.stat().st_size
    control = CONTROL.format(
        version=version(),
        architecture=kind.debian,
        maintainer=os.environ.get("STILLROOM_MAINTAINER", "The Stillroom developers <stillroom@localhost>"),
        kibibytes=size_bytes // 1024,
        depends=", ".join(depends(bundle)),
    )
    (STAGE / "DEBIAN").mkdir()
    (STAGE / "DEBIAN" / "control").write_text(control, "utf-8")
    set_times(STAGE)
    package = folder / f"stillroom_{version()}_{kind.debian}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", f"-z{level}", "--build", str(STAGE), str(package)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"XZ_OPT": "-T2"})
    return package
