"""A question with documents, as it goes to the model."""

from app.chat.documents.retrieval import Passage
from app.chat.prompting.attached import with_documents
from app.chat.store.records import Attachment

TEXT = "# Travel\n\nTrains are slow.\f## Lisbon\n\nA hotel may cost 140 euros. Breakfast is extra."


def passage(words: str, document: int = 0, text: str = TEXT) -> Passage:
    start = text.index(words)
    return Passage(document, start, start + len(words))


def test_a_document_goes_along_whole_in_a_fence_that_it_cannot_close() -> None:
    asked = with_documents("Why?", [Attachment(1, "a.md", "one\ftwo\n```\nthree")])
    assert asked == "File: a.md\n````\none\ntwo\n```\nthree\n````\n\nWhy?"


def test_a_passage_says_its_page_and_its_heading_once() -> None:
    best, other = passage("Breakfast is extra."), passage("# Travel\n\nTrains are slow.")
    asked = with_documents("How much?", [Attachment(1, "a.md", TEXT)], [best, other])
    assert asked == (
        "Passages of the file: a.md\n```\n[page 2, Lisbon]\nBreakfast is extra.\n[…]\n"
        "[page 1]\n# Travel\n\nTrains are slow.\n```\n\nHow much?"
    )


def test_a_passage_over_two_pages_and_one_without_a_place() -> None:
    over = passage("slow.\f## Lisbon\n\nA hotel")
    asked = with_documents("?", [Attachment(1, "a.md", TEXT)], [over])
    assert "[pages 1 to 2, Travel]\nslow.\n## Lisbon" in asked
    plain = "Only words."
    asked = with_documents("?", [Attachment(1, "a.txt", plain)], [passage("words", text=plain)])
    assert asked.startswith("Passages of the file: a.txt\n```\nwords\n```")


def test_the_document_of_the_best_passage_comes_first() -> None:
    documents = [Attachment(1, "one.txt", "first words"), Attachment(2, "two.txt", "second words")]
    asked = with_documents("?", documents, [Passage(1, 0, 6), Passage(0, 0, 5), Passage(1, 7, 12)])
    assert asked.index("two.txt") < asked.index("one.txt")
    assert "second\n[…]\nwords" in asked
