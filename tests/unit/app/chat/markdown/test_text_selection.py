"""The selection by places alone: no window."""

import pytest

from app.chat.markdown.block_text import PlainText, Selectable
from app.chat.markdown.markdown_blocks import parse_blocks
from app.chat.markdown.text_selection import (
    ALL,
    BlockPlace,
    BlockRange,
    Part,
    TextBlocks,
    TextKey,
    TextPlace,
    TextSelection,
)

QUESTION, THINKING, ANSWER = TextKey(0, Part.QUESTION), TextKey(1, Part.THINKING), TextKey(1, Part.ANSWER)
TEXTS: dict[TextKey, list[Selectable]] = {
    QUESTION: [PlainText("Why *so*?")],
    THINKING: list(parse_blocks("I think.\n\nTwice.")),
    ANSWER: list(parse_blocks("## For\n\ntwo good reasons\n\n```\nx = 1\ny = 2\n```")),
}


def word_at(text: str, offset: int) -> tuple[int, int]:
    """Between spaces."""
    end = text.find(" ", offset)
    return text.rfind(" ", 0, offset) + 1, len(text) if end < 0 else end


def block_at(place: TextPlace) -> Selectable | None:
    blocks = TEXTS[place.text]
    return blocks[place.block] if place.block < len(blocks) else None


@pytest.fixture
def selection() -> TextSelection:
    return TextSelection(block_at, word_at)


def markdown(selection: TextSelection) -> str:
    return selection.copied(TextBlocks(key, blocks) for key, blocks in TEXTS.items()).markdown


def at(key: TextKey, block: int, offset: int) -> TextPlace:
    return TextPlace(key, block, offset)


def test_nothing_is_selected_by_a_press(selection: TextSelection) -> None:
    selection.press(at(ANSWER, 1, 4))
    assert selection.is_empty
    assert selection.within(ANSWER) is None
    assert markdown(selection) == ""


def test_a_drag_either_way_is_the_same_text(selection: TextSelection) -> None:
    selection.press(at(QUESTION, 0, 4))
    selection.drag(at(ANSWER, 1, 3))
    expected = "*so*?\n\n> I think.\n>\n> Twice.\n\n## For\n\ntwo"
    assert markdown(selection) == expected
    assert selection.within(QUESTION) == BlockRange(BlockPlace(0, 4), ALL.end)
    assert selection.within(THINKING) == ALL
    assert selection.within(ANSWER) == BlockRange(ALL.start, BlockPlace(1, 3))
    selection.press(at(ANSWER, 1, 3))
    selection.drag(at(QUESTION, 0, 4))
    assert markdown(selection) == expected


def test_a_drag_by_words_keeps_the_word_that_it_began_with(selection: TextSelection) -> None:
    selection.press(at(ANSWER, 1, 5), "word")
    assert markdown(selection) == "good"
    selection.drag(at(ANSWER, 1, 11))
    assert markdown(selection) == "good reasons"
    selection.drag(at(ANSWER, 1, 1))
    assert markdown(selection) == "two good"
    selection.drag(at(ANSWER, 0, 0))
    assert markdown(selection) == "## For\n\ntwo good"


def test_a_drag_by_paragraphs_goes_by_lines_of_code(selection: TextSelection) -> None:
    selection.press(at(ANSWER, 2, 2), "paragraph")
    assert markdown(selection) == "x = 1"
    selection.drag(at(ANSWER, 2, 7))
    assert markdown(selection) == "x = 1\ny = 2"
    selection.drag(at(ANSWER, 1, 3))
    assert markdown(selection) == "two good reasons\n\n```\nx = 1\n```"


def test_going_on_from_where_it_was_begun(selection: TextSelection) -> None:
    selection.extend(at(ANSWER, 1, 4))
    assert selection.is_empty
    selection.extend(at(ANSWER, 1, 8))
    assert markdown(selection) == "good"
    selection.extend(at(ANSWER, 1, 0))
    assert markdown(selection) == "two "
    selection.drag(at(ANSWER, 1, 3))
    assert markdown(selection) == " "


def test_all_is_all_however_much_comes(selection: TextSelection) -> None:
    selection.select(THINKING, ANSWER)
    assert selection.covers(THINKING, ANSWER)
    assert selection.covers(ANSWER, ANSWER)
    assert not selection.covers(QUESTION, ANSWER)
    assert markdown(selection).endswith("```\nx = 1\ny = 2\n```")
    selection.select(ANSWER, ANSWER)
    assert markdown(selection).startswith("## For")
    selection.select(THINKING, THINKING)
    assert markdown(selection) == "I think.\n\nTwice."
    selection.clear()
    assert selection.is_empty


def test_an_end_that_is_not_there_any_more_is_the_last_that_is(selection: TextSelection) -> None:
    selection.set(at(ANSWER, 1, 9), at(ANSWER, 7, 3))
    assert markdown(selection) == "reasons\n\n```\nx = 1\ny = 2\n```"
    selection.set(at(ANSWER, 1, 9), at(ANSWER, 1, 99))
    assert markdown(selection) == "reasons"
    selection.press(at(ANSWER, 9, 1), "word")
    assert selection.is_empty


def test_what_is_within_a_block() -> None:
    some = BlockRange(BlockPlace(1, 4), BlockPlace(3, 2))
    assert [some.within(block, 9) for block in range(5)] == [(0, 0), (4, 9), (0, 9), (0, 2), (0, 0)]
    assert some.within(1, 3) == (3, 3)
    assert not some.is_within_one
    assert BlockRange(BlockPlace(1, 4), BlockPlace(1, 6)).is_within_one
