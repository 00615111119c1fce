import pytest

from app.code.extract import code_blocks


def test_blocks_come_in_order_with_language_and_place() -> None:
    first, second = code_blocks("Look:\n\n```py\na = 1\n```\n\nand\n\n~~~JSON\n{}\n~~~\n")

    assert (first.code, first.language, first.first_line, first.end_line) == ("a = 1", "python", 2, 5)
    assert (second.code, second.language, second.closed) == ("{}", "json", True)


def test_a_block_still_being_written_is_open() -> None:
    for text in ("```python\na\n``", "```python\na\nb", "```python\na\n"):
        (block,) = code_blocks(text)
        assert not block.closed, text
    (block,) = code_blocks("```python\na\n```")
    assert block.closed


def test_a_longer_fence_holds_shorter_ones() -> None:
    (block,) = code_blocks("````markdown\n```python\nx\n```\n````\n")

    assert block.code == "```python\nx\n```"
    assert block.language == "markdown"


def test_fences_in_lists_and_quotes_lose_their_margin() -> None:
    in_list, in_quote = code_blocks("1. do\n   ```sh\n   ls\n     -l\n   ```\n\n> ```\n> quoted\n\nafter\n")

    assert in_list.code == "ls\n  -l"
    assert (in_quote.code, in_quote.closed) == ("quoted", True)


def test_blank_blocks_inline_code_and_indented_text_are_no_blocks() -> None:
    assert code_blocks("```python\n\n```\n\nuse `x`\n\n    x = 1\n") == []


@pytest.mark.parametrize(
    ("answer", "name", "language"),
    [
        ('```python title="src/a b.py"\nx\n```', "src/a b.py", "python"),
        ("```ts:src/a.ts\nx\n```", "src/a.ts", "typescript"),
        ("```python a.py\nx\n```", "a.py", "python"),
        ("```main.go\nx\n```", "main.go", "go"),
        ("```{.python file=b.py}\nx\n```", "b.py", "python"),
        ("**`pkg/c.rs`**:\n\n```\nx\n```", "pkg/c.rs", "rust"),
        ("### File: d.py\n```python\nx\n```", "d.py", "python"),
        ("```\n// src/e.cpp\nx\n```", "src/e.cpp", "cpp"),
        ("```html\n<!-- index.html -->\n```", "index.html", "html"),
        ("```Dockerfile\nFROM x\n```", "", "docker"),
        ("```python {1,2}\nx\n```", "", "python"),
        ("See version 3.11:\n\n```python\nx\n```", "", "python"),
        ("```brainfuck\n+\n```", "", "brainfuck"),
    ],
)
def test_the_file_name_is_taken_where_models_write_it(answer: str, name: str, language: str) -> None:
    (block,) = code_blocks(answer)

    assert (block.file_name, block.language) == (name, language)


@pytest.mark.parametrize(
    "name",
    ["../a.py", "/etc/a.py", "a/../../b.py", "C:\\a.py", "\\\\host\\a.py", "con.py", "a\x07.py", "a/nul.py"],
)
def test_a_file_name_that_leaves_its_folder_is_no_name(name: str) -> None:
    (block,) = code_blocks(f'```python title="{name}"\nx\n```')

    assert block.file_name == ""


def test_line_separators_inside_code_do_not_shift_lines() -> None:
    (block,) = code_blocks("```python\nx = '\u2028\x0b'\n```")

    assert block.code == "x = '\u2028\x0b'"
    assert block.closed
