"""Says where every thread of this process is, without touching what the threads are at.

`sys._current_frames` makes an object of each thread's frame, and keeps it, while the thread goes on with
it: CPython 3.11 has crashed there. `faulthandler` reads the frames as they are, in C, while no other thread
runs.
"""

import faulthandler
import os
import re
import tempfile
from typing import BinaryIO

_THREAD = re.compile(r"(?:Current thread|Thread) 0x([0-9a-f]+)")
_CALL = re.compile(r'  File "(.*)", line (\d+|\?+) in (.*)')


def thread_stacks() -> dict[int, list[str]]:
    """Give the calls of each thread, by its `ident`, as "file:line in function", the innermost first. Any
    thread; of 100 threads and 100 calls of each at most, which is where `faulthandler` ends."""
    with _memory_file() as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        text = file.read().decode("utf-8", "replace")
    stacks: dict[int, list[str]] = {}
    calls: list[str] = []
    for line in text.splitlines():
        if thread := _THREAD.match(line):
            calls = stacks.setdefault(int(thread[1], 16), [])
        elif call := _CALL.match(line):
            calls.append(f"{call[1]}:{call[2]} in {call[3]}")
    return stacks


def _memory_file() -> BinaryIO:
    """Where the system has one: the disk may be what everybody waits for."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("stacks"), "w+b")
    return tempfile.TemporaryFile()
