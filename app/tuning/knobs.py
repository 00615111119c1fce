"""The settings that tuning tries, in which order, with which values. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from app.engine.protocol import LoadSettings
from app.tuning.report import Knob, Speed

Figure = Literal["prompt", "decode", "turn"]

LONGEST_STEP_S = 0.5
"""A step of a prompt keeps the other replies waiting, and cancelling on a graphics card too."""

LEAST_GAIN_OF_Q8 = 0.10
"""A cache in q8_0 costs a little accuracy: for speed alone it must be worth it."""


@dataclass(frozen=True, slots=True)
class TuningMachine:
    """The facts that decide which values are worth a try. `layers` is the model's count, with its output."""

    physical_cores: int
    logical_cores: int
    layers: int = 0
    has_card: bool = False


@dataclass(frozen=True, slots=True)
class KnobChoices:
    """The values of one setting besides the present one. `figure` is the speed that it is judged by. A gain
    of `least_gain` is needed; None says that a value is only shown, because it costs accuracy."""

    knob: Knob
    figure: Figure
    values: tuple[int | str, ...]
    least_gain: Callable[[int | str], float | None]


def choices(plan: LoadSettings, machine: TuningMachine, base: Speed) -> list[KnobChoices]:
    """List what to try from `plan` on, the most promising first; `base` is how fast the plan is."""
    found = [
        KnobChoices("gpu_layers", "turn", _layers(plan, machine), _normal),
        KnobChoices("threads", "decode", _threads(plan.threads, machine), _normal),
        KnobChoices("flash_attention", "turn", _flash(plan), _normal),
        KnobChoices("prompt_threads", "prompt", _threads(plan.prompt_threads, machine), _normal),
        KnobChoices("batch_tokens", "prompt", _batches(plan, base), _normal),
        KnobChoices("kv_type", "turn", _caches(plan), _least_gain_of_cache),
    ]
    if machine.has_card and plan.gpu_layers >= machine.layers:
        # Everything is on the card: the processor's threads only wait for it.
        found = [choice for choice in found if choice.knob not in ("threads", "prompt_threads")]
    return [choice for choice in found if choice.values]


def with_value(plan: LoadSettings, knob: Knob, value: int | str) -> LoadSettings:
    """The plan with another value; without flash attention there is no quantised cache."""
    changed = msgspec.structs.replace(plan, **{knob: value})
    if knob == "flash_attention" and value == "off":
        changed = msgspec.structs.replace(changed, kv_type="f16")
    return changed


def _threads(present: int, machine: TuningMachine) -> tuple[int, ...]:
    physical, logical = machine.physical_cores, machine.logical_cores
    counts = {physical, logical, physical - 1, physical * 3 // 4, physical // 2, (physical + logical) // 2}
    return tuple(sorted((count for count in counts if count >= 1 and count != present), reverse=True))


def _layers(plan: LoadSettings, machine: TuningMachine) -> tuple[int, ...]:
    if not machine.has_card:
        return ()
    # The estimate is careful: a layer or two more may fit. An integrated card can be slower than none.
    more = [plan.gpu_layers + step for step in (1, 2, 4) if plan.gpu_layers + step <= machine.layers]
    return (*reversed(more), 0) if plan.gpu_layers else tuple(reversed(more))


def _flash(plan: LoadSettings) -> tuple[str, ...]:
    return ("off",) if plan.flash_attention != "off" and plan.kv_type == "f16" else ()


def _batches(plan: LoadSettings, base: Speed) -> tuple[int, ...]:
    fastest = base.prompt_tok_per_s or 0.0
    sizes: Sequence[int] = (128, 256, 512, 1024, 2048)
    return tuple(
        size
        for size in sizes
        if size != plan.batch_tokens and size <= fastest * (1 if size <= 512 else LONGEST_STEP_S)
    )


def _caches(plan: LoadSettings) -> tuple[str, ...]:
    if plan.flash_attention == "off" or plan.kv_type != "f16":
        return ()
    return ("q8_0", "q4_0")


def _normal(value: int | str) -> float | None:
    return 0.0


def _least_gain_of_cache(value: int | str) -> float | None:
    return LEAST_GAIN_OF_Q8 if value == "q8_0" else None
