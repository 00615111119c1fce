"""Pages and headings of passages."""

import pytest

from app.chat.documents.places import Place, place_of, without_heading
from app.chat.documents.retrieval import Passage

TEXT = "# Travel #\n\nTrains.\n\n```\n# not one\n```\n\fHotels.\n## Lisbon\nA room.\f# Meals\nBread and wine."


def place(words: str, name: str = "handbook.md") -> Place:
    start = TEXT.index(words)
    return place_of(name, TEXT, Passage(0, start, start + len(words)))


def test_a_passage_stands_on_its_page_below_its_heading() -> None:
    assert place("Trains.") == Place(1, 1, "Travel")
    assert place("# Travel") == Place(1, 1, "Travel")
    assert place("Hotels.") == Place(2, 2, "Travel")
    assert place("A room.") == Place(2, 2, "Lisbon")
    assert place("Bread") == Place(3, 3, "Meals")
    assert place("A room.\f# Meals") == Place(2, 3, "Lisbon")


def test_blanks_around_a_passage_are_on_no_page() -> None:
    assert place("\fHotels.\n") == Place(2, 2, "Travel")
    assert place("A room.\f") == Place(2, 2, "Lisbon")


def test_a_passage_above_all_headings_has_its_own_first_one() -> None:
    assert place_of("a.md", "words\n# One\n# Two\nmore", Passage(0, 0, 17)).heading == "One"
    assert place_of("a.md", "words\nmore\n# Later", Passage(0, 0, 9)).heading == ""


def test_in_code_a_line_with_a_hash_is_a_comment() -> None:
    assert place("A room.", "handbook.py") == Place(2, 2, "")
    assert place("A room.", "PAPER.PDF").heading == "Lisbon"


def test_a_document_without_pages_has_no_page() -> None:
    assert place_of("a.txt", "only words", Passage(0, 0, 4)) == Place()


@pytest.mark.parametrize("text", ["```\n" + "# no\n" * 100_000, "#no\n" * 100_000, "\f" * 100_000])
def test_a_hostile_document_takes_no_time(text: str) -> None:
    passage = Passage(0, len(text) - 1000, len(text))
    assert place_of("a.md", text, passage).heading == ""


def test_a_passage_without_the_heading_that_it_begins_with() -> None:
    assert without_heading("\n## Lisbon\nA room.").strip() == "A room."
    assert without_heading("A room.\n## Next") == "A room.\n## Next"
