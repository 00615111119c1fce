"""Hand-made pairs of answers: the same in another form, or alike and different."""

from pathlib import Path

import pytest

from app.bench.quality.answers.answer_process import AnswerJudge
from app.bench.quality.answers.equality import same_answer

PAIRS = Path(__file__).parents[5] / "data" / "answers" / "pairs.txt"


def pairs() -> list[tuple[bool, str, str]]:
    found = []
    for line in PAIRS.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            sign, one, other = line.split(" ;; ")
            found.append((sign == "=", one, other))
    return found


def test_there_are_300_pairs() -> None:
    assert len(pairs()) >= 300


@pytest.mark.parametrize(("same", "one", "other"), pairs())
def test_pairs(same: bool, one: str, other: str) -> None:
    assert same_answer(one, other) is same
    assert same_answer(other, one) is same


HOSTILE = (
    r"9^{9^{9^{9^9}}}",
    "(" * 900,
    r"\sqrt{" * 200 + "2" + "}" * 200,
    r"((10^{400})!)!",
    r"\lfloor e^{10^{9}} \rfloor",
    r"\binom{10^9}{5 \cdot 10^8}",
    "__import__('os').system('touch hacked')",
    "exec('x=1')",
    r"\text{" + "a" * 100_000 + "}",
    "9" * 5000,
    r"(x+y+z+w+v)^{2000}",
    r"\sin(\sin(\sin(10^{300}!)))",
    "20!!!!",
    "\x00\ud800" + "}" * 50,
)


def test_hostile_answers_neither_run_nor_hang() -> None:
    with AnswerJudge(time_limit_s=1.0) as judge:
        assert judge.same("0.5", r"\frac{1}{2}") is True
        for answer in HOSTILE:
            assert judge.same("7", answer) is not True, answer
        assert judge.same("0.5", r"\frac{2}{4}") is True
    assert not Path("hacked").exists()
