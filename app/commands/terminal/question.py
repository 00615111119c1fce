"""Read what `stillroom chat` is asked: MODEL and PROMPT, both optional, and what is piped in."""

import os
import stat
import sys
from dataclasses import dataclass
from typing import TextIO

from app.chat.prompting.attached import with_documents
from app.chat.store.records import Attachment
from app.commands.terminal.console import WrongUse

ANY_MODEL = "-"
"""MODEL where none is meant in particular, in front of a PROMPT of one word."""

PIPED = "standard input"


@dataclass(frozen=True, slots=True)
class Question:
    """`model` is empty where none was named; `prompt` is None where a conversation is wanted."""

    model: str
    prompt: str | None


def read_question(model: str | None, prompt: str | None, stdin: TextIO) -> Question:
    """The command line's words and what is piped in, which is the prompt, or a document beside it.

    Several words alone are the prompt, one word alone is the model. Raises `WrongUse` for an empty prompt.
    """
    if prompt is None and model is not None and len(model.split()) != 1:
        model, prompt = None, model
    _refuse_empty(prompt)
    # The last line's end belongs to the file, not to the question.
    piped = stdin.read().removesuffix("\n") if _is_piped(stdin, alone=prompt is None) else None
    if prompt is None:
        prompt = piped
        _refuse_empty(prompt)
    elif piped is not None and piped.strip():
        prompt = with_documents(prompt, [Attachment(0, PIPED, piped)])
    return Question("" if model in (None, ANY_MODEL) else model.strip(), prompt)


def _refuse_empty(prompt: str | None) -> None:
    if prompt is not None and not prompt.strip():
        raise WrongUse("The prompt is empty.")


def _is_piped(stdin: TextIO, *, alone: bool) -> bool:
    """Tell whether input is piped in. Beside a PROMPT only a pipe, a socket or a file counts (on Windows,
    anything but a terminal): the input of a service or a cron job is none of them, and there may be none."""
    if stdin.isatty():
        return False
    if alone or sys.platform == "win32":
        return True
    mode = os.fstat(stdin.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
