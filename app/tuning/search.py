"""Finds the fastest settings, one after the other. Pure but for the measuring that it is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import msgspec

from app.base.errors import EngineError
from app.engine.protocol import LoadNotice, LoadSettings
from app.tuning.knobs import Figure, KnobChoices, TuningMachine, choices, with_value
from app.tuning.report import Speed, TuningRow

REPEATS = 5
"""Of what may be better, and of the best, in turn: a machine that gets slower meanwhile slows both. With five
a setting is changed for nothing in less than 2 searches of 100, however much the figures scatter, and a tenth
that is really there is found in 97 of 100 while they scatter by 2 % (tests/unit/app/tuning)."""

FINALISTS = 2
"""So many values of a setting are repeated at most."""

COMPARISONS = 3
"""Of the defaults against the choice, at the end."""

WORTH_REPEATING = 0.01
"""A first repeat that gains less is not repeated."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measuring, in tokens per second."""

    prompt_tok_per_s: float
    decode_tok_per_s: float


@dataclass(slots=True)
class Outcome:
    """The result of the search."""

    plan: LoadSettings
    before: Speed
    after: Speed
    rows: list[TuningRow] = field(default_factory=list)


@dataclass(slots=True)
class _Best:
    plan: LoadSettings


class Search:
    """Goes through the settings once. `measure` takes one sample of a plan, and raises `EngineError` where a
    plan cannot be had; `has_time` says whether another sample may begin; `on_sample` gets the setting,
    the samples done and those of the whole search."""

    def __init__(
        self,
        measure: Callable[[LoadSettings, Figure], Sample],
        has_time: Callable[[], bool],
        on_sample: Callable[[str, int, int], None] = lambda knob, done, total: None,
    ) -> None:
        self._measure = measure
        self._has_time = has_time
        self._on_sample = on_sample
        self._done = 0
        self._expected = 1

    def run(self, plan: LoadSettings, machine: TuningMachine) -> Outcome:
        """The fastest settings from `plan` on. Raises `EngineError` where the plan itself cannot be had."""
        best = _Best(plan)
        before = _speed([self._sample(plan, "turn", "default")], "turn")
        todo = choices(plan, machine, before)
        # The usual share of values is worth repeating.
        self._expected = self._done + sum(len(choice.values) + REPEATS for choice in todo) + 2 * COMPARISONS
        rows: list[TuningRow] = []
        for choice in todo:
            rows += self._try(choice, best)
        if best.plan == plan:
            return Outcome(plan, before, before, rows)
        if not self._has_time():
            after = _speed([self._sample(best.plan, "turn", "compare")], "turn")
            return Outcome(best.plan, before, after, rows)
        # Both again, in turn: a machine that has become warm meanwhile would make the choice look worse.
        defaults, tuned = [], []
        for repeat in range(COMPARISONS):
            if repeat and not self._has_time():
                break
            defaults.append(self._sample(plan, "turn", "compare"))
            tuned.append(self._sample(best.plan, "turn", "compare"))
        return Outcome(best.plan, _speed(defaults, "turn"), _speed(tuned, "turn"), rows)

    def _try(self, choice: KnobChoices, best: _Best) -> list[TuningRow]:
        """Measure every value of one setting, and put the best one into `best`."""
        present = getattr(best.plan, choice.knob)
        if not self._has_time():
            return [_row(choice, value, [], why=_NO_TIME) for value in choice.values]
        found: dict[int | str, list[Sample] | LoadNotice] = {}
        base = [self._sample(best.plan, choice.figure, choice.knob)]
        for value in choice.values:
            plan = with_value(best.plan, choice.knob, value)
            if not self._has_time():
                found[value] = _NO_TIME
                continue
            try:
                found[value] = [self._sample(plan, choice.figure, choice.knob)]
            except EngineError:
                found[value] = _DID_NOT_WORK
        self._repeat(choice, best, base, found)
        rows = []
        winner: tuple[float, int | str] | None = None
        for value, samples in found.items():
            if isinstance(samples, LoadNotice):
                rows.append(_row(choice, value, [], why=samples))
                continue
            compared = compare(_figures(samples, choice.figure), _figures(base, choice.figure))
            least = choice.least_gain(value)
            clear = least is not None and compared.is_clear(max(least, LEAST_GAIN))
            if clear and len(samples) > 1 and (winner is None or compared.gain > winner[0]):
                winner = compared.gain, value
            rows.append(
                _row(
                    choice,
                    value,
                    samples,
                    compared.gain,
                    compared.noise,
                    why=_why(compared.gain, clear, least),
                )
            )
        base_why = _DEFAULT if winner is None else _LEFT
        rows.insert(0, _row(choice, present, base, why=base_why, chosen=winner is None))
        if winner is not None:
            value = winner[1]
            best.plan = with_value(best.plan, choice.knob, value)
            rows = [_chosen(row) if row.value == value and row.repeats else row for row in rows]
        return rows

    def _repeat(
        self,
        choice: KnobChoices,
        best: _Best,
        base: list[Sample],
        found: dict[int | str, list[Sample] | LoadNotice],
    ) -> None:
        """Measure again, in turn, what may be better than the present value."""
        gains = {
            value: compare(_figures(samples, choice.figure), _figures(base, choice.figure)).gain
            for value, samples in found.items()
            if not isinstance(samples, LoadNotice) and choice.least_gain(value) is not None
        }
        best_first = sorted(gains, key=lambda value: gains[value], reverse=True)
        near = [
            (value, samples)
            for value in best_first[:FINALISTS]
            if gains[value] >= WORTH_REPEATING and isinstance(samples := found[value], list)
        ]
        for _ in range(REPEATS - 1):
            if not near or not self._has_time():
                return
            base.append(self._sample(best.plan, choice.figure, choice.knob))
            for value, samples in near:
                samples.append(
                    self._sample(with_value(best.plan, choice.knob, value), choice.figure, choice.knob)
                )

    def _sample(self, plan: LoadSettings, figure: Figure, what: str) -> Sample:
        self._on_sample(what, self._done, max(self._expected, self._done + 1))
        sample = self._measure(plan, figure)
        self._done += 1
        return sample


