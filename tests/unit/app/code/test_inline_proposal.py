import pytest

from app.code.inline_proposal import MOST_LINES, Gap, gap_at, worth_showing

TEXT = "def half(x):\n    return \n\n\nprint(half(2))\n"
END = TEXT.index("return ") + len("return ")


def test_the_gap_is_at_the_end_of_a_line() -> None:
    gap = gap_at(TEXT, END, 4096)

    assert gap == Gap("def half(x):\n    return ", "\n\n\nprint(half(2))\n")
    assert gap_at(TEXT, TEXT.index("half"), 4096) is None
    assert gap_at("  \n", 2, 4096) is None
    assert gap_at("x = ", 4, 4096) == Gap("x = ", "")


def test_a_model_is_shown_no_more_than_its_context_holds() -> None:
    text = "x = 1\n" * 10_000
    gap = gap_at(text, 30_000 - 1, 512)

    assert gap is not None
    assert len(gap.before) + len(gap.behind) <= 512 * 3 // 2


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("x / 2\n", "x / 2"),
        ("x / 2\n\n\nprint(half(2))\nmore", "x / 2"),
        ("print(half(2))", ""),
        ("\n\n", ""),
        ("", ""),
        ("x\x1b[31m", ""),
        ("x / 2\r\n    # why", "x / 2\n    # why"),
    ],
)
def test_of_an_answer_is_shown_what_is_new(answer: str, shown: str) -> None:
    gap = gap_at(TEXT, END, 4096)
    assert gap is not None
    assert worth_showing(answer, gap) == shown


def test_so_many_lines_are_enough() -> None:
    assert worth_showing("x\n" * 50, Gap("a", "")).count("\n") == MOST_LINES - 1
