"""Passages for a question."""

from app.chat.documents.retrieval import PASSAGE_CHARACTERS, best_passages, passages_of

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


def test_passages_come_in_the_order_of_the_documents() -> None:
    texts = [FILLER * 3 + "beta alpha", FILLER * 3 + "alpha alpha alpha"]
    passages = best_passages(texts, "alpha beta", 2)
    assert [p.document for p in passages] == [0, 1]


def test_without_a_common_word_the_beginnings_are_given() -> None:
    passages = best_passages([FILLER * 10], "zzz", 2)
    assert passages[0].start == 0
    assert len(passages) == 2
    assert best_passages([], "x", 3) == []
    assert best_passages([FILLER], "?!", 1)[0].start == 0
