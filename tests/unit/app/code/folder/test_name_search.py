from app.code.folder.name_search import names_with

PATHS = ["tests/test_main.py", "src/main.py", "main/readme.md", "src/domain.py", "a/b/c.txt"]


def test_names_come_before_folders_and_beginnings_first() -> None:
    assert names_with(PATHS, "main", 9) == [
        "src/main.py",
        "src/domain.py",
        "tests/test_main.py",
        "main/readme.md",
    ]


def test_every_word_must_be_there_in_any_case() -> None:
    assert names_with(PATHS, "MAIN tests", 9) == ["tests/test_main.py"]
    assert names_with(PATHS, "b\\c", 9) == ["a/b/c.txt"]


def test_no_more_than_wanted() -> None:
    assert len(names_with(PATHS, "a", 2)) == 2
    assert names_with(PATHS, " ", 2) == PATHS[:2]
