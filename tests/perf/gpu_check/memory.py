"""Stages about the card's memory: predicted and real, given back, and taken by another program meanwhile."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from app.engine.client.client import EngineClient
from app.engine.devices.buffer_names import is_ram
from app.engine.protocol import Delta, ModelInfo
from tests.perf.gpu_check.card import WAIT_S, engine, loaded
from tests.perf.gpu_check.check_context import Check
from tests.perf.gpu_check.points import Figures
from tests.support.engines import GREEDY

READY = "ready"
"""Said by the other program once it has the card open."""

KEPT_FREE_BYTES = 64 << 20
"""The other program leaves so much of a card."""

MB = 1e6


def predicted_and_real(check: Check) -> None:
    """Compare what the plan says, what llama.cpp allocates and what the card's memory grows by."""
    for name in check.scale.models:
        for context in check.scale.contexts:
            for kv_type in ("f16", "q8_0"):
                for part in ("all", "half"):
                    work = partial(_sizes, check, check.model(name), context, kv_type, half=part == "half")
                    key = f"{name}, {context} tokens, {kv_type}, {part} of the layers"
                    check.points.measure("memory", key, work)


def _sizes(check: Check, model: Path, context: int, kv_type: str, *, half: bool) -> Figures:
    with engine() as client:
        # What the driver takes for the process itself is no model's.
        settings = check.settings(context_tokens=context, kv_type=kv_type, sequences=1)
        planned = client.plan(str(model), settings).result(WAIT_S)
        layers = planned.layers // 2 if half and check.card.all_layers else settings.gpu_layers
        settings = check.settings(
            context_tokens=context, kv_type=kv_type, sequences=1, gpu_layers=min(layers, planned.layers)
        )
        planned = client.plan(str(model), settings).result(WAIT_S)
        before = check.card.used_bytes(client)
        info = client.load(str(model), settings).future.result(WAIT_S)
        grown = check.card.used_bytes(client) - before
        there = on_card_bytes(check, info)
        shown = planned.vram_bytes if check.card.backend != "CPU" else planned.ram_bytes
        return {
            "layers": info.gpu_layers,
            "shown MB": shown / MB,
            "llama.cpp MB": there / MB,
            "grown MB": grown / MB,
            "shown of llama.cpp": shown / there if there else None,
        }


def on_card_bytes(check: Check, info: ModelInfo) -> int:
    """Return the bytes that llama.cpp allocated on the card; of the processor, all of them."""
    if check.card.backend == "CPU":
        return sum(size for name, size in info.buffers.items() if is_ram(name))
    return info.buffers.get(check.card.device, 0)


def given_back(check: Check) -> None:
    """Compare the memory in use before a load and after its end, three times in one process."""
    check.points.measure("given back", check.scale.models[0], partial(_three_loads, check, check.model()))


def _three_loads(check: Check, model: Path) -> Figures:
    found: Figures = {}
    settings = check.settings(context_tokens=check.scale.contexts[0])
    with engine() as client:
        client.list_devices().result(WAIT_S)
        found["before MB"] = check.card.used_bytes(client) / MB
        for number in (1, 2, 3):
            client.load(str(model), settings).future.result(WAIT_S)
            found[f"loaded {number} MB"] = check.card.used_bytes(client) / MB
            client.unload().result(WAIT_S)
            found[f"unloaded {number} MB"] = check.card.used_bytes(client) / MB
    return found


def filled_by_another(check: Check) -> None:
    """Let another program take the card's memory while a reply is written; then load again beside it."""
    check.points.measure("filled", check.scale.models[0], partial(_filled, check, check.model()))


def _filled(check: Check, model: Path) -> Figures:
    settings = check.settings(context_tokens=check.scale.contexts[0], sequences=1)
    with loaded(model, settings) as (client, info), other_program(check) as take:
        alone = _reply(client, check.scale.new_tokens)
        begun = threading.Event()
        reply = client.generate(
            tokens=[200],
            sampling=GREEDY,
            max_tokens=info.context_tokens - 2,
            ignore_eog=True,
            reuse_prefix=False,
            on_event=lambda event: begun.set() if isinstance(event, Delta) else None,
        )
        if not begun.wait(WAIT_S):
            raise RuntimeError("a reply has said nothing for nine minutes")
        bytes_taken = take()
        meanwhile = not reply.future.done()
        end = reply.future.result(WAIT_S)
        beside = _reply(client, check.scale.new_tokens)
        client.unload().result(WAIT_S)
        # Automatic: what is left decides.
        again = client.load(str(model), check.settings(gpu_layers=-1)).future.result(WAIT_S)
        after = _reply(client, check.scale.new_tokens)
    if end.reason != "length":
        raise RuntimeError(f"the reply beside the other program ended by {end.reason}")
    return {
        "taken MB": bytes_taken / MB,
        "in the middle of a reply": meanwhile,
        "tok/s alone": alone,
        "tok/s beside it": beside,
        "layers before": info.gpu_layers,
        "layers beside it": again.gpu_layers,
        "tok/s then": after,
        "told": " ".join(str(notice) for notice in again.notices),
    }


def _reply(client: EngineClient, new: int) -> float:
    reply = client.generate(
        tokens=[200], sampling=GREEDY, max_tokens=new, ignore_eog=True, reuse_prefix=False
    )
    return reply.future.result(WAIT_S).stats.decode_tok_per_s


@contextmanager
def other_program(check: Check) -> Iterator[Callable[[], int]]:
    """Another process that has the card open already; call what is given to let it take the card's memory and
    hold it. Returns the bytes that it got: it starts before the reply, since a card writes one in seconds."""
    most = check.scale.fill_bytes if check.card.stands_in else None
    command = [sys.executable, "-m", "tests.perf.gpu_check.filler", check.card.device, str(most or 0)]
    filler = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert filler.stdin is not None
    assert filler.stdout is not None
    stdin, stdout = filler.stdin, filler.stdout

    def take() -> int:
        stdin.write("\n")
        stdin.flush()
        line = stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError("the program that takes the memory ended without an answer")
        return int(line)

    try:
        if stdout.readline().strip() != READY:
            raise RuntimeError("the program that takes the memory did not find the card")
        yield take
    finally:
        filler.stdin.close()
        filler.wait(60)
        filler.stdout.close()
