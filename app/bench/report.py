"""The result of a benchmark: a documented JSON document that later versions only add to.

`schema_version` changes when a field changes its meaning; new fields do not change it. Readers ignore
fields that they do not know.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from app.bench.statistics import summarise
from app.engine.messages import LoadSettings
from app.errors import StillroomError

SCHEMA = "stillroom.benchmark"
SCHEMA_VERSION = 1

Unit = Literal["tok/s", "s", "bytes"]
Mark = Literal["busy", "battery", "hot"]
"""What may have disturbed a repeat: other programs, the battery, a processor at its heat limit."""


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

    `prompt_tokens` and `generated_tokens` are what each repeat evaluated.
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

    @property
    def values(self) -> list[float]:
        """The repeats' figures alone."""
        return [sample.value for sample in self.samples]


class GpuFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A graphics card that NVML named."""

    name: str
    vram_total_bytes: int


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
    """One run of a suite. `started_at` is ISO 8601 in UTC, `id` a random UUID."""

    id: str
    started_at: str
    duration_s: float
    stillroom_version: str
    suite: str
    machine: MachineFacts
    model: ModelFacts
    engine: EngineFacts
    measures: list[Measure]
    sections: list[Section] = []
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    def measure(self, key: str) -> Measure | None:
        """The measure `key`, None where this run has none."""
        return next((measure for measure in self.measures if measure.key == key), None)

    @property
    def generation(self) -> Measure | None:
        """The generation speed, whatever its length."""
        return next((measure for measure in self.measures if measure.key.startswith("tg")), None)

    @property
    def prompt(self) -> Measure | None:
        """The prompt speed, whatever its length."""
        return next((measure for measure in self.measures if measure.key.startswith("pp")), None)

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
) -> Measure:
    """A measure with the statistics of its samples (at least one)."""
    summary = summarise([sample.value for sample in samples])
    return Measure(
        key=key,
        unit=unit,
        better="higher" if unit == "tok/s" else "lower",
        samples=list(samples),
        mean=summary.mean,
        sd=summary.sd,
        low=summary.low,
        high=summary.high,
        warmups=warmups,
        prompt_tokens=prompt_tokens,
        generated_tokens=generated_tokens,
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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
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
