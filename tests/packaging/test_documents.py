"""The documents name files that are there, and rooms stay small enough to be seen at a glance."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PLACES = ("app/", "models/", "converters/", "resources/", "packaging/", "tests/", "docs/")
ELSEWHERE = {"resources/cuda_back_end.json", "convert_hf_to_gguf.py", "convert_lora_to_gguf.py"}
"""Made for a release, and llama.cpp's own tools."""

MOST_MODULES = 25


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_files_that_a_document_names_are_there(document: Path) -> None:
    named = re.findall(r"`([\w./*-]+)", document.read_text())
    missing = [
        name
        for name in named
        if name.startswith(PLACES)
        and name not in ELSEWHERE
        and not any(mark in name for mark in "*<…")
        and not (ROOT / name).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_module_that_a_document_names_without_its_room_is_there(document: Path) -> None:
    modules = {
        path.name
        for place in ("app", "models", "converters", "packaging", "tests")
        for path in (ROOT / place).rglob("*.py")
    }
    named = re.findall(r"`([a-z_]+\.py)`", document.read_text())
    assert [name for name in named if name not in modules | ELSEWHERE] == []


def test_the_programs_that_tests_look_for_are_in_the_list_of_packages() -> None:
    text = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    tuples = re.findall(r"which\(name\) is None for name in \(([^)]*)\)", text)
    looked_for = set(re.findall(r'which\("([^"]+)"', text)) | set(re.findall(r'"([^"]+)"', ",".join(tuples)))
    assert {"weston", "qemu-aarch64", "appstreamcli"} <= looked_for
    table = (ROOT / "docs" / "packaging.md").read_text("utf-8")
    listed = set(re.findall(r"`([^`]+)`", table.partition("| packages |")[2].partition("\n\n")[0]))
    assert looked_for - listed == set()


def test_where_to_start_has_a_line_for_each_of_the_usual_changes() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("| to change | open |")[2]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) >= 40
    assert all("`" in row for row in rows)


def test_no_room_has_more_modules_than_are_seen_at_a_glance() -> None:
    rooms = [
        folder
        for place in ("app", "models", "converters")
        for folder in (ROOT / place).rglob("*")
        if folder.is_dir()
    ]
    too_many = {
        str(folder.relative_to(ROOT)): count
        for folder in rooms
        if (count := sum(path.name != "__init__.py" for path in folder.glob("*.py"))) > MOST_MODULES
    }
    assert too_many == {}


def test_no_docstring_of_a_test_begins_as_a_question() -> None:
    """They begin with a verb or name the thing: who looks for it reads the first word."""
    begins = re.compile(r'^\s*"""(?:What|Whether|How)\b', re.MULTILINE)
    found = [path for path in (ROOT / "tests").rglob("*.py") if begins.search(path.read_text("utf-8"))]
    assert [path.relative_to(ROOT).as_posix() for path in found] == []
