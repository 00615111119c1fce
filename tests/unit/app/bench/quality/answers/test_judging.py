import pytest

from app.bench.quality.answers.answer_process import AnswerJudge
from app.bench.quality.item import Item
from app.bench.quality.judging import Judge, chosen_label, says
from app.bench.quality.result import TurnResult

LABELS = ["opening_hours", "track_order", "cancel_order"]


def turn(answer: str, expected: str = "", reason: str = "stop") -> TurnResult:
    return TurnResult(
        question="?",
        thinking="\\boxed{99}",
        answer=answer,
        expected=expected,
        prompt_tokens=1,
        completion_tokens=1,
        thinking_tokens=0,
        seconds=1.0,
        finish_reason=reason,
        seed=1,
    )


def maths(expected: str) -> Item:
    return Item(id="maths/x", kind="maths", turns=["?"], expected=[expected])


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("track_order", "track_order"),
        ("The intent is **Track order**.", "track_order"),
        ("Not cancel_order but track_order", "track_order"),
        ("backtrack_orders", ""),
        ("I do not know.", ""),
        ("", ""),
    ],
)
def test_the_label_that_an_answer_names(answer: str, label: str) -> None:
    assert chosen_label(answer, LABELS) == label


@pytest.mark.parametrize(
    ("answer", "alternatives", "found"),
    [
        ("It is 7491.", "7491", True),
        ("It is 17491.", "7491", False),
        ("On the NINETEENTH of October", "nineteenth|19", True),
        ("On the 19th", "nineteenth|19", False),
        ("Bismuth!", "Bismuth", True),
    ],
)
def test_words_that_must_be_said(answer: str, alternatives: str, found: bool) -> None:
    assert says(answer, alternatives) is found


def test_the_boxed_answer_decides_and_not_the_thinking() -> None:
    with AnswerJudge() as answers:
        judge = Judge(answers)
        item = maths("\\frac{1}{2}")
        assert judge.judge(item, [turn("So \\boxed{\\frac{1}{2}}.")], None) == ("right", "\\frac{1}{2}", {})
        assert judge.judge(item, [turn("\\boxed{2}")], None)[:2] == ("wrong", "2")
        assert judge.judge(item, [turn("It is \\frac{1}{2}.")], None)[:2] == ("wrong", "")
        assert judge.judge(maths("99"), [turn("no box")], None)[0] == "wrong"


def test_a_reply_that_was_cut_off_is_unfinished_unless_it_is_right() -> None:
    with AnswerJudge() as answers:
        judge = Judge(answers)
        assert judge.judge(maths("4"), [turn("Let me think", reason="length")], None)[0] == "unfinished"
        assert judge.judge(maths("4"), [turn("\\boxed{4} and", reason="length")], None)[0] == "right"


def test_what_takes_too_long_is_not_decided() -> None:
    class Slow(AnswerJudge):
        def same(self, *_: object) -> None:
            return None

    assert Judge(Slow()).judge(maths("4"), [turn("\\boxed{5}")], None)[0] == "undecided"


def test_every_turn_of_a_dialogue_counts() -> None:
    item = Item(id="dialogue/x", kind="dialogue", turns=["a", "b"], expected=["one two", "three"])
    turns = [turn("one two", "one two"), turn("something else", "three")]
    verdict, _, scores = Judge(AnswerJudge()).judge(item, turns, None)
    assert verdict == "scored"
    assert scores["rouge_l"] == 0.5
