"""Measure what this computer can do at most, in a process of its own, so that it can be cancelled at once and
a crash of native code costs nothing else."""

import threading
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from app.base.errors import StillroomError
from app.base.one_shot_child import ask_child


class CeilingsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """With how many threads, over a working set of how many bytes, in which weight type of ggml, and on what
    kind of device the matrices are multiplied."""

    threads: int
    working_set_bytes: int
    type_number: int
    device_kind: Literal["cpu", "gpu"] = "cpu"


class MeasuredCeilings(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of the child; 0 where it could not measure.

    `working_set_bytes_per_s` is of reading the request's bytes again and again, as a model's weights are
    read: a small model is read from the processor's caches, which are faster than the memory.
    """

    one_thread_bytes_per_s: float
    all_threads_bytes_per_s: float
    working_set_bytes_per_s: float
    flop_per_s: float


def measure_ceilings(
    command: Sequence[str],
    request: CeilingsRequest,
    cancel: threading.Event | None,
    on_wait: Callable[[float], None],
) -> MeasuredCeilings:
    """Start the child `command` and wait some seconds for it; `on_wait` gets the seconds so far.

    Raises `Cancelled` within 0.1 s of `cancel`, and `StillroomError` where the child fails.
    """
    answer = ask_child(command, msgspec.json.encode(request) + b"\n", cancel=cancel, on_wait=on_wait)
    try:
        return msgspec.json.decode(answer.data, type=MeasuredCeilings)
    except msgspec.DecodeError as error:
        raise StillroomError(
            "The speed of memory and processor could not be measured: the process ended with {code}.",
            "Run the benchmark again.",
            code=answer.returncode,
        ) from error
