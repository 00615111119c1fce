"""Stages of speed: against llama-bench, Python's share, guesses, layers in RAM, Vulkan against CUDA."""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec

from app.engine.client.client import EngineClient
from app.engine.protocol import Generate, LoadSettings, Sampling, SpeculationMode
from models.system.child_process import computing_environment
from tests.perf.build_llama_tools import llama_tool
from tests.perf.gpu_check.card import WAIT_S, engine, loaded
from tests.perf.gpu_check.check_context import Check
from tests.perf.gpu_check.points import Figures

SHARES = (0.25, 0.5, 0.75)
NO_CUDA = {"CUDA_VISIBLE_DEVICES": "-1"}
MOST_S = 60.0
"""Of one prompt: with layers in RAM a long one would take minutes."""


def measured(
    client: EngineClient,
    plan: LoadSettings,
    *,
    prompt: int = 0,
    new: int = 0,
    depth: int = 0,
    rounds: int = 1,
) -> float:
    """The engine's own tokens per second (median of `rounds`) in a context of its own, as llama-bench has."""
    rates = []
    for _ in range(rounds):
        future, _cancel = client.measure(
            plan, prompt_tokens=prompt, decode_tokens=new, depth_tokens=depth, most_s=MOST_S
        )
        done = future.result(WAIT_S)
        rates.append(done.prompt_tokens / done.prompt_s if prompt else done.decode_tokens / done.decode_s)
    return statistics.median(rates)


def against_llama_bench(check: Check) -> None:
    """Measure prompts and generation at each depth: the engine's, whole replies, llama-bench as it comes and
    with what the engine chose."""
    measure, tool = check.points.measure, llama_tool("llama-bench")
    for name in check.scale.models:
        model = check.model(name)
        ours = measure("llama-bench", f"{name}, engine", partial(_ours, check, model))
        measure("llama-bench", f"{name}, whole replies", partial(_replies, check, model))
        if tool is None:
            continue
        plans: dict[str, LoadSettings | None] = {"llama-bench": None}
        if "plan" in ours:
            plans["llama-bench so set"] = msgspec.json.decode(str(ours["plan"]), type=LoadSettings)
        for depth in check.scale.depths:
            for way, plan in plans.items():
                work = partial(llama_bench, check, tool, model, depth, plan)
                measure("llama-bench", f"{name}, {way} at {depth}", work)


def _deep(check: Check) -> LoadSettings:
    """Settings with a context that holds the longest of what is measured."""
    scale = check.scale
    longest = max(scale.depths) + max(scale.prompts) + scale.new_tokens
    return check.settings(context_tokens=longest + 16, context_stretch=2.0, sequences=1)


def _ours(check: Check, model: Path) -> Figures:
    scale = check.scale
    with loaded(model, _deep(check)) as (client, info):
        rate = partial(measured, client, info.plan, rounds=scale.rounds)
        found: Figures = {"layers": info.gpu_layers, "batch": info.batch_tokens}
        for depth in scale.depths:
            for prompt in scale.prompts:
                found[f"pp{prompt} at {depth}"] = rate(prompt=prompt, depth=depth)
            found[f"tg{scale.new_tokens} at {depth}"] = rate(new=scale.new_tokens, depth=depth)
        return found | {"plan": msgspec.json.encode(info.plan).decode()}


def _replies(check: Check, model: Path) -> Figures:
    """Rates of whole replies: with R1's sampling, text, the pipe and the client."""
    found: Figures = {}
    with loaded(model, _deep(check)) as (client, _):
        for depth in check.scale.depths:
            rates = []
            for _ in range(check.scale.rounds):
                reply = client.generate(
                    tokens=[100 + place % 800 for place in range(depth + 1)],
                    sampling=Sampling(seed=1),
                    max_tokens=check.scale.new_tokens + 1,
                    ignore_eog=True,
                    reuse_prefix=False,
                )
                rates.append(reply.future.result(WAIT_S).stats.decode_tok_per_s)
            found[f"tg{check.scale.new_tokens} at {depth}"] = statistics.median(rates)
    return found


def llama_bench(check: Check, tool: Path, model: Path, depth: int, plan: LoadSettings | None) -> Figures:
    """Return the rates that llama-bench gives, as it comes or with the engine's `plan`."""
    scale = check.scale
    command = [str(tool), "-m", str(model), "-o", "json", "-r", str(scale.rounds), "-d", str(depth)]
    command += ["-p", ",".join(map(str, scale.prompts)), "-n", str(scale.new_tokens)]
    command += ["-ngl", str(min(99, check.card.all_layers))]
    if check.card.backend != "CPU":
        command += ["-dev", check.card.device]
    if plan is not None:
        batch = str(plan.batch_tokens)
        command += ["-t", str(plan.threads), "-b", batch, "-ub", batch, "-fa", plan.flash_attention]
        command += ["-lm", "mmap" if plan.maps_weights else "none"]
    environment = computing_environment() if plan is not None else None
    rows = json.loads(output_of(command, environment))
    named = {(f"pp{row['n_prompt']}" if row["n_prompt"] else f"tg{row['n_gen']}"): row for row in rows}
    return {f"{name} at {depth}": float(row["avg_ts"]) for name, row in named.items()}


