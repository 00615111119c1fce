import pytest

from app.code.mentions import MOST_FILES, mentions, typed_mention, written_mention


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("Compare @a.py with @src/b.py.", [("a.py",), ("src/b.py.", "src/b.py")]),
        ('Why does @"my file.py" fail?', [("my file.py",)]),
        ("@a.py @a.py", [("a.py",)]),
        ("看看@a.py。", [("a.py。", "a.py")]),
        ("@a.py有什么问题", [("a.py有什么问题", "a.py")]),
        ("看看 @a.py。", [("a.py。", "a.py")]),
        ("(@a.py)", [("a.py)", "a.py")]),
        ("me@example.org and a@b", []),
        ("@ and @@x and .@y", []),
        ("What does @property do?", [("property",)]),
        ("", []),
    ],
)
def test_names_are_found_in_words(words: str, names: list[tuple[str, ...]]) -> None:
    assert mentions(words) == names


def test_so_many_names_are_enough() -> None:
    assert len(mentions(" ".join(f"@{number}.py" for number in range(99)))) == MOST_FILES


@pytest.mark.parametrize(
    ("before", "typed"),
    [
        ("Compare @", (8, "")),
        ("Compare @src/m", (8, "src/m")),
        ('Compare @"my fi', (8, "my fi")),
        ("Compare @src/m ", None),
        ("me@exam", None),
        ("", None),
    ],
)
def test_a_name_that_is_being_typed_is_known(before: str, typed: tuple[int, str] | None) -> None:
    assert typed_mention(before) == typed


@pytest.mark.parametrize("name", ["a.py", "src/b.py", "my file.py", "odd.", "a@b", "名字.py", "x)"])
def test_what_is_written_is_found_again(name: str) -> None:
    assert mentions(f"See {written_mention(name)} there")[0][0] == name
