"""Place the code of a reply in the text that it is about."""

from typing import Literal

from app.code.ask import Excerpt, Task
from app.code.line_edits import detect_indent, indent_like, leading_space, next_line_indent

Placement = Literal["replace", "insert"]


def placement_for(task: Task, excerpt: Excerpt) -> Placement:
    """Tell how the reply to a task changes the text: replacing the selection, or inserted at the cursor."""
    completes_at_cursor = task == "complete" and not excerpt.selection.strip()
    return "insert" if completes_at_cursor else "replace"


def with_code(excerpt: Excerpt, code: str, placement: Placement) -> str:
    """The text of `excerpt` with `code` in place of its selection, or below the line of its end."""
    return _inserted(excerpt, code) if placement == "insert" else _replaced(excerpt, code)


def moved(excerpt: Excerpt, now: Excerpt) -> Excerpt:
    """The place of an earlier `excerpt` in the text as it is now; what is selected now where it is gone."""
    if excerpt.text == now.text:
        return excerpt
    if excerpt.selection.strip() and now.text.count(excerpt.selection) == 1:
        start = now.text.index(excerpt.selection)
        return Excerpt(now.file_name, now.language, now.text, start, start + len(excerpt.selection))
    return now


def _replaced(excerpt: Excerpt, code: str) -> str:
    before, selection, after = excerpt.text[: excerpt.start], excerpt.selection, excerpt.text[excerpt.end :]
    line_start = before.rpartition("\n")[2]
    if not line_start.strip():
        # The selection starts a line: the code gets its depth.
        sample = line_start + selection
        code = indent_like(code, sample) if sample.strip() else code
        code = code.removeprefix(line_start)
    if selection.endswith("\n"):
        code = code.rstrip("\n") + "\n"
    return before + code + after


def _inserted(excerpt: Excerpt, code: str) -> str:
    text = excerpt.text
    line_start = text.rfind("\n", 0, excerpt.end) + 1
    line_end = text.find("\n", excerpt.end)
    line_end = len(text) if line_end < 0 else line_end
    line = text[line_start:line_end]
    indent = detect_indent(text.split("\n"), excerpt.language.indent)
    blank = not line.strip()
    space = leading_space(line) if blank else next_line_indent(line, excerpt.language, indent)
    if not leading_space(code):
        code = indent_like(code, space + "x")
    if blank:
        return text[:line_start] + code + text[line_end:]
    return f"{text[:line_end]}\n{code}{text[line_end:]}"
