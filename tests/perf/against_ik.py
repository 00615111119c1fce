"""Steps of a model here and with ik_llama.cpp in turn: the yardstick for speed on a processor.

    python -m tests.perf.against_ik IK MODEL ... [--kv-type q8_0] [--depth 8192] [--rows 1 4 512]

IK is a folder with ik_llama.cpp's source, built for this processor in IK/build or where `--built` says
(`cmake -B build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON`, the targets llama and ggml). `other_steps.cpp`
is compiled with its headers by `c++`: rows repacked as it loads, flash attention, large pages, and the same
tokens in the same batches as ours. Both are in memory together and take their steps in turn, so that a
computer whose memory others slow down for a while slows both: `--rounds` rounds in each of `--pairs` pairs of
processes. A line says for each number of rows the median speeds, the median of the rounds' ratios, and their
quartiles. The cache behind so many tokens is kept in `--states`; the prompt's speed is that of those that had
to fill it.
Prints, never fails on a clock.
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
import numpy as np

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.protocol import KvType
from models.system.child_process import computing_environment
from tests.perf.model_steps import BATCH, outputs
from tests.support.contexts import load_model, make_context, timed

LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
WARM_ROWS = 16
STEPS_OF_A_TURN = 8


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of one file; `state` is the file that keeps what is in the cache."""

    file: str
    threads: int
    kv_type: KvType
    depth: int
    state: str


class Side:
    """A process that has the model in memory, and takes steps when it is asked."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.whole_s = msgspec.json.decode(self._answer(), type=float | None)

    def step_s(self, rows: int) -> float:
        """Return the seconds of a step: the median of some, as the first finds other weights cached."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{rows} {max(1, STEPS_OF_A_TURN // rows)}\n".encode())
        self.process.stdin.flush()
        return statistics.median(msgspec.json.decode(self._answer(), type=list[float]))

    def end(self) -> None:
        """End the process."""
        self.process.communicate()

    def _answer(self) -> bytes:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            said = self.process.communicate()[1][-2000:].decode()
            raise SystemExit(f"{self.process.args!r} failed:\n{said}")
        return line


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
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--states", type=Path)
    parser.add_argument("--ours", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours:
        our_steps(msgspec.json.decode(options.ours, type=Steps))
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
                state=str(states / f"{file.stem}-{options.depth}-{options.kv_type}"),
            )
            whole: list[tuple[float, float]] = []
            taken: dict[int, list[tuple[float, float]]] = {rows: [] for rows in options.rows}
            for _ in range(options.pairs):
                sides = ours(steps), ik(program, steps)
                if sides[0].whole_s is not None and sides[1].whole_s is not None:
                    whole.append((sides[0].whole_s, sides[1].whole_s))
                for _ in range(options.rounds):
                    for rows in taken:
                        taken[rows].append((sides[0].step_s(rows), sides[1].step_s(rows)))
                for side in sides:
                    side.end()
            print(line(steps, whole, taken), flush=True)


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


def ours(steps: Steps) -> Side:
    """Start ours, in the environment that an engine has."""
    again = [sys.executable, "-m", "tests.perf.against_ik", "--ours", msgspec.json.encode(steps).decode()]
    return Side(again, os.environ | computing_environment())


def ik(program: Path, steps: Steps) -> Side:
    """Start ik_llama.cpp's."""
    words = [steps.file, steps.threads, steps.kv_type, steps.depth, f"{steps.state}-ik"]
    return Side([str(program), *map(str, words)], os.environ | LARGE_PAGES)


def our_steps(steps: Steps) -> None:
    """Take steps in this process, as `other_steps.cpp` does."""
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
    print(json.dumps(whole_s), flush=True)
    for asked in sys.stdin:
        rows, times = map(int, asked.split())
        print([timed(context, rows, steps.depth, outputs(rows)) for _ in range(times)], flush=True)
    os._exit(0)


def line(
    steps: Steps, whole: Sequence[tuple[float, float]], taken: dict[int, list[tuple[float, float]]]
) -> str:
    """Say what a file's steps took."""
    words = [f"{Path(steps.file).stem}, {steps.threads} thread(s), {steps.kv_type}, behind {steps.depth:,}"]
    words[0] += f" tokens, n = {len(next(iter(taken.values())))} (tok/s, ours / ik):"
    if whole:
        words.append(f"the prompt {ratio(steps.depth, whole)}")
    words += [f"{rows} {ratio(rows, taken[rows])}" for rows in sorted(taken)]
    return words[0] + " " + ", ".join(words[1:])


def ratio(rows: int, pairs: Sequence[tuple[float, float]]) -> str:
    """Say the speeds of both, and how many times as fast ours is."""
    speeds = [rows / statistics.median(side) for side in zip(*pairs, strict=True)]
    low, middle, high = np.percentile([theirs / ours for ours, theirs in pairs], (25, 50, 75))
    return f"{speeds[0]:.1f} / {speeds[1]:.1f} ({middle:.2f}, {low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
