"""The child's side of `limited_process.py`: requests on stdin, answers on stdout, until stdin closes.

A frame is a little-endian 32-bit length and as many bytes. An answer begins with the processor time that the
process has taken so far; the first one is empty and says that it is ready.
"""

import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MEMORY_LIMIT_BYTES = 400 << 20
"""On top of what the process has when it is ready; on Windows a job object limits it."""

HEAD = struct.Struct("<d")
MOST_FRAME_BYTES = 256 << 20
_LENGTH = struct.Struct("<I")

Answer = Callable[[bytes], tuple[bytes, bool]]
"""Answers a request; False says that the process should end after it."""


def serve(prepare: Callable[[], Answer]) -> None:
    """Answer requests within a limit of memory; `prepare` loads what is needed for it, before the limit."""
    from app.base.parent_death import leave_no_core_dump
    from models.system.child_process import die_with_parent

    die_with_parent(os.getppid())
    leave_no_core_dump()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    answer = prepare()
    _limit_resources()
    write_frame(stdout, HEAD.pack(time.process_time()))
    goes_on = True
    while goes_on and (request := read_frame(stdin)):
        payload, goes_on = answer(request)
        write_frame(stdout, HEAD.pack(time.process_time()) + payload)


def write_frame(stream: BinaryIO, payload: bytes) -> None:
    """Send one frame. Raises `OSError` or `ValueError` when the pipe is gone."""
    stream.write(_LENGTH.pack(len(payload)) + payload)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes:
    """The next frame; empty at the end of the stream, and for one that is too long."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return b""
    (size,) = _LENGTH.unpack(head)
    payload = stream.read(size) if size <= MOST_FRAME_BYTES else b""
    return payload if len(payload) == size else b""


def _limit_resources() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        used = pages * resource.getpagesize()
    except (OSError, ValueError):
        used = 256 << 20
    limit = used + MEMORY_LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # Nothing that it is for writes a file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
