"""`stillroom chat` tells MODEL, PROMPT and document apart."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from app.commands.terminal.console import WrongUse
from app.commands.terminal.question import Question, read_question


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def piped(tmp_path: Path) -> Iterator[TextIO]:
    file = tmp_path / "piped.txt"
    file.write_text("+ one\n- two\n", "utf-8")
    with file.open(encoding="utf-8") as stream:
        yield stream


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ((None, None), Question("", None)),
        (("starter", None), Question("starter", None)),
        (("starter", "Why?"), Question("starter", "Why?")),
        (("Why is it so?", None), Question("", "Why is it so?")),
        (("-", "Why?"), Question("", "Why?")),
        (("-", None), Question("", None)),
    ],
)
def test_one_word_alone_is_the_model_and_several_are_the_prompt(
    words: tuple[str | None, str | None], question: Question
) -> None:
    assert read_question(*words, Terminal()) == question


def test_piped_text_without_a_prompt_is_the_prompt(piped: TextIO) -> None:
    assert read_question("starter", None, piped) == Question("starter", "+ one\n- two")


def test_piped_text_beside_a_prompt_is_a_document(piped: TextIO) -> None:
    question = read_question("Review this.", None, piped)
    assert question == Question("", "File: standard input\n```\n+ one\n- two\n```\n\nReview this.")


def test_nothing_is_read_beside_a_prompt_where_nobody_gives_anything() -> None:
    with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123 - no path of the disk
        assert read_question("starter", "Why?", nothing) == Question("starter", "Why?")


@pytest.mark.parametrize("words", [("starter", None), ("starter", " "), ("  \n", None)])
def test_an_empty_prompt_is_wrong_use(words: tuple[str | None, str | None]) -> None:
    with pytest.raises(WrongUse, match="empty"):
        read_question(*words, io.StringIO("\n"))
