"""One question to a child process of its own, which ends with its answer."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from models.system.child_process import NO_WINDOW
from models.system.progress import wait_for

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class ChildAnswer:
    """What a child wrote to stdout, the last line that it wrote to stderr, and the code that it ended
    with."""

    data: bytes
    last_words: str
    returncode: int


def ask_child(
    command: Sequence[str],
    request: bytes,
    *,
    limit_s: float | None = None,
    cancel: threading.Event | None = None,
    on_wait: Callable[[float], object] = lambda waited_s: None,
    environment: Mapping[str, str] = os.environ,
) -> ChildAnswer:
    """Start `command`, say `request` to it and wait for its end; any thread.

    `on_wait` gets the seconds so far. Raises `Cancelled` within 0.1 s of `cancel` and `TimeoutError` after
    `limit_s`; the child has ended then.
    """
    child = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Without it the child would import from the working folder, which may be the user's own project.
        env={**environment, "PYTHONSAFEPATH": "1"},
        creationflags=NO_WINDOW,
    )
    began_s = time.monotonic()

    def look() -> None:
        waited_s = time.monotonic() - began_s
        if limit_s is not None and waited_s > limit_s:
            raise TimeoutError
        on_wait(waited_s)

    # A `communicate` that was given up once sends nothing more of a long request.
    with child, ThreadPoolExecutor(1, "child") as pool:
        talk = pool.submit(child.communicate, request)
        try:
            data, said = wait_for(talk, cancel, on_wait=look, wake_s=_LOOK_S)
        finally:
            child.kill()
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return ChildAnswer(data, lines[-1].strip() if lines else "", child.returncode)
