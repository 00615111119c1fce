"""The result of a benchmark: a documented JSON document that later versions only add to.

`schema_version` changes when a field changes its meaning; new fields do not change it. Readers ignore
fields that they do not know.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from app.base.errors import StillroomError
from app.bench.results.model_work import ModelWork
from app.bench.results.statistics import summarise
from app.engine.protocol import LoadSettings
from models.system.shown_text import fill

SCHEMA = "stillroom.benchmark"
SCHEMA_VERSION = 1

Unit = Literal["tok/s", "s", "bytes", "W", "tok/J"]
OVER_HTTP = "over HTTP, not on this machine"
"""The source of a run of a model that a server elsewhere runs."""

HIGHER_IS_BETTER: tuple[Unit, ...] = ("tok/s", "tok/J")

Mark = Literal["busy", "battery", "hot", "throttled"]
"""A possible disturbance of a repeat: other programs, the battery, a processor at its heat limit, a processor
or graphics card that slowed itself down for its heat or power."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One repeat: the figure, how long the repeat took, and what else the machine did meanwhile.

    `others_cpu_percent` is the share of all cores that other programs used. Temperatures are those of the
    hottest sensor of the processor; None where the system does not tell.
    """

    value: float
    duration_s: float = 0.0
    others_cpu_percent: float = 0.0
    temperature_c: float | None = None
    marks: list[Mark] = []


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over its repeats. `sd` is the sample deviation; `low` and `high` bound the 95% confidence
    interval of the mean (Student's t). All three are null where there is one sample only.

    `prompt_tokens` and `generated_tokens` are what each repeat evaluated, behind `depth_tokens` that were in
    the context before, in each of `streams` replies at once.
    """

    key: str
    unit: Unit
    better: Literal["higher", "lower"]
    samples: list[Sample]
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    warmups: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    depth_tokens: int = 0
    streams: int = 1

    @property
    def values(self) -> list[float]:
        """The repeats' figures alone."""
        return [sample.value for sample in self.samples]


class GpuFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A graphics card that NVML named, or else llama.cpp. `vram_bytes_per_s` is what its memory clock and bus
    allow; 0 and "" are what the card does not tell."""

    name: str
    vram_total_bytes: int
    vram_bytes_per_s: float = 0.0
    pcie: str = ""


class MachineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The computer, without anything that names its owner."""

    processor: str
    cores: int
    threads: int
    memory_total_bytes: int
    system: str
    python: str
    gpus: list[GpuFacts] = []
    gpu_driver: str = ""
    features: list[str] = []
    """Instruction sets of the processor that matter to llama.cpp, and that it uses."""


