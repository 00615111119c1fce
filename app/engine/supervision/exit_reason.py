"""Explain in words why an engine process ended, and what that means for the next one. Pure."""

import re
import signal
from dataclasses import dataclass
from typing import Literal

from app.base.errors import EngineError
from app.engine.supervision.stalled_step import HUNG_STATUS

Cause = Literal["memory", "gpu", "file", "hang", "peer", "outside", "unknown"]
NativeCause = Literal["memory", "gpu", "peer", "unknown"]

_IN_PAGE_ERROR = 0xC0000006
"""STATUS_IN_PAGE_ERROR of ntstatus.h: what SIGBUS is on Linux."""

_NO_MEMORY = 0xC0000017
"""STATUS_NO_MEMORY of ntstatus.h."""

_BUS_STATUSES = (-7, _IN_PAGE_ERROR, _IN_PAGE_ERROR - (1 << 32))

_MEMORY_WORDS = re.compile(
    r"out of (?:device |host )?memory|OutOf(?:Device|Host|Pool)?Memory|bad_alloc|MemoryError"
    r"|(?:cannot|unable to|failed to|fails to) (?:re)?alloc|alloc\w* failed|ALLOC_FAILED"
    r"|ErrorMemoryAllocation|insufficient memory|not enough memory",
    re.IGNORECASE,
)

_GPU_WORDS = re.compile(
    r"device.?lost|gpu has fallen off|CUDA error|HIP error|ROCm error|CUDA driver|\bXid\b|VK_ERROR|vk::",
    re.IGNORECASE,
)

_PEER_WORDS = re.compile(r"Remote RPC server crashed|Failed to connect to |RPC handshake failed")
"""Of ggml/src/ggml-rpc/ggml-rpc.cpp."""


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a process: what it means, and what to tell the user."""

    cause: Cause
    error: EngineError


def names_memory(native: str) -> bool:
    """Tell whether llama.cpp's words say that memory ran out."""
    return bool(_MEMORY_WORDS.search(native))


def cause_of(native: str) -> NativeCause:
    """Tell what went wrong by llama.cpp's own words."""
    if _PEER_WORDS.search(native):
        return "peer"
    if names_memory(native):
        return "memory"
    return "gpu" if _GPU_WORDS.search(native) else "unknown"


def explain(
    status: int,
    native: str,
    said: str = "",
    *,
    changed_file: str = "",
    silent: bool = False,
    memory_was_short: bool = True,
) -> Death:
    """Explain the end of a process with the exit status `status` and the last words `native`, out of all that
    it `said` at its end.

    `changed_file` is the name of a loaded model's file that is not what it was, and `silent` says that the
    process was killed because it gave no sign of life. `memory_was_short` tells one that the system ended for
    want of memory from one that somebody has killed.
    """
    said = said or native
    if silent or status == HUNG_STATUS:
        return Death("hang", _hung(native))
    if status in _BUS_STATUSES or (changed_file and status < 0 and status != -9):
        return Death("file", _unreadable(changed_file, native))
    cause = cause_of(said)
    if cause == "peer":
        return Death("peer", _peer_lost(native))
    if cause == "memory" or status == _NO_MEMORY:
        return Death("memory", _out_of_memory(native))
    if status == -9:
        return Death("memory", _killed(native)) if memory_was_short else Death("outside", _ended(native))
    if cause == "gpu":
        return Death("gpu", _gpu_lost(native))
    return Death("unknown", _crashed(status, native))


def describe_exit(status: int) -> str:
    """Put an exit status into words, such as "signal SIGSEGV"."""
    if status < 0:
        try:
            return f"signal {signal.Signals(-status).name}"
        except ValueError:
            return f"signal {-status}"
    return f"exit code {status:#x}" if status > 255 else f"exit code {status}"


def _hung(native: str) -> EngineError:
    return EngineError(
        "The engine gave no sign of life any more and was ended.",
        "Send the message again: the model is loaded again by itself. If it happens again, load it with "
        "fewer layers on the graphics card, or look for a newer driver.",
        native=native,
    )


def _unreadable(file: str, native: str) -> EngineError:
    if not file:
        return EngineError(
            "The engine could not read the model's file any more ({reason}).",
            "Look whether its disk is still there and whole, then send the message again.",
            native=native,
            reason="SIGBUS",
        )
    return EngineError(
        "The model file {file} was changed while it was in use.",
        "Leave the file alone while its model is loaded. Send the message again: the file is checked and "
        "loaded as it is now.",
        native=native,
        file=file,
    )


def _out_of_memory(native: str) -> EngineError:
    return EngineError(
        "The engine ran out of memory.",
        "Send the message again: the model is loaded again by itself, so that it takes less. Closing other "
        "programs, or a smaller model or context, helps too.",
        native=native,
    )


def _killed(native: str) -> EngineError:
    return EngineError(
        "The engine was ended from outside, most likely because the memory ran out.",
        "Send the message again: the model is loaded again by itself. If it happens again, choose a "
        "smaller model or context.",
        native=native,
    )


def _ended(native: str) -> EngineError:
    return EngineError(
        "The engine was ended by another program.",
        "Send the message again: the model is loaded again by itself, as it was.",
        native=native,
    )


def _gpu_lost(native: str) -> EngineError:
    return EngineError(
        "The graphics card stopped working for the engine.",
        "Send the message again: the model is loaded again by itself. If it happens again, it runs on the "
        "processor; look for a newer driver, or a card that gets too hot.",
        native=native,
    )


def _peer_lost(native: str) -> EngineError:
    return EngineError(
        "Another computer that computed a part of the model is gone.",
        "Send the message again: the model is loaded again by itself, without that computer for as long as "
        "it does not answer.",
        native=native,
    )


def _crashed(status: int, native: str) -> EngineError:
    return EngineError(
        "The engine stopped unexpectedly ({reason}).",
        "Send the message again: the model is loaded again by itself. If it happens again, load it with a "
        "smaller context or fewer layers on the graphics card.",
        native=native,
        reason=describe_exit(status),
    )
