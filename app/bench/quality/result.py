"""The result of an item, and the run it belongs to."""

from typing import Literal

import msgspec

from app.bench.quality.item import Kind
from app.bench.results.report import OVER_HTTP, EngineFacts, MachineFacts, ModelFacts
from app.engine.protocol import Sampling

Verdict = Literal["right", "wrong", "unfinished", "undecided", "failed", "does_not_fit", "scored"]
"""`unfinished`: the reply reached its limit of tokens; `undecided`: comparing the answers took too long;
`failed`: the engine's process ended with it, `found` says why;
`scored`: there is no right or wrong, only figures."""


class TurnResult(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its reply. Seconds run from the question to the reply's end."""

    question: str
    thinking: str
    answer: str
    expected: str
    prompt_tokens: int
    completion_tokens: int
    thinking_tokens: int
    seconds: float
    finish_reason: str
    seed: int


class ItemResult(msgspec.Struct, frozen=True, kw_only=True):
    """A finished item. `found` is what the verdict is about (the final answer, the label); `scores` are its
    figures: rouge_l, bleu (0 to 100), or the sums of a text's scored tokens."""

    id: str
    kind: Kind
    verdict: Verdict
    turns: list[TurnResult] = []
    found: str = ""
    scores: dict[str, float] = {}
    words: int = 0
    depth: float = 0.0
    at: str = ""

    @property
    def seconds(self) -> float:
        """All turns together."""
        return sum(turn.seconds for turn in self.turns) or self.scores.get("seconds", 0.0)

    @property
    def completion_tokens(self) -> int:
        """All turns together."""
        return sum(turn.completion_tokens for turn in self.turns)


class CollectionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Where items came from. `items` is how many were chosen of it."""

    kind: Kind
    name: str
    licence: str
    source: str
    sha256: str
    items: int


class Protocol(msgspec.Struct, frozen=True, kw_only=True):
    """How replies were drawn. Every item has its own seed, made of `seed` and its id; `max_tokens` are for
    thinking and answer together."""

    sampling: Sampling
    seed: int
    max_tokens: int
    samples: int = 1
    loop_guard: bool = True
    perplexity_context_tokens: int = 512


class QualityRun(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a run, known when it begins. `started_at` is ISO 8601 in UTC."""

    id: str
    started_at: str
    stillroom_version: str
    protocol: Protocol
    collections: list[CollectionFacts]
    machine: MachineFacts
    model: ModelFacts
    engine: EngineFacts | None = None
    source: str = "stillroom"
    """`OVER_HTTP` for a model that a server elsewhere runs."""

    @property
    def is_elsewhere(self) -> bool:
        """The model did not run on `machine`, which only asked it."""
        return self.source == OVER_HTTP
