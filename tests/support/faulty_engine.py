"""An engine's process that fails at a chosen point: `python -m tests.support.faulty_engine FAULT COUNT`.

Real parts fail in a real process; only the moment is chosen, since memory and hardware do not fail on demand.

hang     llama_decode does not come back: ggml's abort callback is `sem_wait`, of which COUNT succeed.
memory   ggml aborts with the words of an allocation that failed, at the COUNTth text of a reply.
gpu      ggml aborts with the words of CUDA for a card that is gone, likewise.
refuse   llama_decode says that there is no memory, at the COUNTth step of a reply.

In a process that was started again nothing fails, so that the way back can be looked at: FLAG is a file that
is made at the first start.
"""

import ctypes
import os
import sys
from pathlib import Path

import llama_cpp

from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import DECODE_NO_MEMORY, Context
from app.engine.llama.next_tokens import NextTokens
from app.engine.protocol import Delta, Event
from app.engine.worker import worker
from app.engine.worker.engine_core import EngineCore

WORDS = {
    "memory": b"failed to allocate CUDA0 buffer of size 1073741824",
    "gpu": b"CUDA error: device lost",
}


def main() -> None:
    fault, count, flag = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if not flag.exists():
        flag.touch()
        if fault == "hang":
            hang(count)
        elif fault == "refuse":
            refuse(count)
        else:
            abort(WORDS[fault], count)
    worker.main()


def hang(nodes: int) -> None:
    library = ctypes.CDLL(None)
    semaphore = ctypes.create_string_buffer(64)
    assert library.sem_init(semaphore, 0, nodes) == 0

    made = AbortFlag.__init__

    def make(flag: AbortFlag) -> None:
        made(flag)
        flag.semaphore = semaphore  # type: ignore[attr-defined] # lives as long
        flag.callback = ctypes.cast(library.sem_wait, llama_cpp.ggml_abort_callback)
        flag.data = ctypes.addressof(semaphore)

    AbortFlag.__init__ = make  # type: ignore[method-assign] # the fault
    AbortFlag.set = AbortFlag.clear = lambda flag: None  # type: ignore[method-assign] # the semaphore is no flag


def refuse(steps: int) -> None:
    decode = Context.decode
    left = steps

    def refusing(context: Context) -> int:
        nonlocal left
        if context.warm_up_s == 0:
            return decode(context)
        left -= 1
        return DECODE_NO_MEMORY if left == 0 else decode(context)

    call, result = NextTokens.call, NextTokens.result.fget
    assert result is not None
    is_refused = False

    def refusing_call(next_tokens: NextTokens, most: int, last: int, long_us: int) -> int:
        """Each token that is drawn is a step."""
        nonlocal left, is_refused
        is_refused = left == 1
        if is_refused:
            left = 0
            return 0
        drawn = call(next_tokens, min(most, left - 1) if left > 0 else most, last, long_us)
        left -= min(drawn, max(left, 0))
        return drawn

    def refused(next_tokens: NextTokens) -> int:
        return DECODE_NO_MEMORY if is_refused else result(next_tokens)

    NextTokens.result = property(refused)  # type: ignore[method-assign,assignment] # the fault
    Context.decode = refusing  # type: ignore[method-assign] # the fault
    NextTokens.call = refusing_call  # type: ignore[method-assign] # the same


def abort(words: bytes, texts: int) -> None:
    left = texts
    backends: list[Backend] = []
    make_backend, make = Backend.__init__, EngineCore.__init__

    def making_backend(backend: Backend, *more, **named) -> None:  # type: ignore[no-untyped-def] # passed on as it is
        backends.append(backend)
        make_backend(backend, *more, **named)

    def making(core: EngineCore, emit, *more, **named) -> None:  # type: ignore[no-untyped-def] # passed on as it is
        def failing(event: Event) -> None:
            nonlocal left
            emit(event)
            left -= isinstance(event, Delta) and bool(event.text)
            if left <= 0:
                backends[-1].ggml.ggml_abort(b"ggml-cuda.cu", 97, words)

        make(core, failing, *more, **named)

    Backend.__init__ = making_backend  # type: ignore[method-assign] # to be found at the fault
    EngineCore.__init__ = making  # type: ignore[method-assign] # the fault


if __name__ == "__main__":
    os.environ.pop("PYTHONWARNINGS", None)
    main()
