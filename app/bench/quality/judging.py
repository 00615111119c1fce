"""Verdicts: what a finished conversation is worth."""

import re
import threading
from collections.abc import Callable, Sequence

from app.bench.quality.answers.answer_process import AnswerJudge
from app.bench.quality.answers.boxed import final_answers
from app.bench.quality.item import Item
from app.bench.quality.result import TurnResult, Verdict
from app.bench.quality.scores.bleu import sentence_bleu
from app.bench.quality.scores.rouge import rouge_l
from models.system.progress import raise_if_cancelled

JudgeCode = Callable[[Item, str, threading.Event | None], tuple[Verdict, str, dict[str, float]]]
"""Runs the program in an answer; `app.code` does, which this package may not import."""


class Judge:
    """Gives verdict, what it is about, and the scores of a conversation. One thread."""

    def __init__(self, answers: AnswerJudge, code: JudgeCode | None = None) -> None:
        """`code` runs programs; without it none can be judged."""
        self._answers = answers
        self._code = code

    def judge(
        self, item: Item, turns: Sequence[TurnResult], cancel: threading.Event | None
    ) -> tuple[Verdict, str, dict[str, float]]:
        """The verdict on all turns. Raises `Cancelled`."""
        last = turns[-1]
        if item.kind == "dialogue":
            rouge = [rouge_l(turn.expected, turn.answer).f1 for turn in turns]
            bleu = [sentence_bleu(turn.expected, turn.answer) for turn in turns]
            return "scored", "", {"rouge_l": sum(rouge) / len(rouge), "bleu": sum(bleu) / len(bleu)}
        if item.kind == "code":
            if self._code is None:
                return "undecided", "", {}
            verdict, found, scores = self._code(item, last.answer, cancel)
            raise_if_cancelled(cancel)
            return _or_unfinished(verdict, last), found, scores
        if item.kind == "maths":
            verdict, found = self._maths(item.expected[0], last.answer, cancel)
        elif item.kind == "intent":
            found = chosen_label(last.answer, item.labels)
            verdict = "right" if found == item.expected[0] else "wrong"
        else:
            found = " ".join(last.answer.split())[:200]
            verdict = "right" if says(last.answer, item.expected[0]) else "wrong"
        return _or_unfinished(verdict, last), found, {}

    def _maths(self, expected: str, answer: str, cancel: threading.Event | None) -> tuple[Verdict, str]:
        found = final_answers(answer)
        verdict: Verdict = "wrong"
        for reading in found:
            same = self._answers.same(expected, reading, cancel)
            if same:
                return "right", reading
            if same is None:
                verdict = "undecided"
        return verdict, found[0] if found else ""


def _or_unfinished(verdict: Verdict, last: TurnResult) -> Verdict:
    return "unfinished" if verdict != "right" and last.finish_reason in ("length", "context") else verdict


def chosen_label(answer: str, labels: Sequence[str]) -> str:
    """The label that an answer names; the last one where it names several, empty where it names none."""
    said = _spaced(answer)
    places = {label: said.rfind(_spaced(label)) for label in labels}
    best = max(places, key=lambda label: places[label], default="")
    return best if best and places[best] >= 0 else ""


def says(answer: str, alternatives: str) -> bool:
    """Tell whether an answer holds one of the `alternatives` (parted by "|") as whole words."""
    return any(
        re.search(rf"(?<!\w){re.escape(words)}(?!\w)", answer, re.IGNORECASE)
        for words in alternatives.split("|")
    )


def _spaced(text: str) -> str:
    words = " ".join(re.findall(r"[^\W_]+", text.casefold()))
    return f" {words} "
