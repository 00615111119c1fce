"""Lists of names in the window's language."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.base.resource_words import enumerated
from app.ui.shell.language import Languages

OWN_COMMA = {
    "code_text.py": "families of fonts",
    "rich_label.py": "families of fonts",
    "table_label.py": "a reply's own table",
    "server_dialog.py": "what is typed into a field",
    "gguf_metadata_table.py": "values of a file",
}


@pytest.fixture
def languages(qapp: QApplication) -> Iterator[Languages]:
    made = Languages(qapp)
    yield made
    made.choose("en")


def test_names_are_listed_as_the_language_does(languages: Languages) -> None:
    languages.choose("en")
    assert enumerated(["Q4_K_M", "Q8_0"]) == "Q4_K_M, Q8_0"
    languages.choose("zh_CN")
    assert enumerated(["Q4_K_M", "Q8_0"]) == "Q4_K_M、Q8_0"


def test_no_other_list_of_the_window_has_an_english_comma() -> None:
    found = [path.name for path in Path("app/ui").rglob("*.py") if '", ".join(' in path.read_text("utf-8")]
    assert sorted(found) == sorted(OWN_COMMA)
