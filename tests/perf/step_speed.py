"""Tokens per second of the engine against the same loop in C, where a step takes one or three milliseconds.

    python -m tests.perf.step_speed [--rounds N] [--steps 1 3] [--speculation off lookup] [--models FOLDER]

A card's steps are imitated by models with random weights (`small_step_model.py`), R1's vocabulary and
sampling. The loop (`step_loop.c`, compiled here by `cc`) finds the likely tokens by our library and draws by
llama.cpp's samplers (`--whole`: from the whole vocabulary); both sides draw the same tokens, which is
checked. They take turns in one process and one context, as the place of the weights in memory alone makes 5%.
The engine writes its events as its process does. Prints, never fails on a clock.
"""

import argparse
import ctypes
import os
import queue
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, NamedTuple, get_args

import llama_cpp

from app.engine.llama.context import Context
from app.engine.llama.logit_prefilter import negligible_gap
from app.engine.protocol import (
    Event,
    Finished,
    Generate,
    Load,
    Loaded,
    LoadSettings,
    Request,
    Sampling,
    Shutdown,
)
from app.engine.protocol.frames import FrameWriter
from app.engine.protocol.replies import SpeculationMode
from app.engine.worker.engine_core import EngineCore
from models.system.child_process import computing_environment
from tests.perf.padded_model import R1_VOCABULARY
from tests.perf.small_step_model import write_small_step_model
from tests.support.engines import Session, text_of

LIBRARIES = Path(llama_cpp.__file__).parent / "lib"
OUR_SOURCE = Path(__file__).parents[2] / "packaging" / "engine" / "likely_tokens"
FIRST_TOKEN, SEED = 1000, 1
SETTLING = 2
"""Rounds that are not counted."""
UNDER_WAY = "STILLROOM_STEP_SPEED"


class Step(NamedTuple):
    """The size of a model, and the tokens of a round."""

    hidden: int
    layers: int
    tokens: int


STEPS = {1: Step(64, 4, 200), 3: Step(128, 48, 80)}
"""By the least milliseconds that a step takes: layers are added until it does. A round is short: the machine
is faster in one second than in the next."""
SIZING_ROUNDS = 9


