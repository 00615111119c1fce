import asyncio
from dataclasses import replace

import pytest

from app.code.ask import Excerpt, SelectionTooLongError, Task, compose, fit_question, whole_lines
from app.code.languages import language_of_file

TEXT = "import re\n\n\ndef f(x):\n    return x + 1\n\n\nprint(f(2))\n"


def excerpt_of(text: str, selection: str) -> Excerpt:
    start = text.index(selection)
    return Excerpt("a.py", language_of_file("a.py"), text, start, start + len(selection))


async def count_words(prompt: str) -> int:
    return len(prompt.split())


def test_a_selection_grows_to_whole_lines() -> None:
    grown = whole_lines(excerpt_of(TEXT, "f(x):\n    ret"))

    assert grown.selection == "def f(x):\n    return x + 1"
    assert (grown.first_line, grown.last_line) == (4, 5)


def test_a_selection_that_ends_at_a_line_start_does_not_take_that_line() -> None:
    assert whole_lines(excerpt_of(TEXT, "import re\n")).selection == "import re"


def test_no_selection_means_the_whole_file() -> None:
    assert whole_lines(replace(excerpt_of(TEXT, "def"), end=TEXT.index("def"))).selection == TEXT


@pytest.mark.parametrize("task", ["explain", "complete", "fix", "tests", "ask"])
def test_every_prompt_holds_the_selection_and_its_surroundings(task: Task) -> None:
    question = compose(task, whole_lines(excerpt_of(TEXT, "return x")), 1000, question="Why?")

    assert "    return x + 1" in question.prompt
    assert "import re" in question.prompt
    assert "print(f(2))" in question.prompt
    assert "lines 5 to 5 of a.py" in question.prompt
    assert question.omitted_lines == 0
    assert ("Why?" in question.prompt) == (task == "ask")


def test_of_a_whole_file_nothing_is_missing_though_its_last_line_ends() -> None:
    whole = whole_lines(replace(excerpt_of(TEXT, "def"), start=0, end=0))

    assert compose("repair", whole, 0, problem="It fails.").omitted_lines == 0


def test_what_a_checker_said_is_part_of_a_fix_only() -> None:
    assert "line 3: invalid" in compose("fix", excerpt_of(TEXT, TEXT), 0, problem="line 3: invalid").prompt
    assert "syntax check" not in compose("fix", excerpt_of(TEXT, TEXT), 0).prompt


def test_completion_at_a_cursor_shows_both_sides() -> None:
    at = TEXT.index("return")
    question = compose("complete", replace(excerpt_of(TEXT, "return"), end=at), 1000)

    assert "before the cursor:\n```python\nimport re" in question.prompt
    assert "after the cursor:\n```python\nreturn x + 1" in question.prompt


def test_code_cannot_close_its_own_fence() -> None:
    question = compose("explain", excerpt_of("s = '''\n````\n'''", "s"), 100)

    assert "`````python" in question.prompt


def test_braces_in_code_are_just_text() -> None:
    assert "{code} {0}" in compose("explain", excerpt_of("x = '{code} {0}'", "x = '{code} {0}'"), 0).prompt


def test_context_is_cut_to_the_budget_nearest_lines_first_and_counted() -> None:
    lines = [f"value_{number} = {number}" for number in range(1, 2001)]
    excerpt = whole_lines(excerpt_of("\n".join(lines), "value_1000 ="))

    question = asyncio.run(fit_question("explain", excerpt, 600, count_words))

    assert 400 < question.tokens <= 600
    assert "value_999 =" in question.prompt
    assert "value_1001 =" in question.prompt
    assert "value_1 =" not in question.prompt
    kept = question.last_line_sent - question.first_line_sent + 1
    assert question.prompt.count("value_") == kept
    assert question.omitted_lines == 2000 - kept
    assert f"value_{question.first_line_sent} =" in question.prompt
    assert f"value_{question.last_line_sent} =" in question.prompt


def test_a_selection_over_the_budget_is_refused_not_cut() -> None:
    excerpt = whole_lines(excerpt_of("word " * 500, "word"))

    with pytest.raises(SelectionTooLongError, match=r"5\d\d tokens, and 100"):
        asyncio.run(fit_question("explain", excerpt, 100, count_words))


def test_an_empty_file_leaves_only_the_question() -> None:
    empty = Excerpt("", language_of_file(""), "", 0, 0)

    assert compose("ask", empty, 100, question=" What is a monad? ").prompt == "What is a monad?"


async def count_rendered(prompt: str) -> int:
    """As a model's template would: it refuses what holds nothing."""
    assert prompt.strip()
    return len(prompt.split())


def test_a_file_that_does_not_fit_is_counted_before_anything_is_asked() -> None:
    text = "\n".join(f"value_{number} = {number}" for number in range(500))
    excerpt = Excerpt("a.py", language_of_file("a.py"), text, 0, 0)

    fitted = asyncio.run(fit_question("ask", excerpt, 300, count_rendered))

    assert 0 < fitted.tokens <= 300
    assert 0 < fitted.last_line_sent < 500


def test_of_one_long_line_nothing_is_sent_and_that_is_said() -> None:
    excerpt = Excerpt("a.js", language_of_file("a.js"), "x = 1; " * 5000, 0, 0)

    for words in ("", "What is it?"):
        fitted = asyncio.run(fit_question("ask", excerpt, 300, count_rendered, question=words))
        assert fitted.prompt == words
        assert (fitted.omitted_lines, fitted.total_lines) == (1, 1)
