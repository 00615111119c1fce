"""The reasoning texts are what their script makes, right, and share no sentence with each other."""

import contextlib
import io
import re
from itertools import combinations

import pytest

from converters.quality.measuring_client import (
    calibration_text,
    held_out_text,
    reasoning_calibration_text,
    reasoning_held_out_text,
)
from tests.support.make_reasoning_texts import KINDS, reasoning_texts, sentences, traces

REASONING = (reasoning_calibration_text, reasoning_held_out_text)
"""In the order of `reasoning_texts`."""
TEXTS = {text.__name__: text().read_text("utf-8") for text in (calibration_text, held_out_text, *REASONING)}


def test_the_script_makes_the_same_texts_again() -> None:
    assert reasoning_texts() == tuple(text().read_bytes().decode() for text in REASONING)


def test_no_sentence_to_measure_with_is_in_a_text_to_calibrate_with() -> None:
    for one, other in combinations(TEXTS, 2):
        if {one, other} != {"held_out_text", "calibration_text"}:
            assert not sentences(TEXTS[one]) & sentences(TEXTS[other]), (one, other)


@pytest.mark.parametrize("name", [text.__name__ for text in REASONING])
def test_they_hold_all_kinds_in_several_languages_behind_the_template_s_tokens(name: str) -> None:
    text = TEXTS[name]
    marks = ("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>")
    assert {text.count(mark) for mark in marks} == {text.count("<｜User｜>")}
    assert text.count("<｜User｜>") % len(KINDS) == 0
    assert len(re.findall("[一-鿿]", text)) > 2000
    for word in ("Stunden", "euros", "notas|número", "def ", "while ", "boxed"):
        assert re.search(word, text), word
    assert 40_000 < len(text.encode()) < 100_000


@pytest.mark.parametrize("name", [text.__name__ for text in REASONING])
def test_every_sum_and_product_in_them_is_right(name: str) -> None:
    term = r"-?\d+(?: [+−·×] \d+)*"
    alone = r"(?<![\w.²)] [+−·×/÷%:] )(?<![\w.·×^/−(√])"
    checked = 0
    for match in re.finditer(rf"{alone}{term}(?: = {term})+(?! ?[\w./:·×+−^(])", TEXTS[name]):
        if re.search(r"\b[01]{8}\b", match[0]):  # bits
            continue
        sides = match[0].replace("−", "-").replace("·", "*").replace("×", "*").split(" = ")
        assert len({eval(side) for side in sides}) == 1, match[0]
        checked += 1
    assert checked > 50


@pytest.mark.parametrize("name", [text.__name__ for text in REASONING])
def test_the_programs_print_what_the_answers_say(name: str) -> None:
    checked = 0
    for trace in TEXTS[name].split("<｜User｜>")[1:]:
        question, _, rest = trace.partition("<｜Assistant｜>")
        program = re.search(r"```python\n(.*?)```", question, re.DOTALL)
        if program is None or "print(" not in program[1]:
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program[1], "program", "exec"), {})
        answer = rest.partition("</think>")[2]
        assert re.search(rf"(?<!\d){re.escape(printed.getvalue().strip())}(?!\d)", answer), trace
        checked += 1
    assert checked >= 12


def test_traces_under_another_name_are_others() -> None:
    first = [trace.text() for trace in traces("a", 0, 1, frozenset())]
    second = [trace.text() for trace in traces("b", 0, 1, frozenset())]
    assert len(first) == len(second) == len(KINDS)
    assert not set(first) & set(second)
    assert first == [trace.text() for trace in traces("a", 0, 1, frozenset())]
