"""Golden answers: what a model file answered greedily, and under which circumstances."""

import re
import tomllib
from importlib.resources import files

import msgspec

from app.bench.results.report_checks import check_numbers, is_time
from app.engine.protocol import LoadSettings, RpcServer

SETTINGS = (
    "gpu_layers",
    "threads",
    "prompt_threads",
    "batch_tokens",
    "kv_type",
    "flash_attention",
    "context_stretch",
    "rpc_servers",
)
"""Of the load's settings those that have a part in the computing; how long the context may get has none."""


MOST_CHARACTERS = 100_000
"""Of all questions and answers of a run together."""
MOST_TOKENS = 10_000
"""Of an answer."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question of the golden set."""

    id: str
    text: str
    most_tokens: int


class GoldenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A greedy answer: its tokens and the natural-log probability of each, before any sampler."""

    id: str
    question: str
    text: str
    tokens: list[int]
    logprobs: list[float]
    prompt_tok_per_s: float
    decode_tok_per_s: float
    others_cpu_percent: float = 0.0


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can move an answer or a speed."""

    sha256: str
    quantisation: str
    stillroom_version: str
    llama_cpp_version: str
    system_info: str
    backend: str
    gpus: list[str]
    gpu_driver: str
    processor: str
    settings: LoadSettings
    """The settings that the engine chose for the load."""

    def differences(self, other: "Circumstances") -> list[tuple[str, str, str]]:
        """List the fields that differ, as (field, here, there)."""
        found = []
        for field in self.__struct_fields__:
            mine, theirs = getattr(self, field), getattr(other, field)
            if field == "settings":
                found += [
                    (name, _short(name, getattr(mine, name)), _short(name, getattr(theirs, name)))
                    for name in SETTINGS
                    if getattr(mine, name) != getattr(theirs, name)
                ]
            elif mine != theirs:
                found.append((field, _short(field, mine), _short(field, theirs)))
        return found


class GoldenRun(msgspec.Struct, frozen=True, kw_only=True):
    """The golden set, answered once. `baseline_id` is the run that it is compared with, its own id where it
    is one itself. `noise` is the largest difference in log probability between two passes of the baseline."""

    id: str
    baseline_id: str
    started_at: str
    path: str
    name: str
    circumstances: Circumstances
    answers: list[GoldenAnswer]
    noise: float = 0.0

    @property
    def is_baseline(self) -> bool:
        """Tell whether other runs are compared with this one."""
        return self.id == self.baseline_id


def check_golden_run(run: GoldenRun) -> None:
    """Raise `ValueError` with the reason for a run that the golden set cannot have made."""
    check_numbers(msgspec.to_builtins(run))
    texts = sum(len(answer.text) + len(answer.question) for answer in run.answers)
    if texts > MOST_CHARACTERS or len({answer.id for answer in run.answers}) < len(run.answers):
        raise ValueError("it has other answers than the golden set")
    if any(len(answer.tokens) > MOST_TOKENS or len(answer.logprobs) > MOST_TOKENS for answer in run.answers):
        raise ValueError("an answer in it is too long")
    speeds = [answer.decode_tok_per_s for answer in run.answers]
    speeds += [answer.prompt_tok_per_s for answer in run.answers]
    if min(run.noise, *speeds, 0.0) < 0:
        raise ValueError("it holds a negative speed")
    if not is_time(run.started_at):
        raise ValueError("it does not say when it was made")


def golden_set() -> list[Question]:
    """The questions, always the same ones in the same order."""
    data = tomllib.loads((files("resources") / "suites" / "golden.toml").read_text("utf-8"))
    return [
        Question(id=f"golden-{place}", text=text, most_tokens=data["most_tokens"])
        for place, text in enumerate(data["questions"], start=1)
    ]


def _short(field: str, value: object) -> str:
    if isinstance(value, list | tuple):
        names = (one.address if isinstance(one, RpcServer) else str(one) for one in value)
        return ", ".join(names) or "none"
    if field == "system_info":
        return ", ".join(re.findall(r"(\w+) = 1\b", str(value))) or str(value)
    return str(value)[:12] if field == "sha256" else str(value)