_DEFAULT = LoadNotice("Stays: nothing is clearly faster.")
_LEFT = LoadNotice("The default; another value is faster.")
_NO_TIME = LoadNotice("Not measured: the time was over.")
_DID_NOT_WORK = LoadNotice("Does not work with this model or memory.")


def _why(gain: float, clear: bool, least: float | None) -> LoadNotice:
    values: dict[str, str | int | float] = {"percent": round(100 * abs(gain), 1)}
    if least is None:
        return LoadNotice("Only shown: it can cost accuracy.")
    if clear:
        return LoadNotice("{percent}% faster.", values)
    if gain < 0:
        return LoadNotice("{percent}% slower.", values)
    if least > LEAST_GAIN:
        return LoadNotice("{percent}% faster: too little for its cost.", values)
    return LoadNotice("{percent}% faster: no more than noise.", values)


def _chosen(row: TuningRow) -> TuningRow:
    return msgspec.structs.replace(row, chosen=True)


def _row(
    choice: KnobChoices,
    value: int | str,
    samples: list[Sample],
    gain: float | None = None,
    noise: float | None = None,
    *,
    why: LoadNotice,
    chosen: bool = False,
) -> TuningRow:
    return TuningRow(
        knob=choice.knob,
        value=value,
        speed=_speed(samples, choice.figure),
        repeats=len(samples),
        gain=gain,
        noise=noise,
        chosen=chosen,
        why=why,
    )


def _speed(samples: list[Sample], figure: Figure) -> Speed:
    if not samples:
        return Speed()
    prompt = median(sample.prompt_tok_per_s for sample in samples)
    decode = median(sample.decode_tok_per_s for sample in samples)
    return Speed(
        prompt_tok_per_s=prompt if figure != "decode" else None,
        decode_tok_per_s=decode if figure != "prompt" else None,
    )


def _figures(samples: list[Sample], figure: Figure) -> list[float]:
    if figure == "prompt":
        return [sample.prompt_tok_per_s for sample in samples]
    if figure == "decode":
        return [sample.decode_tok_per_s for sample in samples]
    turns = [
        Speed(prompt_tok_per_s=sample.prompt_tok_per_s, decode_tok_per_s=sample.decode_tok_per_s).turn_s
        for sample in samples
    ]
    return [1 / turn_s for turn_s in turns if turn_s]


LEAST_GAIN = 0.03
"""Less is not worth leaving the default for."""

NOISE_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`gain` of a candidate over what was best, by the medians; `noise` is half the range of the repeats of
    the side that scatters more, relative to its median."""

    gain: float
    noise: float

    def is_clear(self, least: float = LEAST_GAIN) -> bool:
        """The gain is `least` at least, and clearly more than the noise."""
        return self.gain >= least and self.gain >= NOISE_FACTOR * self.noise


def compare(candidate: Sequence[float], best: Sequence[float]) -> Comparison:
    """Two lists of speeds, one at least in each; a single one tells nothing of its noise."""
    gain = median(candidate) / median(best) - 1
    halves = [(max(values) - min(values)) / 2 / median(values) for values in (candidate, best)]
    return Comparison(gain, max(halves))
