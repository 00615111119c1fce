"""The child's side of a long piece of work: one request on stdin, JSON lines on stdout.

The child ends when its stdin closes and, on Linux, with its parent. Cancelling is ending it.
"""

import os
import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

import msgspec

from converters.process.messages import Refused, Step, decoder_of, line_of
from converters.process.shard_messages import Arrivals
from models.system.child_process import die_with_parent
from models.system.disk_space import DiskFullError
from models.system.errors import StillroomError
from models.system.progress import OnProgress, Progress

R = TypeVar("R")


def serve(
    request_type: type[R],
    work: Callable[[R, OnProgress], msgspec.Struct],
    arrivals: Arrivals | None = None,
) -> int:
    """Read the request, do `work` and write its result; 0 when it succeeded.

    What the parent says meanwhile goes to `arrivals`.
    """
    die_with_parent(os.getppid())
    answers = _own_stdout()
    request: R = decoder_of(request_type).decode(_read_line())
    saying = threading.Lock()

    def answer(message: msgspec.Struct) -> None:
        with saying:
            os.write(answers, line_of(message))

    if arrivals is not None:
        arrivals.connect(answer)
    threading.Thread(target=_end_with_stdin, args=(arrivals,), name="stdin", daemon=True).start()

    def on_progress(progress: Progress) -> None:
        answer(Step(progress=progress))

    try:
        result = work(request, on_progress)
    except StillroomError as error:
        answer(_refusal(error))
        return 1
    answer(result)
    return 0


def _refusal(error: StillroomError) -> Refused:
    values = {
        key: value if isinstance(value, str | int | float) else str(value)
        for key, value in error.values.items()
    }
    return Refused(
        kind=type(error).__name__,
        message=error.message,
        hint=error.hint,
        values=values,
        native=getattr(error, "native", ""),
        disk_need=error.need if isinstance(error, DiskFullError) else None,
    )


def _own_stdout() -> int:
    """Return a handle for the answers; what libraries print to stdout goes to stderr from now on."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _read_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 65536)
        if not piece:
            os._exit(1)
        line += piece
    return line


def _end_with_stdin(arrivals: Arrivals | None) -> NoReturn:
    rest = b""
    while piece := os.read(0, 4096):
        *lines, rest = (rest + piece).split(b"\n")
        if arrivals is not None:
            for line in lines:
                arrivals.on_line(line)
    os._exit(1)
