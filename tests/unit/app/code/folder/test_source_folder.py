import os
import sys
import time
from pathlib import Path

import pytest

from app.code.folder import source_folder
from app.code.folder.source_folder import FileIndex, OutsideFolderError, SourceFolder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path in (
        "src/app/main.py",
        "src/util.py",
        "build/out.o",
        "README.md",
        "src/app/.gitignore",
        "Zed.py",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")
    (root / ".gitignore").write_text("build/\n*.log\n")
    (root / "src/app/.gitignore").write_text("secret.py\n!kept.log\n")
    for name in ("secret.py", "kept.log", "other.log"):
        (root / "src/app" / name).write_text("x")
    return root


def names(folder: SourceFolder, path: str = "") -> list[str]:
    return [entry.name for entry in folder.list_folder(path).entries]


def test_a_folder_is_listed_without_what_is_ignored(root: Path) -> None:
    folder = SourceFolder(root)

    assert names(folder) == ["src", ".gitignore", "README.md", "Zed.py"]
    src = folder.list_folder("src", folder.list_folder().scope)
    app = folder.list_folder("src/app", src.scope)
    assert [entry.path for entry in app.entries] == [
        "src/app/.gitignore",
        "src/app/kept.log",
        "src/app/main.py",
    ]


def test_the_index_has_the_files_near_to_the_top_first(root: Path) -> None:
    assert SourceFolder(root).index() == FileIndex(
        (
            ".gitignore",
            "README.md",
            "Zed.py",
            "src/util.py",
            "src/app/.gitignore",
            "src/app/kept.log",
            "src/app/main.py",
        )
    )


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_links_lead_nowhere_else(root: Path, tmp_path: Path) -> None:
    (tmp_path / "private.txt").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (root / "out.txt").symlink_to(tmp_path / "private.txt")
    (root / "in.py").symlink_to("src/util.py")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "gone").symlink_to("nothing")
    (root / "there").symlink_to(tmp_path / "elsewhere")
    folder = SourceFolder(root)

    kinds = {entry.name: entry.kind for entry in folder.list_folder().entries}
    assert kinds["out.txt"] == "outside"
    assert kinds["in.py"] == "file"
    assert kinds["up"] == kinds["there"] == "link"
    assert "loop" not in kinds
    assert "gone" not in kinds
    assert folder.file("in.py") == (root / "src/util.py").resolve()
    for path in ("out.txt", "up/private.txt", "../private.txt", str(tmp_path / "private.txt")):
        with pytest.raises(OutsideFolderError):
            folder.file(path)
    assert not any("out.txt" in path or path.startswith(("up", "there")) for path in folder.index().paths)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders there")
def test_pipes_are_not_there_and_names_of_control_characters_are_not_found(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    (root / "src" / ".gitignore").unlink(missing_ok=True)
    os.mkfifo(root / "src" / ".gitignore")
    (root / "a\nb\x1b[31m.py").write_text("x")
    (root / os.fsdecode(b"\xff\xfe.py")).write_text("x")
    folder = SourceFolder(root)

    listed = names(folder)
    assert "pipe.py" not in listed
    assert "a\nb\x1b[31m.py" in listed
    assert names(folder, "src") == ["app", "util.py"]
    assert all(path.isprintable() for path in folder.index().paths)


def test_of_very_many_names_the_first_are_there_and_it_is_said(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        (root / "src" / f"{number:03}.py").write_text("")
    monkeypatch.setattr(source_folder, "MOST_SHOWN", 20)
    listing = SourceFolder(root).list_folder("src")
    assert (len(listing.entries), listing.has_more) == (20, True)
    assert [entry.name for entry in listing.entries][:2] == ["app", "000.py"]

    monkeypatch.setattr(source_folder, "MOST_FILES", 30)
    index = SourceFolder(root).index()
    assert (len(index.paths), index.is_whole) == (30, False)


def test_an_index_ends_in_time_and_when_it_is_stopped(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not SourceFolder(root).index(lambda: True).is_whole
    monkeypatch.setattr(source_folder, "INDEX_S", -1.0)
    assert SourceFolder(root).index() == FileIndex((), is_whole=False)


def test_a_deep_folder_is_followed_so_far(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_folder, "MOST_DEPTH", 1)
    assert "src/app/main.py" not in SourceFolder(root).index().paths
    assert "src/util.py" in SourceFolder(root).index().paths


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_a_million_files_take_no_longer_than_promised(tmp_path: Path) -> None:
    count = int(os.environ.get("STILLROOM_MANY_FILES", "1000000"))
    for number in range(count):
        (tmp_path / f"{number}.py").touch()
    folder = SourceFolder(tmp_path)
    began_s = time.monotonic()
    listing = folder.list_folder()
    listed_s = time.monotonic() - began_s
    index = folder.index()
    indexed_s = time.monotonic() - began_s - listed_s
    print(f"{count} files: listed in {listed_s:.2f} s, searched in {indexed_s:.2f} s")
    assert listing.has_more
    assert not index.is_whole
    assert listed_s < 10
    assert indexed_s < 4 * source_folder.INDEX_S
