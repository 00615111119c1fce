"""Formulas that take minutes or gigabytes, and the process that draws them."""

from collections.abc import Iterator

import pytest

from app.base.children import child_command
from app.chat.markdown.formula import FormulaSvg, draw_formula
from app.chat.markdown.formula_process import FormulaProcess

NESTED = r"\begin{pmatrix}x&" * 60 + "x" + r"\end{pmatrix}" * 60


@pytest.fixture(scope="module")
def process() -> Iterator[FormulaProcess]:
    process = FormulaProcess(child_command("formulas"))
    yield process
    process.close()


def draw(process: FormulaProcess, latex: str) -> FormulaSvg | None:
    return process.draw(latex, True, 16.0, "#123456")


def test_a_formula_is_drawn_as_in_this_process(process: FormulaProcess) -> None:
    latex = r"\frac{1}{2} + \sqrt{x}"
    assert draw(process, latex) == draw_formula(latex, display=True, pixel_size=16.0, colour="#123456")


def test_one_that_takes_minutes_is_left_as_its_source_and_the_next_is_drawn(process: FormulaProcess) -> None:
    assert draw(process, NESTED) is None
    assert draw(process, "x") is not None


@pytest.mark.parametrize(
    "latex",
    [
        r"a\hspace{99999em}b",
        r"\rule{1000em}{1000em}",
        r"\rule{99999em}{99999em}",
        r"\text{" + "a" * 3000 + "}",
        "a\ud83d",
    ],
)
def test_one_larger_than_any_formula_is_left_as_its_source(process: FormulaProcess, latex: str) -> None:
    assert draw(process, latex) is None


def test_an_export_gives_up_after_a_few() -> None:
    process = FormulaProcess(child_command("formulas"), most_breaches=1)
    try:
        assert draw(process, NESTED) is None
        assert draw(process, "x") is None
    finally:
        process.close()
    assert draw(process, "y") is None
