"""Keeps what llama.cpp says, so that a failure can tell the native reason."""

import re
import sys
import threading
from collections import deque

LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR, LEVEL_CONTINUE = 1, 2, 3, 4, 5
"""ggml_log_level of ggml/include/ggml.h."""

KEPT_LINES = 400

LONGEST_LINE = 2000
"""llama.cpp also prints what a file says about itself, whatever its length."""

_BUFFER_SIZE = re.compile(r"(\S+)\s+(?:\w+ )?buffer size\s*=\s*([0-9.]+) MiB")


class NativeLog:
    """The last lines of llama.cpp's log. `write` is called on the thread that llama.cpp runs on.

    Warnings and errors also go to stderr, where the parent process finds them after a crash.
    """

    def __init__(self) -> None:
        self._lines: deque[tuple[int, str]] = deque(maxlen=KEPT_LINES)
        self._partial = ""
        self._level = LEVEL_INFO
        self._lock = threading.Lock()

    def write(self, level: int, text: str) -> None:
        """Take one piece of log; pieces of level CONTINUE belong to the line before."""
        with self._lock:
            if level != LEVEL_CONTINUE:
                if self._partial:
                    self._keep(self._partial)
                self._partial = ""
                self._level = level
            *lines, last = (self._partial + text).split("\n")
            for line in lines:
                self._keep(line)
            self._partial = last[:LONGEST_LINE]

    def clear(self) -> None:
        """Forget everything, at the start of an operation whose reasons are wanted."""
        with self._lock:
            self._lines.clear()
            self._partial = ""

    def reason(self) -> str:
        """Return the errors since `clear`, else the warnings; empty when llama.cpp said nothing."""
        with self._lock:
            lines = list(self._lines)
        for wanted in (LEVEL_ERROR, LEVEL_WARN):
            found = [line for level, line in lines if level == wanted]
            if found:
                return "\n".join(found[-8:])
        return ""

    def buffers(self) -> dict[str, int]:
        """Sum bytes by buffer name over the "... buffer size = N MiB" lines since `clear`.

        The lines come from `llama_model_loader`, `llama_kv_cache` and `llama_context` (src/ in llama.cpp).
        """
        with self._lock:
            lines = [line for _, line in self._lines]
        sizes: dict[str, int] = {}
        for line in lines:
            match = _BUFFER_SIZE.search(line)
            if match:
                name, mebibytes = match[1], float(match[2])
                sizes[name] = sizes.get(name, 0) + round(mebibytes * 1024 * 1024)
        return sizes

    def _keep(self, line: str) -> None:
        line = line[:LONGEST_LINE].rstrip()
        if not line or self._level == LEVEL_DEBUG:
            return
        self._lines.append((self._level, line))
        if self._level >= LEVEL_WARN and sys.stderr is not None:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
