"""What a benchmark measures: the steps of each suite."""

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from app.errors import StillroomError

StepKind = Literal["load", "prompt", "generation", "first_token"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One figure to measure. `tokens` are prompt tokens ("prompt") or generated tokens ("generation")."""

    key: str
    kind: StepKind
    tokens: int = 0


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """Steps, each measured `repeats` times after `warmups` unmeasured turns."""

    name: str
    steps: tuple[Step, ...]
    warmups: int = 1
    repeats: int = 3


LOAD = Step(key="load", kind="load")
FIRST_TOKEN = Step(key="first_token", kind="first_token")

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(
            name="speed",
            steps=(
                LOAD,
                Step(key="pp512", kind="prompt", tokens=512),
                Step(key="tg128", kind="generation", tokens=128),
                FIRST_TOKEN,
            ),
        ),
        Suite(
            name="quick",
            steps=(
                Step(key="pp512", kind="prompt", tokens=512),
                Step(key="tg32", kind="generation", tokens=32),
            ),
        ),
    )
}


def suite_named(name: str) -> Suite:
    """The suite of that name; `StillroomError` names the known ones."""
    if name not in SUITES:
        raise StillroomError(
            "There is no benchmark suite named {name}.",
            "The suites are: {known}.",
            name=name,
            known=", ".join(SUITES),
        )
    return SUITES[name]


@cache
def first_token_prompt() -> str:
    """The text whose first token is waited for: about 450 tokens of plain English, our own."""
    return (files("resources") / "suites" / "first_token_prompt.txt").read_text(encoding="utf-8")
