"""Stages about the engine's ends on a card: killed and held in the middle of a reply, stopped by the user."""

import os
import signal
import threading
import time
from contextlib import suppress
from functools import partial

from app.base.errors import Cancelled, EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta
from app.engine.protocol.pending_results import Generation
from tests.perf.gpu_check.card import WAIT_S, loaded
from tests.perf.gpu_check.check_context import Check
from tests.perf.gpu_check.points import Figures
from tests.support.engines import GREEDY

HELD_S = 2.0


def engine_killed(check: Check) -> None:
    """Kill the engine in the middle of a reply; the next reply loads the model again by itself."""
    check.points.measure("ends", "killed in a reply", partial(_engine_killed, check))


def _engine_killed(check: Check) -> Figures:
    settings = check.settings(context_tokens=check.scale.contexts[0])
    with loaded(check.model(), settings) as (client, info):
        used = check.card.used_bytes(client)
        reply = _begun(client)
        pid = client.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        killed_s = time.monotonic()
        told = _failure_of(reply)
        told_s = time.monotonic() - killed_s
        again = client.generate(tokens=[200], sampling=GREEDY, max_tokens=4, ignore_eog=True)
        tokens = again.future.result(WAIT_S).stats.completion_tokens
        back_s = time.monotonic() - killed_s
        after = client.state.model
        return {
            "told after s": told_s,
            "told": told,
            "the next reply after s": back_s,
            "its tokens": tokens,
            "layers before": info.gpu_layers,
            "layers after": after.gpu_layers if after is not None else None,
            "memory after of before": check.card.used_bytes(client) / used,
        }


def _failure_of(reply: Generation) -> str:
    try:
        reply.future.result(WAIT_S)
    except EngineError as error:
        return str(error)
    raise RuntimeError("a reply of a killed engine ended as if nothing had been")


def reply_stopped(check: Check) -> None:
    """Stop a reply as its button does, in its prompt and in its words."""
    check.points.measure("ends", "stopped by the user", partial(_reply_stopped, check))


def _reply_stopped(check: Check) -> Figures:
    """Return the seconds until the next reply has said a word: the step that was on its way ends before."""
    prompt = max(check.scale.prompts)
    settings = check.settings(context_tokens=prompt + 4096, context_stretch=2.0, sequences=1)
    found: Figures = {}
    with loaded(check.model(), settings) as (client, _):
        for moment, tokens, sign in (("words", 1, Delta), ("prompt", prompt, object)):
            reply = _begun(client, tokens, sign)
            asked_s = time.monotonic()
            reply.cancel()
            # What has said nothing yet ends without a reply.
            with suppress(Cancelled):
                reply.future.result(WAIT_S)
            following = client.generate(tokens=[200], sampling=GREEDY, max_tokens=1, reuse_prefix=False)
            following.future.result(WAIT_S)
            found[f"stopped in its {moment}, the next one's first word after s"] = time.monotonic() - asked_s
    return found


def engine_held(check: Check) -> None:
    """Hold the engine's process for two seconds in the middle of a reply, as a debugger or a sleep does."""
    if not hasattr(signal, "SIGSTOP"):
        return
    check.points.measure("ends", "held for two seconds", partial(_engine_held, check))


def _engine_held(check: Check) -> Figures:
    settings = check.settings(context_tokens=check.scale.contexts[0])
    with loaded(check.model(), settings) as (client, _):
        reply = _begun(client)
        pid = client.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        time.sleep(HELD_S)
        os.kill(pid, signal.SIGCONT)
        reply.cancel()
        return {"ended by": reply.future.result(WAIT_S).reason, "same process": client.state.pid == pid}


def _begun(client: EngineClient, prompt: int = 1, sign: type[object] = Delta) -> Generation:
    """A reply without an end, of which an event of the kind `sign` has come: words, or any."""
    begun = threading.Event()
    reply = client.generate(
        tokens=[200 + place % 97 for place in range(prompt)],
        sampling=GREEDY,
        ignore_eog=True,
        reuse_prefix=False,
        on_event=lambda event: begun.set() if isinstance(event, sign) else None,
    )
    if not begun.wait(WAIT_S):
        raise RuntimeError("a reply has said nothing for nine minutes")
    return reply
