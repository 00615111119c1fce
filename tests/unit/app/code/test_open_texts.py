from pathlib import Path

import msgspec
import pytest

from app.code.draft import Draft, DraftFile
from app.code.open_texts import OpenTexts, TextsFolder


@pytest.fixture
def folder(tmp_path: Path) -> TextsFolder:
    return TextsFolder(tmp_path)


def keep(folder: TextsFolder, number: int, text: str | None, path: str = "") -> None:
    DraftFile(folder.draft(number)).save(Draft(text=text, path=path))


def test_the_list_comes_back_in_its_order(folder: TextsFolder) -> None:
    for number in (1, 2, 7):
        keep(folder, number, "x")
    texts = OpenTexts(numbers=(7, 1, 2), current=1, parked={"/a.py": 4}, folder="/a")
    folder.save(texts)

    assert folder.load() == texts


def test_what_was_kept_before_there_was_a_list_is_the_first_text(folder: TextsFolder, tmp_path: Path) -> None:
    assert folder.load() == OpenTexts()
    keep(folder, 1, "x")
    assert (tmp_path / "code-draft.json").exists()

    assert folder.load() == OpenTexts(numbers=(1,), current=1)


def test_an_unsaved_text_that_the_list_does_not_name_is_there(folder: TextsFolder) -> None:
    keep(folder, 1, "x")
    keep(folder, 3, "typed just before the end")
    keep(folder, 4, None, "/a.py")
    folder.save(OpenTexts(numbers=(1,), current=1))

    assert folder.load().numbers == (1, 3)


def test_a_damaged_list_costs_no_text(folder: TextsFolder, tmp_path: Path) -> None:
    keep(folder, 1, "x")
    keep(folder, 5, None, "/a.py")
    (tmp_path / "code-files.json").write_text("{")

    assert folder.load().numbers == (1, 5)


def test_a_text_that_is_gone_is_not_named(folder: TextsFolder) -> None:
    keep(folder, 2, "x")
    folder.save(OpenTexts(numbers=(1, 2), current=1, parked={"/b.py": 2}))

    kept = folder.load()
    assert (kept.numbers, kept.parked) == ((2,), {})


def test_numbers_of_tests_and_set_aside_files_are_not_given_again(
    folder: TextsFolder, tmp_path: Path
) -> None:
    assert folder.free_number() == 1
    DraftFile(folder.tests(6)).save(Draft(text="assert True"))
    (tmp_path / "code-draft-9.damaged-20260101-000000.json").write_text("{")

    assert folder.free_number() == 7


def test_values_of_a_later_version_are_read(tmp_path: Path) -> None:
    folder = TextsFolder(tmp_path)
    keep(folder, 1, "x")
    (tmp_path / "code-files.json").write_bytes(msgspec.json.encode({"numbers": [1], "current": 1, "new": 2}))

    assert folder.load().numbers == (1,)