class Ceilings(msgspec.Struct, frozen=True, kw_only=True):
    """What this computer can do at most, measured before the run; 0 where it could not be measured.

    `memory_*_bytes_per_s` is reading memory with one thread and with the run's threads. The working set is
    what the model reads for a token: where it fits into the processor's caches, it is read faster than the
    memory. `flop_per_s` is multiplying matrices of `weight_type` by llama.cpp's own code, on the processor or
    on the graphics card (`device`).
    """

    threads: int
    memory_one_thread_bytes_per_s: float
    memory_bytes_per_s: float
    working_set_bytes: int
    working_set_bytes_per_s: float
    weight_type: str
    flop_per_s: float
    device: Literal["cpu", "gpu"] = "cpu"


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How near the measure `key` is to what `bound` allows: `allowed` is in the measure's unit, `share` is
    the measured part of it (0.78 is 78%). `bytes` are read and `flop` computed for each token."""

    key: str
    bound: Literal["memory", "compute"]
    allowed: float
    share: float
    bytes: float
    flop: float


class NotMeasured(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that the run does not have: `reason` is an English template that `values` fills."""

    key: str
    reason: str
    values: dict[str, str | int | float] = {}

    def __str__(self) -> str:
        return fill(self.reason, self.values)


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The model file; `file` is its name without the folder."""

    name: str
    file: str
    sha256: str
    size_bytes: int
    quantisation: str
    architecture: str
    parameters: int
    layers: int
    work: ModelWork | None = None


class EngineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """llama.cpp and what it was told and chose."""

    llama_cpp_version: str
    system_info: str
    backend: str
    gpu_layers: int
    threads: int
    context_tokens: int
    batch_tokens: int
    kv_type: str
    asked: LoadSettings


class SectionFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a section, such as a score. `n` items were measured; `low` and `high` bound its 95%
    confidence interval, null where there is none. `unit` "%" holds shares as 0 to 100."""

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    n: int = 0
    protocol: str = ""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a report beside speed, such as "quality" or "drift": its figures, and `protocol`, how they
    were measured. `not_measured` says what is missing and why."""

    key: str
    title: str
    protocol: str
    figures: list[SectionFigure] = []
    not_measured: list[str] = []


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a suite. `started_at` is ISO 8601 in UTC, `id` a random UUID.

    `source` is the program that measured: "stillroom", or "llama-bench" for figures that were imported; for a
    model of a server elsewhere, which `machine` asked, it is `OVER_HTTP`.
    `interruptions` counts how often the run was ended and went on later.
    """

    id: str
    started_at: str
    duration_s: float
    stillroom_version: str
    suite: str
    machine: MachineFacts
    model: ModelFacts
    engine: EngineFacts
    measures: list[Measure]
    ceilings: Ceilings | None = None
    limits: list[Limit] = []
    not_measured: list[NotMeasured] = []
    sections: list[Section] = []
    source: str = "stillroom"
    interruptions: int = 0
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    @property
    def is_elsewhere(self) -> bool:
        """The model did not run on `machine`, and its figures were taken over HTTP."""
        return self.source == OVER_HTTP

    def measure(self, key: str) -> Measure | None:
        """The measure `key`, None where this run has none."""
        return next((measure for measure in self.measures if measure.key == key), None)

    @property
    def generation(self) -> Measure | None:
        """The generation speed from an empty context, whatever its length."""
        return next(
            (m for m in self.measures if m.key.startswith("tg") and not m.depth_tokens and m.streams == 1),
            None,
        )

    @property
    def prompt(self) -> Measure | None:
        """The prompt speed, of 512 tokens where that was measured."""
        prompts = [measure for measure in self.measures if measure.key.startswith("pp")]
        return next((m for m in prompts if m.key == "pp512"), prompts[0] if prompts else None)

    def limit(self, key: str) -> Limit | None:
        """Return the limit of the measure `key`; None where it is not known."""
        return next((limit for limit in self.limits if limit.key == key), None)

    @property
    def marks(self) -> list[Mark]:
        """Everything that may have disturbed this run, each once."""
        found = (mark for measure in self.measures for sample in measure.samples for mark in sample.marks)
        return list(dict.fromkeys(found))


def measure_of(
    key: str,
    unit: Unit,
    samples: Sequence[Sample],
    *,
    warmups: int = 0,
    prompt_tokens: int = 0,
    generated_tokens: int = 0,
    depth_tokens: int = 0,
    streams: int = 1,
) -> Measure:
    """A measure with the statistics of its samples (at least one)."""
    summary = summarise([sample.value for sample in samples])
    return Measure(
        key=key,
        unit=unit,
        better="higher" if unit in HIGHER_IS_BETTER else "lower",
        samples=list(samples),
        mean=summary.mean,
        sd=summary.sd,
        low=summary.low,
        high=summary.high,
        warmups=warmups,
        prompt_tokens=prompt_tokens,
        generated_tokens=generated_tokens,
        depth_tokens=depth_tokens,
        streams=streams,
    )


def report_to_json(report: Report, indent: int = 0) -> bytes:
    """The document; `indent` spaces a level where people may read it."""
    data = msgspec.json.encode(report)
    return msgspec.json.format(data, indent=indent) + b"\n" if indent else data


def report_from_json(data: bytes) -> Report:
    """A report that `report_to_json` wrote, here or elsewhere.

    Raises `StillroomError` for anything else and for a later `schema_version`.
    """
    try:
        report = msgspec.json.decode(data, type=Report)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise StillroomError(
            "This is not a benchmark report of Stillroom: {reason}.",
            "Choose a JSON file that Stillroom exported.",
            reason=str(error).rstrip("."),
        ) from error
    if report.schema != SCHEMA or report.schema_version > SCHEMA_VERSION:
        raise StillroomError(
            "This benchmark report has the format {schema} {version}, which this Stillroom cannot read.",
            "Update Stillroom to read it.",
            schema=report.schema,
            version=report.schema_version,
        )
    return report
