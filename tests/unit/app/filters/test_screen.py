"""A whole request through the rules."""

from pathlib import Path

import pytest

from app.filters.filter_file import FilterFile
from app.filters.rule import FilterRule
from app.filters.screen import screen
from app.filters.verdict import BlockedError


@pytest.fixture
def filters(tmp_path: Path) -> FilterFile:
    made = FilterFile(tmp_path / "filters.json")
    made.keep(
        [
            FilterRule(id="1", name="Number", pattern=r"\d+", action="redact"),
            FilterRule(id="2", name="Word", pattern="word"),
            FilterRule(id="3", name="Never", pattern="never", action="block"),
        ]
    )
    return made


def test_each_text_comes_back_in_its_place(filters: FilterFile) -> None:
    screened = screen(filters, ["a 1", "word", "2 3"])
    assert screened.texts == ("a [removed: Number]", "word", "[removed: Number] [removed: Number]")
    assert screened.found("redact") == {"Number": 3}
    assert screened.found("flag") == {"Word": 1}
    assert screened.newest.texts == ("[removed: Number] [removed: Number]",)
    assert screened.newest.found("redact") == {"Number": 2}
    assert screened.newest.found("flag") == {}


def test_one_blocked_text_blocks_all_and_tells_what_was_found_before(filters: FilterFile) -> None:
    with pytest.raises(BlockedError) as caught:
        screen(filters, ["1", "never", "2"])
    assert [hit.rule for hit in caught.value.hits] == ["Number", "Never"]


def test_without_rules_texts_go_as_they_are(tmp_path: Path) -> None:
    assert screen(FilterFile(tmp_path / "none.json"), ["a\u200b"]).texts == ("a\u200b",)
