"""The search against made-up machines whose speeds are known."""

import random
from collections.abc import Callable

import pytest

from app.base.errors import EngineError
from app.engine.protocol import LoadSettings
from app.tuning.knobs import Figure, TuningMachine
from app.tuning.search import Outcome, Sample, Search

PLAN = LoadSettings(
    context_tokens=512,
    gpu_layers=0,
    threads=8,
    prompt_threads=8,
    batch_tokens=512,
    sequences=1,
    kv_type="f16",
)
CPU = TuningMachine(physical_cores=8, logical_cores=16)
CARD = TuningMachine(physical_cores=8, logical_cores=16, layers=29, has_card=True)


class MadeUpMachine:
    """Gives the speeds of `speed`; every sample takes a second of its clock."""

    def __init__(self, speed: Callable[[LoadSettings], tuple[float, float]], budget: int = 1000) -> None:
        self._speed = speed
        self.budget = budget
        self.samples: list[tuple[LoadSettings, Figure]] = []
        self.told: list[tuple[str, int, int]] = []

    def measure(self, plan: LoadSettings, figure: Figure) -> Sample:
        self.samples.append((plan, figure))
        return Sample(*self._speed(plan))

    def search(self, plan: LoadSettings = PLAN, machine: TuningMachine = CPU) -> Outcome:
        search = Search(
            self.measure,
            lambda: len(self.samples) < self.budget,
            lambda what, done, total: self.told.append((what, done, total)),
        )
        return search.run(plan, machine)


def flat(plan: LoadSettings) -> tuple[float, float]:
    return 400.0, 20.0


def test_where_nothing_is_faster_the_defaults_stay() -> None:
    outcome = MadeUpMachine(flat).search()
    assert outcome.plan == PLAN
    assert outcome.before == outcome.after
    assert {row.knob for row in outcome.rows if row.chosen} == {
        "threads",
        "flash_attention",
        "prompt_threads",
        "batch_tokens",
        "kv_type",
    }
    assert all(row.value == getattr(PLAN, row.knob) for row in outcome.rows if row.chosen)
    assert all("Stays" in str(row.why) for row in outcome.rows if row.chosen)


def test_the_fastest_value_of_each_setting_is_taken() -> None:
    def speed(plan: LoadSettings) -> tuple[float, float]:
        prompt = 400.0 * (1.4 if plan.prompt_threads == 16 else 1) * (1.2 if plan.batch_tokens == 256 else 1)
        decode = {6: 24.0, 4: 22.0}.get(plan.threads, 20.0)
        return prompt, decode

    outcome = MadeUpMachine(speed).search()
    assert (outcome.plan.threads, outcome.plan.prompt_threads, outcome.plan.batch_tokens) == (6, 16, 256)
    assert outcome.after.decode_tok_per_s == 24.0
    assert outcome.before.decode_tok_per_s == 20.0
    [chosen] = [row for row in outcome.rows if row.knob == "threads" and row.chosen]
    assert (chosen.value, chosen.repeats) == (6, 5)
    assert str(chosen.why) == "20.0% faster."


@pytest.mark.parametrize("scatter", [0.02, 0.05, 0.1, 0.2])
def test_noise_alone_changes_hardly_ever_anything(scatter: float) -> None:
    changed = dict.fromkeys(("threads", "prompt_threads", "batch_tokens", "flash_attention", "kv_type"), 0)
    searches = 100
    for seed in range(searches):
        draw = random.Random(seed)
        outcome = MadeUpMachine(
            lambda plan, draw=draw: (400.0 * draw.gauss(1, scatter), 20.0 * draw.gauss(1, scatter))
        ).search()
        for knob in changed:
            changed[knob] += getattr(outcome.plan, knob) != getattr(PLAN, knob)
    assert max(changed.values()) <= 3


def test_a_real_tenth_is_found_through_a_little_noise() -> None:
    found = 0
    for seed in range(100):
        draw = random.Random(seed)

        def speed(plan: LoadSettings, draw: random.Random = draw) -> tuple[float, float]:
            return 400.0, (22.0 if plan.threads == 6 else 20.0) * draw.gauss(1, 0.02)

        found += MadeUpMachine(speed).search().plan.threads == 6
    assert found >= 90


def test_a_smaller_cache_must_be_worth_its_accuracy() -> None:
    def speed(gain: float) -> Callable[[LoadSettings], tuple[float, float]]:
        return lambda plan: (400.0, 20.0 * (gain if plan.kv_type == "q8_0" else 1))

    assert MadeUpMachine(speed(1.08)).search().plan.kv_type == "f16"
    assert MadeUpMachine(speed(1.3)).search().plan.kv_type == "q8_0"
    outcome = MadeUpMachine(lambda plan: (400.0, 60.0 if plan.kv_type == "q4_0" else 20.0)).search()
    assert outcome.plan.kv_type == "f16"
    [shown] = [row for row in outcome.rows if row.value == "q4_0"]
    assert "can cost accuracy" in str(shown.why)


def test_without_flash_attention_there_is_no_quantised_cache() -> None:
    def speed(plan: LoadSettings) -> tuple[float, float]:
        return 400.0, 30.0 if plan.flash_attention == "off" else 20.0

    machine = MadeUpMachine(speed)
    outcome = machine.search()
    assert outcome.plan.flash_attention == "off"
    assert outcome.plan.kv_type == "f16"


def test_more_layers_than_estimated_are_tried_and_those_that_fail_are_left_out() -> None:
    def speed(plan: LoadSettings) -> tuple[float, float]:
        if plan.gpu_layers > 21:
            raise EngineError("too many")
        return 400.0, 10.0 + plan.gpu_layers

    plan = LoadSettings(**{**{f: getattr(PLAN, f) for f in PLAN.__struct_fields__}, "gpu_layers": 20})
    outcome = MadeUpMachine(speed).search(plan, CARD)
    assert outcome.plan.gpu_layers == 21
    failed = [row.value for row in outcome.rows if "Does not work" in str(row.why)]
    assert failed == [24, 22]


def test_with_everything_on_the_card_the_threads_are_left_alone() -> None:
    plan = LoadSettings(**{**{f: getattr(PLAN, f) for f in PLAN.__struct_fields__}, "gpu_layers": 29})
    outcome = MadeUpMachine(lambda plan: (5000.0, 100.0)).search(plan, CARD)
    assert {row.knob for row in outcome.rows} == {
        "gpu_layers",
        "flash_attention",
        "batch_tokens",
        "kv_type",
    }
    assert {row.value for row in outcome.rows if row.knob == "batch_tokens"} == {128, 256, 512, 1024, 2048}


def test_when_the_time_is_over_the_rest_is_said_to_be_open() -> None:
    machine = MadeUpMachine(flat, budget=6)
    outcome = machine.search()
    assert len(machine.samples) == 6
    assert any("time was over" in str(row.why) for row in outcome.rows)
    assert outcome.plan == PLAN


def test_progress_never_goes_beyond_the_whole() -> None:
    machine = MadeUpMachine(lambda plan: (400.0, 20.0 + plan.threads))
    machine.search()
    assert all(done < total for _, done, total in machine.told)
    assert [done for _, done, _ in machine.told] == list(range(len(machine.samples)))
