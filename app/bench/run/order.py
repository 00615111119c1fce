"""Plan the turns of a run, their order, and the steps that it leaves out. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.bench.results.report import NotMeasured
from app.bench.run.suite import LOAD, Step, Suite

TOO_LONG = "It would take about {minutes} min more here; the suite Full measures it."
NO_ROOM = "It needs a context of {needed} tokens; the model is loaded with {context_tokens}."


@dataclass(frozen=True, slots=True)
class Turn:
    """A step's repeat, counted from 1; 0 is a warm-up, which is not kept."""

    step: Step
    repeat: int

    @property
    def is_warm_up(self) -> bool:
        """Nothing of it is kept."""
        return self.repeat == 0


def turns_of(suite: Suite, left_out: Collection[str], done: Collection[tuple[str, int]]) -> list[Turn]:
    """The turns that are still to do, warm-ups included; none of those `done`, (step key, repeat).

    Every step once, then every step again: what changes during a run (heat, other programs, where a load puts
    the memory) then shows in the scatter of each figure, not as a difference between two. Several replies at
    once need the model loaded otherwise, so they come in rounds of their own at the end.
    """
    steps = [step for step in suite.steps if step.key not in left_out]
    alone = [step for step in steps if step.kind != "streams"]
    together = [step for step in steps if step.kind == "streams"]
    # A prompt and the generation behind it follow each other.
    alone.sort(key=lambda step: (step.kind != "load", max(step.depth, step.tokens * (step.kind == "prompt"))))
    found: list[Turn] = []
    for phase in (alone, together):
        todo = [
            Turn(step, repeat)
            for repeat in range(1, suite.repeats + 1)
            for step in phase
            if (step.key, repeat) not in done
        ]
        if not todo:
            continue
        if phase is alone:
            found.append(Turn(LOAD, 0))
        found += [Turn(step, 0) for step in phase if step.kind != "load" for _ in range(step.warm_ups)]
        found += todo
    return found


def without_room(suite: Suite, context_tokens: int) -> list[NotMeasured]:
    """The steps that do not fit into the context that the model was loaded with."""
    return [
        NotMeasured(
            key=step.key,
            reason=NO_ROOM,
            values={"needed": step.context_tokens, "context_tokens": context_tokens},
        )
        for step in suite.steps
        if step.kind in ("prompt", "generation", "reply") and step.context_tokens > context_tokens
    ]


def too_long(
    suite: Suite, left_out: Collection[str], estimates_s: Mapping[str, float], spent_s: float
) -> list[NotMeasured]:
    """The optional steps that go, from the end on, so that the run stays within its budget.

    `estimates_s` are the seconds of one turn of each step.
    """
    steps = [step for step in suite.steps if step.key not in left_out]
    cost_s = {step.key: suite.repeats * estimates_s.get(step.key, 0.0) for step in steps}
    found: list[NotMeasured] = []
    gone: set[str] = set()
    for step in reversed(steps):
        total_s = spent_s + sum(cost for key, cost in cost_s.items() if key not in gone)
        if suite.budget_s is None or total_s <= suite.budget_s:
            break
        if not step.optional or step.key in gone:
            continue
        group = [other for other in steps if other is step or (step.group and other.group == step.group)]
        minutes = max(1, round(sum(cost_s[other.key] for other in group) / 60))
        gone.update(other.key for other in group)
        found += [NotMeasured(key=other.key, reason=TOO_LONG, values={"minutes": minutes}) for other in group]
    return found


def estimates_s(suite: Suite, prompt_tok_per_s: float, decode_tok_per_s: float) -> dict[str, float]:
    """Seconds of a turn of each step, from the speeds of the warm-ups.

    A prompt's later tokens are slower, and a generation behind a prompt of its own needs that one first.
    """
    keys = {step.key for step in suite.steps}
    found: dict[str, float] = {}
    for step in suite.steps:
        match step.kind:
            case "prompt":
                found[step.key] = step.tokens / prompt_tok_per_s * (1 + step.tokens / 16384)
            case "generation" | "reply":
                found[step.key] = step.tokens / decode_tok_per_s * (1 + step.depth / 8192)
                if step.depth and f"pp{step.depth}" not in keys:
                    found[step.key] += step.depth / prompt_tok_per_s
            case "streams":
                gain = 1 + (step.streams - 1) / 8
                found[step.key] = step.tokens * step.streams / gain / decode_tok_per_s
            case _:
                pass
    return found
