"""What every Linux installer puts beside the program's folder: menu entry, icons, file type, description."""

import gzip
import shutil
import tomllib
from pathlib import Path

from environment import ROOT
from reproducible import release_date

BUNDLE = ROOT / "dist" / "stillroom"
HERE = Path(__file__).parent
ICONS = ROOT / "resources" / "icons"


def version() -> str:
    """Stillroom's version, from pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def write_shared_files(prefix: Path) -> None:
    """Menu entry, icons, the file type and the AppStream description below `prefix`/share."""
    share = prefix / "share"
    for source, place in (
        (HERE / "stillroom.desktop", "applications"),
        (HERE / "stillroom.metainfo.xml", "metainfo"),
        (HERE / "stillroom.mime.xml", "mime/packages"),
    ):
        target = share / place / source.name.replace(".mime", "")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text("utf-8").replace("@VERSION@", version()).replace("@DATE@", release_date())
        target.write_text(text, "utf-8")
    for picture in sorted(ICONS.glob("stillroom-*.png")):
        size = picture.stem.removeprefix("stillroom-")
        _copy(picture, share / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "stillroom.png")
    _copy(ICONS / "stillroom.svg", share / "icons" / "hicolor" / "scalable" / "apps" / "stillroom.svg")


def write_documents(folder: Path) -> None:
    """Debian's `copyright`, which names where each part's licence lies, and the changelog."""
    folder.mkdir(parents=True, exist_ok=True)
    licence = (ROOT / "LICENSE").read_text("utf-8")
    (folder / "copyright").write_text(
        licence + "\nQt, Python, llama.cpp and the other parts inside keep their own licences: see\n"
        "/usr/lib/stillroom/_internal/*.dist-info and /usr/lib/stillroom/_internal/licences.\n",
        "utf-8",
    )
    # No time stamp inside, so that the same input makes the same package.
    (folder / "changelog.gz").write_bytes(gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), 9, mtime=0))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
