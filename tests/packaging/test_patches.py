"""Our changes to llama.cpp: strictly applied, or the build ends with a sentence; moved to another version by
a three-way merge. A made-up source of a few files stands for llama-cpp-python's."""

import difflib
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from engine import patch_series  # type: ignore[import-not-found]  # noqa: E402 - scripts
from engine.move_patches import move  # type: ignore[import-not-found]  # noqa: E402
from environment import pinned  # type: ignore[import-not-found]  # noqa: E402

SUM, PRODUCT = "vendor/llama.cpp/src/sum.c", "vendor/llama.cpp/src/product.c"
GONE = "vendor/llama.cpp/src/gone.c"
LINES = [f"line {number}\n" for number in range(1, 31)]
HEADER = """Subject: Add faster
Reason: it is slow as it comes
 in many places.
For: llama-cpp-python 1.0, llama.cpp aaaaaaa
Gain: 1 instead of 2
Upstream: could go there
"""


def source(folder: Path, version: str, commit: str, files: dict[str, list[str]]) -> Path:
    """A folder shaped like an unpacked archive of llama-cpp-python, which brings a repository along."""
    tree = folder / f"llama_cpp_python-{version}"
    about = {
        "llama_cpp/__init__.py": [f'__version__ = "{version}"\n'],
        "CHANGELOG.md": [f"## [{version}]\n", f"- feat: update llama.cpp to ggml-org/llama.cpp@{commit}\n"],
        ".git/HEAD": ["0\n"],
        "vendor/llama.cpp/.git": ["gitdir: ../../.git/modules/vendor/llama.cpp\n"],
        ".gitignore": ["vendor/\n"],
    }
    for name, lines in (about | files).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes("".join(lines).encode())
    return tree


def changed(lines: list[str], number: int, text: str) -> list[str]:
    """The same lines with another one in the place of line `number`."""
    return [*lines[: number - 1], f"{text}\n", *lines[number:]]


def patch(folder: Path, name: str, place: str, number: int, header: str = HEADER) -> None:
    """One that changes a line of a file of `LINES`, at the end of the series."""
    new = changed(LINES, number, f"faster {number}")
    lines = difflib.unified_diff(LINES, new, f"a/{place}", f"b/{place}")
    difference = f"diff --git a/{place} b/{place}\n" + "".join(lines)
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(f"{header}\n{difference}".encode())
    with (folder / "series").open("a", encoding="utf-8") as series:
        series.write(f"{name}\n")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return source(tmp_path / "old", "1.0", "aaaaaaa", {SUM: LINES, PRODUCT: LINES})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three patches, two of one file; the first adds a file of ours."""
    folder = tmp_path / "patches"
    place = "vendor/llama.cpp/src/faster.c"
    patch(folder, "0001-sum.patch", SUM, 5, f"{HEADER}Adds: {place}\n")
    patch(folder, "0002-sum-again.patch", SUM, 20)
    patch(folder, "0003-product.patch", PRODUCT, 10)
    (folder / "faster.c").write_text("int faster;\n")
    return folder


def text(tree: Path, place: str) -> list[str]:
    return (tree / place).read_text().splitlines(keepends=True)


def test_all_are_made_and_our_files_are_put_beside(old: Path, folder: Path) -> None:
    patch_series.apply_series(old, "1.0", folder)
    assert text(old, SUM) == changed(changed(LINES, 5, "faster 5"), 20, "faster 20")
    assert text(old, PRODUCT) == changed(LINES, 10, "faster 10")
    assert text(old, "vendor/llama.cpp/src/faster.c") == ["int faster;\n"]


def test_what_does_not_fit_to_the_letter_ends_the_build_and_is_named(old: Path, folder: Path) -> None:
    (old / PRODUCT).write_text("".join(changed(LINES, 8, "otherwise")))
    with pytest.raises(SystemExit) as ended:
        patch_series.apply_series(old, "1.0", folder)
    assert str(ended.value).startswith("0003-product.patch does not fit this llama-cpp-python")
    assert PRODUCT in str(ended.value)
    assert text(old, PRODUCT) == changed(LINES, 8, "otherwise")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("version", "0001-sum.patch is for llama-cpp-python 1.0, and this is 1.1: `make patches`"),
        ("there already", "0001-sum.patch adds vendor/llama.cpp/src/faster.c, which llama-cpp-python 1.0"),
        ("no versions", "does not say in `For`"),
        ("no difference", "changes nothing"),
    ],
)
def test_other_mistakes_end_it_too(old: Path, folder: Path, wrong: str, said: str) -> None:
    first = folder / "0001-sum.patch"
    if wrong == "there already":
        (old / "vendor/llama.cpp/src/faster.c").write_text("theirs\n")
    elif wrong == "no versions":
        first.write_text(first.read_text().replace("llama.cpp aaaaaaa", ""))
    elif wrong == "no difference":
        first.write_text(HEADER)
    with pytest.raises(SystemExit, match=re.escape(said)):
        patch_series.apply_series(old, "1.1" if wrong == "version" else "1.0", folder)


def test_a_tree_inside_a_repository_and_a_users_settings_change_nothing(
    old: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git would pass over what it takes for files elsewhere, and end lines as on Windows."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    settings = tmp_path / "settings"
    settings.write_text("[core]\n\tautocrlf = true\n[apply]\n\twhitespace = error-all\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    patch_series.apply_series(old, "1.0", folder)
    assert (old / SUM).read_bytes().count(b"\r") == 0
    assert text(old, PRODUCT)[9] == "faster 10\n"


def test_each_is_carried_over_by_a_three_way_merge(
    old: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines above moved, a line of the context changed, and a file has another name and place."""
    product = "vendor/llama.cpp/src/arch/multiply.c"
    files = {SUM: ["new\n"] * 7 + changed(LINES, 23, "otherwise"), product: changed(LINES, 30, "last")}
    new = source(tmp_path / "new", "1.1", "bbbbbbb", files)
    archive = tmp_path / "llama_cpp_python-1.1.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(new, new.name)
    assert move(folder, archive, old) == 0
    assert capsys.readouterr().out.count("is for 1.1 now") == 3
    patch_series.apply_series(new, "1.1", folder)
    assert text(new, SUM)[11] == "faster 5\n"
    assert text(new, SUM)[26] == "faster 20\n"
    assert text(new, product)[9] == "faster 10\n"
    for each in patch_series.read_series(folder):
        assert each.header.startswith(
            "Subject: Add faster\nReason: it is slow as it comes\n in many places.\n"
        )
        assert each.field("For") == "llama-cpp-python 1.1, llama.cpp bbbbbbb"
    # Moved once more to the same place they stay as they are.
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert move(folder, source(tmp_path / "again", "1.1", "bbbbbbb", files)) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == written


