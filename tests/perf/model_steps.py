"""Steps of models as people run them: so many rows behind so many tokens, and the share of what memory and
processor can do at most.

    python -m tests.perf.model_steps FOLDER [--shape r1-qwen-1.5b] [--types Q4_K_M Q8_0] [--threads 2 1]

FOLDER gets a checkpoint of the catalogue model's true shape with random weights (3.55 GB for r1-qwen-1.5b)
and a file of each type, unless they are there; the cache behind so many tokens is kept there too,
as it is the same work for any weights. With `LLAMA_CPP_LIB_PATH` another llama.cpp is measured.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec

from app.base.children import child_command
from app.bench.results.model_work import model_work
from app.bench.run.ceilings import CeilingsRequest, MeasuredCeilings, measure_ceilings
from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.llama.context import Context
from app.engine.planning.load_plan import DRAFT_ROWS
from app.engine.protocol import KvType
from converters.build.build_client import build
from converters.gguf.gguf_reader import inspect
from converters.process.messages import BuildRequest
from models.system.child_process import computing_environment
from tests.support.contexts import load_model, make_context, timed
from tests.support.large_checkpoint import make_large_checkpoint

TYPES = ("Q4_K_M", "Q8_0", "Q6_K", "Q5_K_M", "Q4_0", "IQ4_XS")
ROWS = (1, 2, 4, 8, 16, 64, 512)
DEPTHS = (0, 4096, 16384)
BATCH = 512


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of one file with so many threads, in a process of their own."""

    file: str
    shape: str
    threads: int
    depths: tuple[int, ...]
    rows: tuple[int, ...]
    rounds: int
    kv_type: KvType


def main() -> None:
    """Print a table for each file, number of threads and depth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/model-steps"))
    parser.add_argument("--shape", default="r1-qwen-1.5b")
    parser.add_argument("--types", nargs="+", default=list(TYPES))
    parser.add_argument("--threads", nargs="+", type=int, default=[2, 1])
    parser.add_argument("--depths", nargs="+", type=int, default=list(DEPTHS))
    parser.add_argument("--rows", nargs="+", type=int, default=list(ROWS))
    parser.add_argument("--kv-type", choices=get_args(KvType), default="f16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(msgspec.json.decode(options.measure, type=Asked))
        return
    for file in model_files(options.folder, options.shape, options.types):
        for threads in options.threads:
            asked = Asked(
                file=str(file),
                shape=options.shape,
                threads=threads,
                depths=tuple(sorted(options.depths)),
                rows=tuple(options.rows),
                rounds=options.rounds,
                kv_type=options.kv_type,
            )
            # Its threads wait for each other as an engine's do.
            again = [sys.executable, "-m", "tests.perf.model_steps", "--measure"]
            subprocess.run(
                [*again, msgspec.json.encode(asked).decode()],
                env={**os.environ, **computing_environment()},
                check=True,
            )


def model_files(folder: Path, shape: str, types: Sequence[str]) -> list[Path]:
    """The file of each type, built unless it is there."""
    files = [folder / f"{shape}-{each}.gguf" for each in types]
    missing = [each for each, file in zip(types, files, strict=True) if not file.exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint = folder / shape
        if not checkpoint.exists():
            make_large_checkpoint(checkpoint, shape)
        built = build(BuildRequest(checkpoint, missing, folder, shape), child_command("build"))
        for each, output in zip(missing, built.outputs, strict=True):
            output.path.rename(folder / f"{shape}-{each}.gguf")
    return files


def measure(asked: Asked) -> None:
    """Measure one file in this process and print its tables."""
    work = model_work(inspect(Path(asked.file)), asked.kv_type)
    assert work is not None
    request = CeilingsRequest(
        threads=asked.threads, working_set_bytes=work.weight_bytes, type_number=work.main_type_number
    )
    ceilings = measure_ceilings(child_command("ceilings"), request, None, lambda _: None)
    backend = Backend(NativeLog())
    model = load_model(backend, Path(asked.file))
    context = make_context(
        backend, model, max(asked.depths) + 2 * BATCH, threads=asked.threads, kv_type=asked.kv_type
    )
    context.warm_up(max(model.bos, 0))
    print(f"\n{Path(asked.file).stem}, {asked.threads} thread(s), {asked.kv_type} cache, n = {asked.rounds}")
    print(said(ceilings))
    print("| before | rows | tok/s | steps of one | of the memory's speed | of the products' speed |")
    print("|---|---|---|---|---|---|")
    for depth in asked.depths:
        fill(context, depth, Path(asked.file).with_name(f"{asked.shape}-{depth}-{asked.kv_type}.state"))
        took_s: dict[int, list[float]] = {rows: [] for rows in asked.rows}
        for _ in range(asked.rounds):
            for rows in asked.rows:
                took_s[rows].append(timed(context, rows, depth, outputs(rows)))
        one_s = statistics.median(took_s[asked.rows[0]])
        for rows in asked.rows:
            step_s = statistics.median(took_s[rows])
            flop = rows * work.flop_at(depth) + outputs(rows) * work.output_flop
            print(
                f"| {depth:,} | {rows} | {rows / step_s:.1f} | {step_s / one_s:.2f} "
                f"| {share(work.bytes_at(depth) / step_s, ceilings.working_set_bytes_per_s)} "
                f"| {share(flop / step_s, ceilings.flop_per_s)} |",
                flush=True,
            )


def fill(context: Context, depth: int, kept: Path) -> None:
    """Have so many tokens in the cache, by what was kept of it or by evaluating them."""
    context.remove(0, 0)
    if depth and kept.exists():
        assert context.restore(0, bytearray(kept.read_bytes()))
    elif depth:
        for position in range(0, depth, BATCH):
            timed(context, min(BATCH, depth - position), position, 1)
        kept.write_bytes(context.state(0))


def outputs(rows: int) -> int:
    """Rows whose logits are wanted: of a prompt the last, of guesses and replies side by side all."""
    return rows if rows <= DRAFT_ROWS else 1


def said(ceilings: MeasuredCeilings) -> str:
    """Say of which speeds the shares are."""
    memory, products = ceilings.working_set_bytes_per_s / 1e9, ceilings.flop_per_s / 1e9
    return f"memory {memory:.1f} GB/s, products of this type {products:,.0f} GFLOP/s\n"


def share(value: float, most: float) -> str:
    """Per cent of the most; a dash where that could not be measured."""
    return f"{100 * value / most:.0f}%" if most else "–"


if __name__ == "__main__":
    main()
