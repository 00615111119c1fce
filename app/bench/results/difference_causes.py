"""All that may explain why two runs differ: computer, model file, programs, driver and settings."""

from dataclasses import dataclass
from typing import Protocol

from app.bench.results.report import EngineFacts, MachineFacts, ModelFacts


class Run(Protocol):
    """The common part of speed and quality runs."""

    @property
    def started_at(self) -> str:
        """ISO 8601 in UTC."""

    @property
    def stillroom_version(self) -> str:
        """Of the program that ran it."""

    @property
    def source(self) -> str:
        """The program that measured."""

    @property
    def is_elsewhere(self) -> bool:
        """The model did not run on `machine`."""

    @property
    def machine(self) -> MachineFacts:
        """The computer."""

    @property
    def model(self) -> ModelFacts:
        """The model file."""

    @property
    def engine(self) -> EngineFacts | None:
        """llama.cpp, None where the run has not loaded a model."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that was not the same in two runs, so that it may explain a change."""

    field: str
    before: str
    after: str


def circumstances(run: Run) -> list[tuple[str, str]]:
    """Field and value of each, in a fixed order."""
    machine, model, engine = run.machine, run.model, run.engine
    found = [
        ("source", run.source),
        ("processor", machine.processor),
        ("gpus", ", ".join(gpu.name for gpu in machine.gpus)),
        ("gpu_driver", machine.gpu_driver),
        ("system", machine.system),
        ("model", model.name),
        ("quantisation", model.quantisation),
        ("sha256", model.sha256[:12]),
        ("stillroom_version", run.stillroom_version),
    ]
    if engine is not None:
        found += [
            ("llama_cpp_version", engine.llama_cpp_version),
            ("backend", engine.backend),
            ("gpu_layers", str(engine.gpu_layers)),
            ("threads", str(engine.threads)),
            ("context_tokens", str(engine.context_tokens)),
            ("batch_tokens", str(engine.batch_tokens)),
            ("kv_type", engine.kv_type),
        ]
    return found


def differences(before: Run, after: Run) -> list[Difference]:
    """List what both runs know and what is not the same in them."""
    was = dict(circumstances(before))
    return [
        Difference(field, was[field], value)
        for field, value in circumstances(after)
        if field in was and was[field] != value
    ]
