"""The steps that each suite of a benchmark measures."""

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from app.base.errors import StillroomError

StepKind = Literal["load", "prompt", "generation", "reply", "first_token", "streams"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One figure to measure. `tokens` are prompt tokens ("prompt") or generated tokens ("generation",
    "reply", and of each of `streams` replies at once), behind `depth` tokens that are in the context already.

    Before the first measured turn, it has `warm_ups` turns that are not kept; one without them is measured on
    an engine that shorter steps have warmed up. An `optional` step is left out where the run would take too
    long; steps of one `group` are left out together.
    """

    key: str
    kind: StepKind
    tokens: int = 0
    depth: int = 0
    streams: int = 1
    warm_ups: int = 1
    optional: bool = False
    group: str = ""

    @property
    def context_tokens(self) -> int:
        """The context that one reply needs, in tokens: the token behind the last is asked for, too."""
        return self.depth + self.tokens + 2


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """Steps, each measured `repeats` times, after its warm-ups.

    Once the warm-ups have told how fast the model is, optional steps from the end are left out until the run
    takes no longer than `budget_s`; None leaves none out. `ceilings` also measures what the computer can do
    at most.
    """

    name: str
    steps: tuple[Step, ...]
    repeats: int = 3
    budget_s: float | None = None
    ceilings: bool = False

    def step(self, key: str) -> Step:
        """The step of that key."""
        return next(step for step in self.steps if step.key == key)


LOAD = Step(key="load", kind="load")
FIRST_TOKEN = Step(key="first_token", kind="first_token")
REPLY = Step(key="reply128", kind="reply", tokens=128, warm_ups=0, optional=True)
STREAM_TOKENS = 64
STREAMS = (1, 2, 4, 8)

SPEED = (
    LOAD,
    Step(key="pp512", kind="prompt", tokens=512),
    Step(key="tg128", kind="generation", tokens=128),
    FIRST_TOKEN,
    REPLY,
    Step(key="pp128", kind="prompt", tokens=128, optional=True),
    *(
        Step(
            key=f"tg{STREAM_TOKENS}x{streams}",
            kind="streams",
            tokens=STREAM_TOKENS,
            streams=streams,
            warm_ups=int(streams == STREAMS[-1]),
            optional=True,
            group="streams",
        )
        for streams in STREAMS
    ),
    # A generation at a depth goes on from the prompt of the step before it.
    Step(key="pp2048", kind="prompt", tokens=2048, warm_ups=0, optional=True),
    Step(key="tg128@2048", kind="generation", tokens=128, depth=2048, warm_ups=0, optional=True),
    Step(key="pp8192", kind="prompt", tokens=8192, warm_ups=0, optional=True),
    Step(key="tg128@8192", kind="generation", tokens=128, depth=8192, warm_ups=0, optional=True),
)
"""The most important first."""

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(name="speed", steps=SPEED, budget_s=180.0, ceilings=True),
        Suite(name="full", steps=SPEED, repeats=5, ceilings=True),
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
