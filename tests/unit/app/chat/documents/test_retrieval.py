"""Passages for a question."""

import pytest

from app.chat.documents.retrieval import (
    DENSE_CHARACTERS,
    LEAST_HELPFUL,
    MOST_HELPFUL,
    PASSAGE_CHARACTERS,
    best_passages,
    passages_of,
)

FILLER = "Nothing of interest is said in this sentence about the weather. " * 12 + "\n\n"


def test_a_text_is_cut_without_losing_a_character() -> None:
    for text in (FILLER * 20, "word " * 5000, "x" * 5000, "一句话。" * 2000, "a\nb\n" * 3000):
        passages = passages_of(0, text)
        assert "".join(text[p.start : p.end] for p in passages) == text
        assert max(p.end - p.start for p in passages) <= PASSAGE_CHARACTERS


def test_the_passage_with_the_words_of_the_question_is_found() -> None:
    text = FILLER * 30 + "The lighthouse of Alexandria was about 100 metres high.\n\n" + FILLER * 30
    [passage] = best_passages([text], "How high was the lighthouse?", 1)
    assert "Alexandria" in text[passage.start : passage.end]


def test_word_endings_do_not_matter_and_chinese_is_found() -> None:
    english = FILLER * 5 + "He measured the towers." + FILLER * 5
    [passage] = best_passages([english], "measuring a tower", 1)
    assert "measured" in english[passage.start : passage.end]
    chinese = "天气很好。" * 500 + "灯塔有一百米高。" + "天气很好。" * 500
    [passage] = best_passages([chinese], "灯塔多高？", 1)
    assert "灯塔" in chinese[passage.start : passage.end]


def test_the_best_passage_comes_first() -> None:
    texts = [FILLER * 3 + "alpha alpha alpha", FILLER * 3 + "The beta of alpha."]
    passages = best_passages(texts, "alpha beta", 2)
    assert [p.document for p in passages] == [1, 0]
    assert [p.document for p in best_passages(texts[::-1], "alpha beta", 2)] == [0, 1]


def test_words_that_stand_together_fit_better_than_words_that_are_far_apart() -> None:
    apart = "The lock is old. " + "Rain fell on the town and on the hills. " * 20 + "The pins are new.\n\n"
    near = "Rain fell on the town and on the hills. " * 20 + "The pins of the lock are old.\n\n"
    text = FILLER * 3 + apart + FILLER * 3 + near
    [best] = best_passages([text], "pins of the lock", 1)
    assert "The pins of the lock" in text[best.start : best.end]


def test_for_one_fact_few_passages_are_given() -> None:
    text = FILLER * 30 + "The lighthouse of Alexandria was about 100 metres high.\n\n" + FILLER * 30
    assert len(best_passages([text], "How high was the lighthouse of Alexandria?", 27)) <= LEAST_HELPFUL
    many = "\n\n".join(f"The lighthouse of town {n} is high. " + FILLER for n in range(40))
    assert len(best_passages([many], "lighthouse", 27)) == MOST_HELPFUL


@pytest.mark.parametrize("question", ["Summarise this.", "Give me an overview, please", "请总结一下"])
def test_a_question_for_the_whole_takes_the_beginnings_of_all(question: str) -> None:
    texts = [FILLER * 30, FILLER * 30 + "please overview 总结"]
    passages = best_passages(texts, question, 20)
    assert [p.document for p in passages] == [0] * 10 + [1] * 10
    assert next(p.start for p in passages if p.document == 1) == 0


def test_sections_and_pages_begin_passages() -> None:
    section = "A sentence of this section, which says nothing. " * 12
    text = "\n\n".join(f"## Section {n}\n\n{section}" for n in range(4))
    starts = [text[p.start : p.end].split("\n")[0] for p in passages_of(0, text)]
    assert starts == [f"## Section {n}" for n in range(4)]
    pages = "\f".join([section] * 4)
    assert [p.start for p in passages_of(0, pages)] == [n * (len(section) + 1) for n in range(4)]
    small = "\n\n".join(f"# {n}\n\nFew words." for n in range(200))
    assert len(passages_of(0, small)) < 12


def test_a_passage_of_chinese_is_as_long_in_words() -> None:
    text = "天气很好，我们去公园散步。" * 300
    assert max(p.end - p.start for p in passages_of(0, text)) <= DENSE_CHARACTERS


def test_without_a_common_word_the_beginnings_are_given() -> None:
    passages = best_passages([FILLER * 10], "zzz", 2)
    assert passages[0].start == 0
    assert len(passages) == 2
    assert best_passages([], "x", 3) == []
    assert best_passages([FILLER], "?!", 1)[0].start == 0
