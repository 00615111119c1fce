import pytest

from app.code.languages import PLAIN_TEXT, Language, language_named
from app.code.line_edits import (
    dedent_lines,
    detect_indent,
    indent_like,
    indent_lines,
    next_line_indent,
    toggle_comment,
)


def language(word: str) -> Language:
    found = language_named(word)
    assert found is not None
    return found


PYTHON = language("python")


def test_indentation_is_what_the_file_uses() -> None:
    assert detect_indent(["a:", "  b:", "    c", "d"], "    ") == "  "
    assert detect_indent(["a {", "\tb {", "\t\tc", "}"], "    ") == "\t"
    assert detect_indent(["a", "b"], "    ") == "    "
    assert detect_indent([], "  ") == "  "


@pytest.mark.parametrize(
    ("line", "space"),
    [
        ("def f():", "    "),
        ("    if x:  # why", "        "),
        ("    call(", "        "),
        ("    return x", ""),
        ("        break", "    "),
        ("    x = {'a': 1}", "    "),
        ("", ""),
    ],
)
def test_a_new_line_starts_where_it_belongs(line: str, space: str) -> None:
    assert next_line_indent(line, PYTHON, "    ") == space


def test_braces_open_a_level_in_other_languages() -> None:
    assert next_line_indent("int main() {", language("c"), "    ") == "    "
    assert next_line_indent("  case 1:", language("c"), "    ") == "  "


def test_indent_and_dedent_leave_blank_lines() -> None:
    assert indent_lines(["a", "", " b"], "  ") == ["  a", "", "   b"]
    assert dedent_lines(["    a", "", "  b", "\tc", "d"], "    ") == ["a", "", "b", "c", "d"]


@pytest.mark.parametrize("word", ["python", "c", "lua", "html", "css", "sql"])
def test_comments_toggle_back_to_the_same_text(word: str) -> None:
    lines = ["    a = 1", "", "        b", "    "]

    commented = toggle_comment(lines, language(word))

    assert commented != lines
    assert commented[1] == ""
    assert toggle_comment(commented, language(word)) == lines


def test_half_commented_lines_become_comments_once_more() -> None:
    assert toggle_comment(["# a", "b"], PYTHON) == ["# # a", "# b"]


def test_a_language_without_comments_changes_nothing() -> None:
    assert toggle_comment(["a"], language("json")) == ["a"]
    assert toggle_comment(["a"], PLAIN_TEXT) == ["a"]


def test_code_moves_to_the_depth_of_what_it_replaces() -> None:
    assert indent_like("def f():\n    pass", "    def g():\n        pass") == "    def f():\n        pass"
    assert indent_like("        x\n\n            y", "\n    a") == "    x\n\n        y"
