"""Quantising a GGUF file with llama.cpp, in this process, which ends if llama.cpp aborts."""

import contextlib
import ctypes
import os
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path

import llama_cpp

from converters.errors import BuildError
from converters.gguf_types import FILE_TYPES
from converters.inspect import inspect

BUFFER_BYTES = 256 << 20
"""How much of a tensor llama.cpp holds at once; its own default is 8 GiB. The result is the same."""

_TENSOR_LINE = re.compile(r"\[\s*\d+/\s*\d+\] +(\S+)")
_LAST_LINES = 12


def quantise(
    source: Path,
    target: Path,
    kind: str,
    on_bytes: Callable[[int, int, str], None],
    *,
    threads: int = 0,
    requantise: bool = False,
) -> None:
    """Write `target`, a working file that the caller renames, and sync it.

    `on_bytes(done, total, tensor)` counts the source's bytes, told as llama.cpp begins each tensor.
    `threads` 0 is all of them. `requantise` allows a source that is quantised already. Raises `BuildError`
    with llama.cpp's own last words.
    """
    sizes = {tensor.name: tensor.bytes for tensor in inspect(source).tensors}
    total = sum(sizes.values())
    done = 0
    present = ""
    words: deque[str] = deque(maxlen=_LAST_LINES)

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def on_log(level: int, text: bytes, user_data: ctypes.c_void_p) -> None:
        nonlocal done, present
        line = text.decode("utf-8", "replace")
        words.append(line)
        match = _TENSOR_LINE.match(line)
        if match:
            done += sizes.get(present, 0)
            present = match[1]
            on_bytes(done, total, present)

    llama_cpp.llama_log_set(on_log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.nthread = threads or os.cpu_count() or 1
    parameters.ftype = FILE_TYPES[kind]
    parameters.allow_requantize = requantise
    parameters.max_buf_size = BUFFER_BYTES
    with contextlib.chdir(target.parent):  # on Windows it would open a folder's name in the ANSI code page
        failed = llama_cpp.llama_model_quantize(
            os.fsencode(source.absolute()), os.fsencode(target.name), ctypes.byref(parameters)
        )
    if failed:
        raise BuildError(
            "llama.cpp could not quantise the model to {type}.",
            "Check that the disk is not full, then try again; the details are in the report.",
            native="".join(words).strip(),
            type=kind,
        )
    on_bytes(total, total, "")
    with target.open("r+b") as file:
        os.fsync(file.fileno())
