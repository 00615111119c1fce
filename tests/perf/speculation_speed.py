"""The gain of guessing ahead on edits of code: same model, same run, greedy. Never fails on a clock."""

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.engine.protocol import (
    Delta,
    Generate,
    GenerationStats,
    KvType,
    LoadSettings,
    ReplyEvent,
    SpeculationMode,
    TokenLogprob,
)
from tests.perf.code_edits import CODE_EDITS, FENCE, CodeEdit
from tests.support.engines import GREEDY, starter_path

THREADS = int(os.environ.get("STILLROOM_PERF_THREADS", "2"))
ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "5"))
KV_TYPE: KvType = "q8_0" if os.environ.get("STILLROOM_PERF_KV") == "q8_0" else "f16"
MOST_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Said:
    """A reply with its figures; `tokens` only where they were asked for."""

    text: str
    stats: GenerationStats
    tokens: list[TokenLogprob]


@contextmanager
def loaded_client() -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"))
    # Greedy replies guess only where rows of a batch are bit for bit what they are alone (`row_proofs`): with
    # one thread, or within the first 256 tokens; never at contexts where the starter has no flash attention.
    settings = LoadSettings(context_tokens=1024, threads=THREADS, sequences=1, kv_type=KV_TYPE)
    client.load(starter_path(), settings).future.result()
    yield client
    client.close()


def reply(client: EngineClient, edit: CodeEdit, mode: SpeculationMode, logprobs: int | None = None) -> Said:
    text: list[str] = []
    tokens: list[TokenLogprob] = []

    def note(event: ReplyEvent) -> None:
        if isinstance(event, Delta):
            text.append(event.text)
            tokens.extend(event.logprobs)

    request = Generate(
        request_id=0,
        parts=edit.prompt(),
        sampling=GREEDY,
        max_tokens=MOST_TOKENS,
        stop=[FENCE],
        speculation=mode,
        reuse_prefix=False,
        logprobs=logprobs,
    )
    finished = client.ask(request, note).future.result()
    return Said("".join(text), finished.stats, tokens)


def gap_at_the_difference(client: EngineClient, edit: CodeEdit) -> float:
    """Return how far apart the two best tokens were where the two replies went different ways."""
    plain = reply(client, edit, "off", logprobs=2).tokens
    guessed = reply(client, edit, "lookup", logprobs=2).tokens
    for one, other in zip(plain, guessed, strict=False):
        if one.drawn.token != other.drawn.token:
            return one.top[0].logprob - one.top[1].logprob
    return 0.0


def main() -> None:
    """Measure and print."""
    with loaded_client() as client:
        prompt_lookup_on_edits_of_code(client)


def prompt_lookup_on_edits_of_code(client: EngineClient) -> None:
    rates: dict[str, list[float]] = {"off": [], "lookup": []}
    different: set[str] = set()
    drafted = accepted = 0
    for _ in range(ROUNDS):
        seconds = {"off": 0.0, "lookup": 0.0}
        tokens = {"off": 0, "lookup": 0}
        for edit in CODE_EDITS:
            plain, guessed = reply(client, edit, "off"), reply(client, edit, "lookup")
            for name, said in (("off", plain), ("lookup", guessed)):
                seconds[name] += said.stats.decode_s
                tokens[name] += said.stats.completion_tokens - 1
            drafted += guessed.stats.drafted_tokens
            accepted += guessed.stats.accepted_tokens
            if plain.text != guessed.text:
                different.add(edit.change)
        for name in rates:
            rates[name].append(tokens[name] / seconds[name])
    off, lookup = statistics.median(rates["off"]), statistics.median(rates["lookup"])
    print(f"\n{len(CODE_EDITS)} edits of code, {THREADS} thread(s), {ROUNDS} rounds, medians")
    print(f"  off {off:.1f} tok/s, lookup {lookup:.1f} tok/s ({lookup / off:.2f}x)")
    print(f"  {accepted / max(1, drafted):.0%} of the guesses were right")
    print(f"  same text in {len(CODE_EDITS) - len(different)} of {len(CODE_EDITS)}")
    for edit in CODE_EDITS:
        if edit.change in different:
            print(
                f"  different: {edit.change} ({gap_at_the_difference(client, edit):.4f} between the two best)"
            )


if __name__ == "__main__":
    main()