class WritingEngine:
    """EngineCore in this process, which writes its events into nothing as well."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._nowhere = Path(os.devnull).open("wb", buffering=0)  # noqa: SIM115 - until `close`
        writer = FrameWriter(self._nowhere)

        def emit(event: Event) -> None:
            writer.write(event)
            self._events.put(event)

        self._core = EngineCore(emit)
        self._core.start()

    def post(self, request: Request) -> None:
        self._core.post(request)

    def next_event(self) -> Event:
        return self._events.get()

    def close(self) -> None:
        self._core.post(Shutdown())
        self._core.join()
        self._nowhere.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--steps", type=int, nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--speculation", nargs="+", choices=get_args(SpeculationMode)[:2], default=["off"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="the loop draws from the whole vocabulary")
    parser.add_argument("--models", type=Path, help="a folder where the models stay")
    options = parser.parse_args()
    if UNDER_WAY not in os.environ:
        # OpenMP and malloc read their settings when the process starts.
        environment = computing_environment() | {UNDER_WAY: "1"}
        os.execve(sys.executable, [sys.executable, "-m", "tests.perf.step_speed", *sys.argv[1:]], environment)
    with tempfile.TemporaryDirectory() as folder:
        loop = compiled_loop(Path(folder))
        models: Path = options.models or Path(folder)
        models.mkdir(parents=True, exist_ok=True)
        for step in options.steps:
            model = sized_model(step, loop, models, options.threads)
            for speculation in options.speculation:
                measure(model, loop, STEPS[step].tokens, speculation, options)


def sized_model(step: int, loop: Any, models: Path, threads: int) -> Path:
    """Make a model of which a step takes `step` milliseconds here, or a little more; one that is there
    stays."""
    model, (hidden, layers, tokens) = models / f"step-{step}-ms.gguf", STEPS[step]
    drawn = (llama_cpp.llama_token * (tokens + 1))(FIRST_TOKEN)
    gap = negligible_gap(R1_VOCABULARY, Sampling().temperature)
    while not model.exists():
        made = model.with_suffix(".part")
        write_small_step_model(made, hidden=hidden, layers=layers, context_tokens=4096)
        session = Session("thread", WritingEngine())
        context = loaded(session, made, load_settings(tokens, threads))
        rounds = [loop(context.handle, R1_VOCABULARY, SEED, gap, tokens, drawn) for _ in range(SIZING_ROUNDS)]
        session.engine.close()
        step_ms = 1e3 * statistics.median(rounds) / (tokens - 1)
        if step_ms >= step:
            made.rename(model)
        layers = max(layers + 1, round(layers * 1.05 * step / step_ms))
    return model


def compiled_loop(folder: Path) -> Any:
    """The function of `step_loop.c`, with the libraries that the engine uses."""
    library = folder / "libstep_loop.so"
    include = [f"-I{Path(sysconfig.get_path('purelib')) / 'include'}", f"-I{OUR_SOURCE}"]
    sources = [str(Path(__file__).with_name("step_loop.c"))]
    found = [str(LIBRARIES / name) for name in ("libllama.so", "liblikely_tokens.so")]
    run = ["-fPIC", "-shared", f"-Wl,-rpath,{LIBRARIES}"]
    subprocess.run(["cc", "-O2", *include, "-o", str(library), *sources, *found, *run], check=True)
    loop = ctypes.CDLL(str(library)).step_loop
    loop.restype = ctypes.c_double
    loop.argtypes = [
        ctypes.c_void_p, ctypes.c_int32, ctypes.c_uint32, ctypes.c_float, ctypes.c_int32, ctypes.c_void_p,
    ]  # fmt: skip
    return loop


def load_settings(tokens: int, threads: int) -> LoadSettings:
    """The settings of a measurement of so many tokens."""
    return LoadSettings(context_tokens=2 * tokens, threads=threads, sequences=1, gpu_layers=0, kv_type="f16")


def loaded(session: Session, model: Path, settings: LoadSettings) -> Context:
    """The context of the model that the engine has loaded."""
    contexts: list[Context] = []
    warm_up = Context.warm_up

    def noted(context: Context, token: int) -> bool:
        contexts.append(context)
        return warm_up(context, token)

    Context.warm_up = noted  # type: ignore[method-assign] # for the measurement
    session.engine.post(Load(request_id=session.new_id(), path=str(model), settings=settings))
    session.wait_for(Loaded)
    Context.warm_up = warm_up  # type: ignore[method-assign] # for the measurement
    return contexts[-1]


def measure(
    model: Path, loop: Any, tokens: int, speculation: SpeculationMode, options: argparse.Namespace
) -> None:
    """Run both in turn and print."""
    session = Session("thread", WritingEngine())
    context = loaded(session, model, load_settings(tokens, options.threads))
    gap = 0.0 if options.whole else negligible_gap(R1_VOCABULARY, Sampling().temperature)
    drawn = (llama_cpp.llama_token * (tokens + 1))(FIRST_TOKEN)
    rates: list[tuple[float, float]] = []
    same = True
    for number in range(options.rounds + SETTLING):
        loop_s = loop(context.handle, R1_VOCABULARY, SEED, gap, tokens, drawn)
        assert loop_s > 0
        request = Generate(
            request_id=session.new_id(), tokens=[FIRST_TOKEN], sampling=Sampling(seed=SEED),
            max_tokens=tokens, ignore_eog=True, reuse_prefix=False, thinking="open", speculation=speculation,
        )  # fmt: skip
        deltas, end = session.generate(request)
        assert isinstance(end, Finished), end
        same = same and text_of(deltas) == "".join(f"w{token}" for token in drawn[1:])
        if number >= SETTLING:
            rates.append((end.stats.decode_tok_per_s, (tokens - 1) / loop_s))
    session.engine.close()
    ours, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
    low, middle, high = statistics.quantiles([our / their for our, their in rates], n=4)
    print(
        f"{1e3 / theirs:.2f} ms a step, {options.threads} thread(s), guessing {speculation}: engine"
        f" {ours:.0f} tok/s, loop in C {theirs:.0f}; ratio {middle:.3f} (quartiles {low:.3f} and {high:.3f},"
        f" n = {len(rates)}); the same tokens: {same}",
        flush=True,
    )


if __name__ == "__main__":
    main()
