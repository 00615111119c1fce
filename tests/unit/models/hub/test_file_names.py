import pytest

from models.hub.file_names import is_unsafe, unusable_names
from models.system.shown_text import shown


@pytest.mark.parametrize(
    "name",
    ["", "..", "/a", "a/../b", "a//b", "./a", "a\\b", "C:a", "a\nb", "a\x1b[31m", "a\u202eb", "x" * 241],
)  # fmt: skip
def test_an_unsafe_name(name: str) -> None:
    assert is_unsafe(name)


@pytest.mark.parametrize(
    "name", ["config.json", "onnx/model.onnx", "Modèle v1.5 (é).gguf", "a..b", "图.gguf"]
)
def test_an_ordinary_name(name: str) -> None:
    assert not is_unsafe(name)
    assert not unusable_names([name])


@pytest.mark.parametrize("name", ["CON", "nul.txt", "a/Com1.gguf", "lpt² .x", "a.", "a /b", "conout$"])
def test_a_name_that_windows_does_not_store(name: str) -> None:
    assert unusable_names([name]) == [name]


def test_names_that_differ_in_case_or_in_composition_alone() -> None:
    assert unusable_names(["a.gguf", "b.gguf", "A.GGUF"]) == ["A.GGUF"]
    assert unusable_names(["é", "e\u0301"]) == ["e\u0301"]


def test_a_shown_text_is_one_short_line() -> None:
    assert shown("a\x1b[31m\u202eb\nc") == "a·[31m·b c"
    assert shown("x" * 5000 + "end") == "x" * 39 + "…" + "x" * 37 + "end"
    assert len(shown("x" * 5000, 20)) == 20
    assert shown("图 é") == "图 é"
