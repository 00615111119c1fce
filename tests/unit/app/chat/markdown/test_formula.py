"""LaTeX to SVG."""

from pathlib import Path

import pytest

from app.chat.markdown.formula import LONGEST_FORMULA, FormulaSvg, draw_formula, is_whole

FORMULAS = (Path(__file__).parents[4] / "data" / "formulas.txt").read_text(encoding="utf-8").splitlines()


def draw(latex: str, *, display: bool = True) -> FormulaSvg | None:
    return draw_formula(latex, display=display, pixel_size=15.0, colour="#123456")


@pytest.mark.parametrize("latex", FORMULAS)
def test_formulas_of_school_and_contest_mathematics_are_drawn(latex: str) -> None:
    drawn = draw(latex)
    assert drawn is not None
    assert drawn.width > 0
    assert drawn.ascent + drawn.descent > 0
    assert "#123456" in drawn.svg


@pytest.mark.parametrize(
    "latex",
    [
        "",
        "  ",
        r"\frac{1}{2",
        "x}",
        r"\begin{cases}x",
        r"\begin{cases}x\end{array}",
        r"\nosuchcommand{3}",
        "x" * (LONGEST_FORMULA + 1),
        "{" * 1500 + "}" * 1500,
        r"\frac",
        "&" * 50,
        "\x00",
    ],
)
def test_what_is_not_whole_or_not_known_is_left_as_its_source(latex: str) -> None:
    assert draw(latex) is None


def test_a_display_formula_is_larger_than_the_same_within_text() -> None:
    apart, within = draw(r"\sum_{i=1}^n \frac{1}{i}"), draw(r"\sum_{i=1}^n \frac{1}{i}", display=False)
    assert apart is not None
    assert within is not None
    assert apart.ascent + apart.descent > within.ascent + within.descent


def test_escaped_braces_do_not_count() -> None:
    assert is_whole(r"\{1, 2")
    assert not is_whole(r"\{1, {2")
