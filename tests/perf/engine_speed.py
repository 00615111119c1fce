"""The engine against llama-bench: same model and threads, same run. Prints ratios, never fails on a clock."""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, LoadSettings, Sampling
from models.system.child_process import computing_environment
from tests.perf.build_llama_tools import needed_tool
from tests.perf.padded_model import write_padded
from tests.support.engines import GREEDY, starter_path

PROMPT_TOKENS = 512
NEW_TOKENS = 128
ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "7"))
THREADS = [count for count in (1, 2) if count <= (os.cpu_count() or 1)]
SAMPLINGS = {"greedy": GREEDY, "R1 defaults": Sampling(seed=1)}


def model_path() -> str:
    """`STILLROOM_PERF_MODEL`, or the starter model."""
    return os.environ.get("STILLROOM_PERF_MODEL") or starter_path()


@contextmanager
def loaded(model: str, threads: int) -> Iterator[EngineClient]:
    """An engine process of its own, warmed up, as each llama-bench is: where the weights come to lie in
    memory makes up to 3%, which would otherwise be the same in all rounds.

    It has done no more than llama-bench has when the measuring begins: processors are fastest after a rest.
    """
    client = EngineClient(child_command("engine"))
    client.load(model, LoadSettings(context_tokens=1024, threads=threads)).future.result()
    prompt_rate(client)
    yield client
    client.close()


def llama_bench(
    tool: Path,
    model: str,
    threads: int,
    *,
    new_tokens: int = NEW_TOKENS,
    depth_tokens: int = 0,
    plan: LoadSettings | None = None,
) -> tuple[float, float]:
    """Prompt and generation tokens per second of llama-bench's own loop, behind `depth_tokens`: as it comes,
    or with what the engine chose (`plan`) and in the environment of its process."""
    options = ["-p", str(PROMPT_TOKENS), "-n", str(new_tokens), "-r", "1", "-ngl", "0", "-o", "json"]
    options += ["-d", str(depth_tokens)]
    command = [str(tool), "-m", model, "-t", str(threads), *options, *(as_planned(plan) if plan else ())]
    environment = computing_environment() if plan is not None else None
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    prompt, generation = json.loads(done.stdout)
    assert (prompt["n_prompt"], generation["n_gen"]) == (PROMPT_TOKENS, new_tokens)
    return prompt["avg_ts"], generation["avg_ts"]


def as_planned(plan: LoadSettings) -> list[str]:
    """llama-bench's options for what the engine chose."""
    return ["-fa", plan.flash_attention, "-lm", "mmap" if plan.maps_weights else "none"]


def prompt_rate(client: EngineClient) -> float:
    """Prompt tokens per second through the child process, its pipe and the client."""
    tokens = list(range(1000, 1000 + PROMPT_TOKENS))
    reply = client.generate(tokens=tokens, sampling=GREEDY, max_tokens=1, ignore_eog=True, reuse_prefix=False)
    return reply.future.result().stats.prompt_tok_per_s


def decode_rate(client: EngineClient, sampling: Sampling) -> float:
    """Generated tokens per second in the same way, with text and sampling."""
    deltas: list[object] = []
    generation = client.generate(
        tokens=[1000],
        sampling=sampling,
        max_tokens=NEW_TOKENS + 1,
        ignore_eog=True,
        reuse_prefix=False,
        on_event=deltas.append,
    )
    stats = generation.future.result().stats
    assert stats.completion_tokens == NEW_TOKENS + 1
    assert any(isinstance(delta, Delta) for delta in deltas)
    return stats.decode_tok_per_s


def prefill_and_decode_against_llama_bench(model: str, threads: int) -> None:
    tool = needed_tool("llama-bench")
    rows: dict[str, list[tuple[float, float]]] = {
        "llama-bench": [],
        "llama-bench so set": [],
        **{name: [] for name in SAMPLINGS},
    }
    for number in range(ROUNDS):
        rows["llama-bench"].append(llama_bench(tool, model, threads))
        with loaded(model, threads) as client:
            prompt = prompt_rate(client)
            # What comes first is fastest.
            for name in sorted(SAMPLINGS, reverse=number % 2 == 1):
                rows[name].append((prompt, decode_rate(client, SAMPLINGS[name])))
            assert client.state.model is not None
            plan = client.state.model.plan
        rows["llama-bench so set"].append(llama_bench(tool, model, threads, plan=plan))
    print(f"\n{Path(model).name}, {threads} thread(s), {ROUNDS} rounds, medians")
    reference = [statistics.median(column) for column in zip(*rows["llama-bench"], strict=True)]
    for name, values in rows.items():
        prompt, decode = (statistics.median(column) for column in zip(*values, strict=True))
        print(
            f"  {name:20} pp{PROMPT_TOKENS} {prompt:7.1f} tok/s ({prompt / reference[0]:.3f})   "
            f"tg{NEW_TOKENS} {decode:7.1f} tok/s ({decode / reference[1]:.3f})"
        )


def main() -> None:
    """Measure and print: the model, and the starter model with 152,064 tokens."""
    with tempfile.TemporaryDirectory() as folder:
        padded = Path(folder) / "SmolLM2-135M-152k.gguf"
        write_padded(Path(starter_path()), padded)
        for model in (model_path(), str(padded)):
            for threads in THREADS:
                prefill_and_decode_against_llama_bench(model, threads)


if __name__ == "__main__":
    main()