def output_of(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end; what it printed. Raises `RuntimeError` with its last words."""
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, timeout=WAIT_S
    )
    if done.returncode:
        raise RuntimeError(f"ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def python_share(check: Check) -> None:
    """Measure what of a step is Python's, greedy and with R1's sampling, one reply and four."""
    for name in check.scale.models:
        for sequences in (1, 4):
            for drawn in (False, True):
                sampling = "R1's sampling" if drawn else "greedy"
                work = partial(_share, check, check.model(name), sequences, drawn)
                check.points.measure("python", f"{name}, {sequences} at once, {sampling}", work)


def _share(check: Check, model: Path, sequences: int, drawn: bool) -> Figures:
    command = [sys.executable, "-m", "tests.perf.step_profile", "--json", "--model", str(model)]
    command += ["--sequences", str(sequences), "--tokens", str(max(16, 2 * check.scale.new_tokens))]
    command += ["--drawn"] if drawn else []
    command += ["--gpu-layers", "0"] if check.card.backend == "CPU" else []
    figures: Figures = json.loads(output_of(command).splitlines()[-1])
    return figures


def drawn_on_the_device(check: Check) -> None:
    """Compare llama.cpp's drawing of a token on the device with ours, at the rate of the smallest model."""
    name = check.scale.models[0]
    check.points.measure("drawing", name, partial(_drawn, check, check.model(name)))


def _drawn(check: Check, model: Path) -> Figures:
    command = [sys.executable, "-m", "tests.perf.device_sampling", "--json", "--model", str(model)]
    command += ["--gpu-layers", str(check.card.all_layers), "--tokens", str(check.scale.new_tokens)]
    command += ["--rounds", str(2 + check.scale.rounds)]
    figures: Figures = json.loads(output_of(command).splitlines()[-1])
    return figures


def guesses(check: Check) -> None:
    """Measure prompt lookup, and a draft model: the model itself, most of whose guesses are right, so that
    what is measured is the cost of making and checking them."""
    modes: tuple[SpeculationMode, ...] = ("off", "lookup", "draft")
    for mode in modes:
        work = partial(_guessed, check, check.model(), mode)
        check.points.measure("guesses", f"{check.scale.models[0]}, {mode}", work)


def _guessed(check: Check, model: Path, mode: SpeculationMode) -> Figures:
    new = 2 * check.scale.new_tokens
    draft = str(model) if mode == "draft" else ""
    settings = check.settings(context_tokens=2 * new + 64, sequences=1, draft_path=draft)
    request = Generate(
        request_id=0,
        tokens=[200 + place % 16 for place in range(new)],
        # Greedy replies guess only where a row of several is to the last bit what it is alone.
        sampling=Sampling(temperature=0.1),
        max_tokens=new,
        ignore_eog=True,
        reuse_prefix=False,
        speculation=mode,
    )
    with loaded(model, settings) as (client, info):
        stats = client.ask(request).future.result(WAIT_S).stats
        on_card = info.draft_buffers.get(check.card.device, 0)
        return {
            "tok/s": stats.decode_tok_per_s,
            "guessed": stats.drafted_tokens,
            "right": stats.accepted_tokens,
            "draft on the card MB": on_card / 1e6,
        }


def partial_offload(check: Check) -> None:
    """Measure with a part of the layers on the card: weights mapped and copied, steps of several sizes. Of
    the largest model, since only such a one is shared between card and RAM."""
    for name in check.scale.models[-1:]:
        model = check.model(name)
        for share in SHARES:
            for weights in ("mapped", "copied"):
                for batch in check.scale.batches:
                    work = partial(_partial, check, model, share, weights, batch)
                    key = f"{name}, {share:.0%} of the layers, {weights}, steps of {batch}"
                    check.points.measure("partial", key, work)


def _partial(check: Check, model: Path, share: float, weights: str, batch: int) -> Figures:
    prompt, new = check.scale.partial_prompt, max(4, check.scale.new_tokens // 4)
    with engine() as client:
        layers = client.plan(str(model), check.settings()).result(WAIT_S).layers
        settings = check.settings(
            context_tokens=prompt + new + 16,
            gpu_layers=round(layers * share) if check.card.all_layers else 0,
            weights=weights,
            batch_tokens=batch,
            sequences=1,
        )
        info = client.load(str(model), settings).future.result(WAIT_S)
        return {
            "layers": info.gpu_layers,
            f"pp{prompt}": measured(client, info.plan, prompt=prompt),
            f"tg{new}": measured(client, info.plan, new=new),
            "load s": info.load_s,
        }


def vulkan_against_cuda(check: Check) -> None:
    """Measure the same card through Vulkan, with CUDA hidden; a stand-in has only one way."""
    if check.card.backend != "CUDA":
        return
    for name in check.scale.models:
        for way, environment in (("CUDA", {}), ("Vulkan", NO_CUDA)):
            work = partial(_way, check, check.model(name), environment)
            check.points.measure("vulkan", f"{name}, {way}", work)


def _way(check: Check, model: Path, environment: Mapping[str, str]) -> Figures:
    scale = check.scale
    prompt, new = scale.prompts[0], scale.new_tokens
    settings = check.settings(context_tokens=prompt + new + 16, sequences=1)
    with loaded(model, settings, environment) as (client, info):
        if environment and info.backend == "CPU":
            raise RuntimeError("Vulkan has no device here")
        return {
            "back end": info.backend,
            f"pp{prompt}": measured(client, info.plan, prompt=prompt, rounds=scale.rounds),
            f"tg{new}": measured(client, info.plan, new=new, rounds=scale.rounds),
        }
