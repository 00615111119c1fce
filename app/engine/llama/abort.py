"""Stopping a computation from another thread."""

import ctypes
import sys

import llama_cpp


class AbortFlag:
    """Stops a running `decode` from any thread (CPU back end; others finish their step), and what would go on
    with the next one.

    ggml calls the abort callback before each graph node, too often for Python: C's own `strlen` is the
    callback, over a string that is empty or one byte long.
    """

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(b"\0\0", 2)
        library = ctypes.CDLL("msvcrt") if sys.platform == "win32" else ctypes.CDLL(None)
        self.callback = ctypes.cast(library.strlen, llama_cpp.ggml_abort_callback)
        self.data = ctypes.addressof(self._text)
        self._interrupt = ctypes.create_string_buffer(1)
        self.interrupt_address = ctypes.addressof(self._interrupt)
        """A byte that is not 0 where the thread should look up after the present `decode`."""

    def set(self) -> None:
        """Stop the present `decode`, or the next one; any thread."""
        self._text[0] = b"\1"
        self.interrupt()

    def interrupt(self) -> None:
        """Let nothing begin behind the present `decode`; any thread."""
        self._interrupt[0] = b"\1"

    def clear(self) -> None:
        """Let `decode` run."""
        self._text[0] = b"\0"
        self._interrupt[0] = b"\0"
