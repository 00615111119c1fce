"""The local API against llama.cpp's own server: same model and prompts, in turn, one run. Prints ratios."""

import concurrent.futures
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.perf.build_llama_tools import needed_tool
from tests.perf.engine_speed import model_path
from tests.perf.llama_server import llama_server
from tests.perf.many_streams import CONTEXT_TOKENS, THREADS
from tests.support.cli import Cli

CLIENTS = (1, 4, 8)
SLOTS = max(CLIENTS)
NEW_TOKENS = int(os.environ.get("STILLROOM_PERF_TOKENS", "96"))
PROMPT_WORDS = 48
ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "9"))
WORDS = ("river", "stone", "lantern", "window", "morning", "letter", "engine", "garden", "winter", "harbour")


@dataclass(frozen=True)
class Round:
    """Seen by so many clients at once: tokens per second of all, and the median time to the first one."""

    tok_per_s: float
    ttft_ms: float


def prompts_of(clients: int, turn: int) -> list[str]:
    """Words in an order that no other prompt has, so that nothing of it is in a cache; the same for both
    servers, so that their replies are as long."""
    draw = random.Random(f"{clients} {turn}")
    return [" ".join(draw.choices(WORDS, k=PROMPT_WORDS)) for _ in range(clients)]


def ask(http: httpx.Client, prompt: str) -> tuple[float, int]:
    """Seconds to the first text, and how many tokens came."""
    body = {
        "prompt": prompt, "max_tokens": NEW_TOKENS, "temperature": 0.0, "stream": True,
        "stream_options": {"include_usage": True}, "cache_prompt": False,
    }  # fmt: skip
    # llama-server closes a line that nothing came on for a while, and the other side has its turn in between.
    headers = {"Connection": "close"}
    began_s = time.perf_counter()
    first_s, tokens = 0.0, 0
    with http.stream("POST", "/v1/completions", json=body, headers=headers) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if not first_s and chunk["choices"] and chunk["choices"][0]["text"]:
                first_s = time.perf_counter() - began_s
            if chunk.get("usage"):
                tokens = chunk["usage"]["completion_tokens"]
    return first_s, tokens


def round_of(http: httpx.Client, prompts: Sequence[str]) -> Round:
    began_s = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(len(prompts)) as pool:
        seen = list(pool.map(lambda prompt: ask(http, prompt), prompts))
    elapsed_s = time.perf_counter() - began_s
    return Round(
        sum(tokens for _, tokens in seen) / elapsed_s, 1000 * statistics.median(first for first, _ in seen)
    )


def pair_of(sides: Sequence[httpx.Client], clients: int, turn: int) -> list[Round]:
    """A round of each side, in their order; which goes first changes from turn to turn."""
    prompts = prompts_of(clients, turn)
    rounds = {side: round_of(sides[side], prompts) for side in ((0, 1) if turn % 2 else (1, 0))}
    return [rounds[side] for side in range(len(sides))]


@contextmanager
def stillroom_server(home: Path) -> Iterator[httpx.Client]:
    """`stillroom serve` as a user starts it, guessing ahead switched off as it is there."""
    cli = Cli(home)
    (home / "config").mkdir(parents=True)
    (home / "config" / "settings.json").write_text('{"speculation": "off"}')
    command = [
        "serve", model_path(), "--port", "0", "--context", str(CONTEXT_TOKENS), "--parallel", str(SLOTS),
        "--threads", str(THREADS), "--json",
    ]  # fmt: skip
    with cli.start(*command) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {told['key']}"}
        try:
            with httpx.Client(base_url=told["url"], headers=headers, timeout=600) as http:
                yield http
        finally:
            process.terminate()
            process.communicate()


def main() -> None:
    """Measure and print."""
    tool = needed_tool("llama-server")
    print(f"\n{Path(model_path()).name}, {THREADS} thread(s), {ROUNDS} rounds in turn, streamed, medians")
    with (
        tempfile.TemporaryDirectory() as home,
        llama_server(
            tool, model_path(), threads=THREADS, slots=SLOTS, context_tokens=CONTEXT_TOKENS
        ) as reference,
        stillroom_server(Path(home)) as ours,
    ):
        for clients in CLIENTS:
            # The first warms both up.
            pairs = [pair_of((ours, reference.http), clients, turn) for turn in range(ROUNDS + 1)][1:]
            speed = [statistics.median(pair[side].tok_per_s for pair in pairs) for side in (0, 1)]
            first = [statistics.median(pair[side].ttft_ms for pair in pairs) for side in (0, 1)]
            faster = statistics.median(mine.tok_per_s / other.tok_per_s for mine, other in pairs)
            later = statistics.median(mine.ttft_ms / other.ttft_ms for mine, other in pairs)
            print(
                f"  {clients} client(s): llama-server {speed[1]:.1f} tok/s, first {first[1]:.0f} ms   "
                f"Stillroom {speed[0]:.1f} tok/s ({faster:.3f}), first {first[0]:.0f} ms ({later:.3f})"
            )


if __name__ == "__main__":
    main()
