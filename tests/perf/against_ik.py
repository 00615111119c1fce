"""Steps of a model here and with ik_llama.cpp, processes in turn: the yardstick for speed on a processor.

    python -m tests.perf.against_ik IK MODEL ... [--kv-type q8_0] [--depth 8192] [--rows 1 4 512]

IK is a folder with ik_llama.cpp's source, built for this processor in IK/build or where `--built` says
(`cmake -B build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON`, the targets llama and ggml). `other_steps.cpp`
is compiled with its headers by `c++`: rows repacked as it loads, flash attention, large pages, and the same
tokens in the same batches as ours. Medians of `--pairs` processes with `--rounds` rounds each. The cache
behind so many tokens is kept in `--states`; the prompt's speed is that of those that had to fill it. Prints,
never fails on a clock.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.protocol import KvType
from models.system.child_process import computing_environment
from tests.perf.model_steps import BATCH, outputs
from tests.support.contexts import load_model, make_context, timed

LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
WARM_ROWS = 16


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of one file in one process; `state` is the file that keeps what is in the cache."""

    file: str
    threads: int
    kv_type: KvType
    depth: int
    rounds: int
    rows: tuple[int, ...]
    state: str


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of all of the prompt, None where it was kept, and of each step by its rows."""

    whole_s: float | None
    step_s: dict[int, list[float]]


def main() -> None:
    """Print a line for each file: tokens per second of both, and how many times as fast ours are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ik", type=Path, nargs="?")
    parser.add_argument("models", type=Path, nargs="*")
    parser.add_argument("--built", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kv-type", choices=("f16", "q8_0"), default="f16")
    parser.add_argument("--depth", type=int, default=0)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 4, 16, 512])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--states", type=Path)
    parser.add_argument("--ours", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours:
        print(msgspec.json.encode(our_steps(msgspec.json.decode(options.ours, type=Steps))).decode())
        sys.stdout.flush()
        os._exit(0)
    if not options.models:
        parser.error("name ik_llama.cpp's folder and a model")
    with tempfile.TemporaryDirectory() as folder:
        states = options.states or Path(folder)
        program = compiled(options.ik, options.built or options.ik / "build", Path(folder))
        for file in options.models:
            steps = Steps(
                file=str(file),
                threads=options.threads,
                kv_type=options.kv_type,
                depth=options.depth,
                rounds=options.rounds,
                rows=tuple(options.rows),
                state=str(states / f"{file.stem}-{options.depth}-{options.kv_type}"),
            )
            ours, theirs = [], []
            for _ in range(options.pairs):
                ours.append(measure_ours(steps))
                theirs.append(measure_ik(program, steps))
            print(line(steps, ours, theirs), flush=True)


def compiled(ik: Path, built: Path, folder: Path) -> Path:
    """Compile `other_steps.cpp` with ik_llama.cpp's library."""
    program = folder / "other_steps"
    libraries = [next(built.rglob(f"lib{name}.so"), None) for name in ("llama", "ggml")]
    if None in libraries:
        raise SystemExit(f"{built} has no libllama.so and libggml.so: build ik_llama.cpp there")
    headers = [f"-I{ik / each}" for each in ("include", "ggml/include")]
    source = str(Path(__file__).with_name("other_steps.cpp"))
    paths = [f"-Wl,-rpath,{Path(each).resolve().parent}" for each in libraries if each is not None]
    command = ["c++", "-O2", "-std=c++17", *headers, source, *map(str, libraries), *paths, "-o", str(program)]
    subprocess.run(command, check=True)
    return program


def measure_ours(steps: Steps) -> Took:
    """Measure ours in a process of its own, in the environment that an engine has."""
    again = [sys.executable, "-m", "tests.perf.against_ik", "--ours", msgspec.json.encode(steps).decode()]
    return took(again, os.environ | computing_environment())


def measure_ik(program: Path, steps: Steps) -> Took:
    """Measure ik_llama.cpp's in a process of its own."""
    words = [steps.file, steps.threads, steps.kv_type, steps.depth, steps.rounds, f"{steps.state}-ik"]
    return took([str(program), *map(str, words), *map(str, steps.rows)], os.environ | LARGE_PAGES)


def took(command: Sequence[str], environment: dict[str, str]) -> Took:
    """Run a process, and read what it prints at its end."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    return msgspec.convert(json.loads(done.stdout.splitlines()[-1]), Took, strict=False)


def our_steps(steps: Steps) -> Took:
    """Measure in this process."""
    backend = Backend(NativeLog())
    model = load_model(backend, Path(steps.file))
    context = make_context(
        backend, model, steps.depth + 2 * BATCH, threads=steps.threads, kv_type=steps.kv_type
    )
    context.warm_up(max(model.bos, 0))
    for _ in range(2):
        timed(context, WARM_ROWS, 0, WARM_ROWS)
    whole_s, kept = None, Path(steps.state)
    if steps.depth and kept.exists():
        context.remove(0, 0)
        assert context.restore(0, bytearray(kept.read_bytes()))
    elif steps.depth:
        places = range(0, steps.depth, BATCH)
        whole_s = sum(timed(context, min(BATCH, steps.depth - place), place, 1) for place in places)
        kept.write_bytes(context.state(0))
    step_s: dict[int, list[float]] = {rows: [] for rows in steps.rows}
    for _ in range(steps.rounds):
        for rows in steps.rows:
            step_s[rows].append(timed(context, rows, steps.depth, outputs(rows)))
    return Took(whole_s=whole_s, step_s=step_s)


def line(steps: Steps, ours: Sequence[Took], theirs: Sequence[Took]) -> str:
    """Say what a file's steps took."""
    words = [f"{Path(steps.file).stem}, {steps.threads} thread(s), {steps.kv_type}, behind {steps.depth:,}"]
    words[0] += f" tokens, n = {len(ours)} (tok/s, ours / ik):"
    whole = [[each.whole_s for each in side if each.whole_s is not None] for side in (ours, theirs)]
    if all(whole):
        words.append(f"the prompt {pair(steps.depth, *map(statistics.median, whole))}")
    for rows in sorted(set(steps.rows)):
        sides = [
            statistics.median(statistics.median(each.step_s[rows]) for each in side)
            for side in (ours, theirs)
        ]
        words.append(f"{rows} {pair(rows, *sides)}")
    return words[0] + " " + ", ".join(words[1:])


def pair(rows: int, ours_s: float, theirs_s: float) -> str:
    """Say the speeds of both."""
    return f"{rows / ours_s:.1f} / {rows / theirs_s:.1f} ({theirs_s / ours_s:.2f})"


if __name__ == "__main__":
    main()
