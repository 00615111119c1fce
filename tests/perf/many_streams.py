"""Many replies at once against llama.cpp's own tools: same model and work, same run. Prints ratios."""

import concurrent.futures
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from tests.perf.build_llama_tools import needed_tool
from tests.perf.engine_speed import model_path
from tests.perf.llama_server import LlamaServer, llama_server
from tests.support.engines import GREEDY

PROMPT_TOKENS = 64
NEW_TOKENS = 128
CONTEXT_TOKENS = 512
ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "5"))
THREADS = os.cpu_count() or 1


def prompt_of(stream: int) -> list[int]:
    """A prompt that shares no beginning with the others."""
    return [1000 + 97 * stream + place for place in range(PROMPT_TOKENS)]


def engine_client(streams: int) -> EngineClient:
    client = EngineClient(child_command("engine"))
    settings = LoadSettings(context_tokens=CONTEXT_TOKENS, threads=THREADS, sequences=streams)
    client.load(model_path(), settings).future.result()
    return client


def engine_round(client: EngineClient, streams: int) -> tuple[float, float]:
    """New tokens per second of all streams: over everything, and while all of them decode."""
    began_s = time.perf_counter()
    replies = [
        client.generate(
            tokens=prompt_of(stream),
            sampling=GREEDY,
            max_tokens=NEW_TOKENS,
            ignore_eog=True,
            reuse_prefix=False,
        )
        for stream in range(streams)
    ]  # fmt: skip
    ends = [reply.future.result() for reply in replies]
    elapsed_s = time.perf_counter() - began_s
    assert all(end.stats.completion_tokens == NEW_TOKENS for end in ends)
    return streams * NEW_TOKENS / elapsed_s, sum(end.stats.decode_tok_per_s for end in ends)


def server_round(server: LlamaServer, streams: int) -> float:
    """New tokens per second of all streams, over everything."""
    began_s = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(streams) as pool:
        ends = list(pool.map(lambda stream: server.complete(prompt_of(stream), NEW_TOKENS), range(streams)))
    elapsed_s = time.perf_counter() - began_s
    assert all(len(end["tokens"]) == NEW_TOKENS for end in ends)
    return streams * NEW_TOKENS / elapsed_s


def batched_bench_round(tool: Path, streams: int) -> float:
    """New tokens per second of llama-batched-bench's own loop, which does not sample."""
    command = [
        str(tool), "-m", model_path(), "-t", str(THREADS), "-ngl", "0", "-c", str(CONTEXT_TOKENS * streams),
        "-npp", str(PROMPT_TOKENS), "-ntg", str(NEW_TOKENS), "-npl", str(streams), "--output-format", "jsonl",
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    speed: float = json.loads(line)["speed_tg"]
    return speed


def four_streams_against_llama_server() -> None:
    client = engine_client(4)
    ours, theirs = [], []
    with llama_server(
        needed_tool("llama-server"), model_path(), threads=THREADS, slots=4, context_tokens=CONTEXT_TOKENS
    ) as server:
        engine_round(client, 4)
        server_round(server, 4)
        for _ in range(ROUNDS):
            theirs.append(server_round(server, 4))
            ours.append(engine_round(client, 4)[0])
    client.close()
    report("four streams", "llama-server -np 4", ours, theirs)


def eight_streams_against_llama_batched_bench() -> None:
    tool = needed_tool("llama-batched-bench")
    client = engine_client(8)
    ours, theirs = [], []
    engine_round(client, 8)
    for _ in range(ROUNDS):
        theirs.append(batched_bench_round(tool, 8))
        ours.append(engine_round(client, 8)[1])
    client.close()
    report("eight streams, decoding", "llama-batched-bench", ours, theirs)


def report(what: str, reference: str, ours: list[float], theirs: list[float]) -> None:
    engine, tool = statistics.median(ours), statistics.median(theirs)
    print(
        f"\n{Path(model_path()).name}, {THREADS} thread(s), {ROUNDS} rounds, medians, {what}\n"
        f"  {reference} {tool:.1f} tok/s   engine {engine:.1f} tok/s ({engine / tool:.3f})"
    )


def main() -> None:
    """Measure and print."""
    four_streams_against_llama_server()
    eight_streams_against_llama_batched_bench()


if __name__ == "__main__":
    main()
