"""The engine's process: requests on stdin, events on stdout, llama.cpp's words on stderr."""

import faulthandler
import os
import sys
import threading
from typing import BinaryIO, cast

from app.base.parent_death import leave_no_core_dump
from app.engine.protocol import Event, Shutdown
from app.engine.protocol.frames import FrameError, FrameWriter, RequestReader
from app.engine.supervision.heartbeat import Heart
from app.engine.worker.engine_core import EngineCore
from models.system.child_process import die_with_parent


def main() -> None:
    """Serve until stdin ends or `Shutdown` comes; also in the middle of a decode."""
    die_with_parent(os.getppid())
    leave_no_core_dump()
    # On an exception of a driver ggml would call a debugger, which holds the process until it seems to hang.
    os.environ["GGML_NO_BACKTRACE"] = "1"
    requests, events = _take_pipes()
    # Of this thread alone: reading the stacks of threads that run can end in a signal of its own.
    faulthandler.enable(all_threads=False)
    threading.excepthook = _end_process
    writer = FrameWriter(events)

    def emit(event: Event) -> None:
        try:
            writer.write(event)
        except OSError:
            # The parent is gone and so is the reason to live; the exit handlers would free a model in use.
            os._exit(0)

    core = EngineCore(emit)
    core.start()
    Heart(core.pulse, emit).start()
    reader = RequestReader(requests)
    while True:
        try:
            request = reader.read()
        except FrameError as error:
            sys.stderr.write(f"The engine got a broken request: {error}\n")
            sys.stderr.flush()
            os._exit(1)
        if request is None:
            os._exit(0)
        core.post(request)
        if isinstance(request, Shutdown):
            core.join()
            # Native exit handlers run while GPU drivers unload: leave nothing to them.
            os._exit(0)


def _end_process(failure: threading.ExceptHookArgs) -> None:
    """End the process when the engine's thread has died, such as of a llama.cpp that cannot be loaded:
    without it no request would ever be answered."""
    threading.__excepthook__(failure)
    sys.stderr.flush()
    os._exit(1)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take our own copies of stdin and stdout; file descriptors 0 and 1 then lead nowhere and to stderr, so
    that a native print can never get between two frames."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(0, os.O_BINARY)
        msvcrt.setmode(1, os.O_BINARY)
    requests = os.fdopen(os.dup(0), "rb")
    events = cast(BinaryIO, os.fdopen(os.dup(1), "wb", buffering=0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="replace", closefd=False)
    sys.stdout = sys.stderr
    return requests, events


if __name__ == "__main__":
    main()