def test_what_cannot_be_placed_stays_and_is_said(
    old: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line is another; the same change was made there; our file's name is taken; a file is gone."""
    patch(folder, "0004-product.patch", PRODUCT, 25)
    patch(folder, "0005-gone.patch", GONE, 5)
    (old / GONE).write_text("".join(LINES))
    files = {
        SUM: changed(LINES, 20, "otherwise"),
        PRODUCT: changed(LINES, 10, "faster 10"),
        "vendor/llama.cpp/src/faster.c": ["theirs\n"],
    }
    new = source(tmp_path / "new", "1.1", "bbbbbbb", files)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert move(folder, new, old) == 1
    said = capsys.readouterr().out
    assert "0001-sum.patch: llama-cpp-python 1.1 has vendor/llama.cpp/src/faster.c, too" in said
    assert "0002-sum-again.patch: could not be placed" in said
    assert f"\n{SUM}:\n<<<<<<< HEAD\notherwise\n=======\nfaster 20\n>>>>>>> " in said
    assert f"0005-gone.patch: could not be placed\n{GONE}:\nit is there no more\n" in said
    assert "0003-product.patch: is in 1.1 already: take it out of the series" in said
    assert "0004-product.patch: is for 1.1 now" in said
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"0004-product.patch"}
    with pytest.raises(SystemExit, match=r"0001-sum\.patch is for llama-cpp-python 1\.0"):
        patch_series.apply_series(new, "1.1", folder)


def test_one_that_was_placed_by_hand_only_has_to_fit(
    old: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = source(tmp_path / "new", "1.1", "bbbbbbb", {SUM: changed(LINES, 20, "otherwise"), PRODUCT: LINES})
    assert move(folder, new, old) == 1
    by_hand = folder / "0002-sum-again.patch"
    lines = by_hand.read_text().replace("1.0, llama.cpp aaaaaaa", "1.1, llama.cpp bbbbbbb")
    by_hand.write_text(lines.replace("-line 20", "-otherwise"))
    capsys.readouterr()
    assert move(folder, new) == 0
    patch_series.apply_series(new, "1.1", folder)
    assert text(new, SUM)[19] == "faster 20\n"


def test_the_source_that_they_are_for_is_asked_for(old: Path, folder: Path, tmp_path: Path) -> None:
    new = source(tmp_path / "new", "1.1", "bbbbbbb", {SUM: LINES, PRODUCT: LINES})
    with pytest.raises(SystemExit, match=r"llama_cpp_python-1\.0\.tar\.gz is not there: fetch it"):
        move(folder, new)
    with pytest.raises(SystemExit, match=r"0001-sum\.patch is for 1\.0, and `--from` is 1\.1"):
        move(folder, source(tmp_path / "newer", "1.2", "ccccccc", {SUM: LINES}), new)
    with pytest.raises(SystemExit, match=r"is no source of llama-cpp-python"):
        move(folder, tmp_path, old)


def test_ours_are_numbered_and_say_what_they_are_for() -> None:
    folder = patch_series.PATCHES
    ours = patch_series.read_series(folder)
    assert [each.name for each in ours] == sorted(path.name for path in folder.glob("*.patch"))
    assert [int(each.name[:4]) for each in ours] == list(range(1, len(ours) + 1))
    assert {each.version for each in ours} == {pinned("llama-cpp-python").partition("==")[2]}
    assert len({each.field("For") for each in ours}) == 1
    measured = "".join((ROOT / "docs" / name).read_text() for name in ("measurements.md", "packaging.md"))
    for each in ours:
        assert [name for name in patch_series.FIELDS if not each.field(name)] == []
        figures = re.findall(r"\d+\.\d+|\d{3,}", each.field("Gain"))
        assert [figure for figure in figures if figure not in measured] == []
    added = sorted(place.name for each in ours for place in each.adds)
    assert added == sorted(path.name for path in folder.glob("*.*") if re.search(r"\.(c|cpp|h)$", path.name))
