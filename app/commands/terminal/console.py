"""A command's output: sentences or one JSON document on stdout, progress on stderr."""

import contextlib
import errno
import json
import os
import shutil
import sys
import time
from io import TextIOWrapper
from typing import TextIO

import msgspec

from app.base.errors import StillroomError, native_reason
from app.chat.documents.hidden_characters import HIDDEN, with_hidden_shown
from models.system.progress import Progress
from models.system.shown_text import MOST_OF_A_VALUE, shown
from models.system.units import byte_count

REDRAW_S = 0.1
WAKE_S = 0.1
"""The interval at which a waiting main thread wakes up to see Ctrl+C; Windows does not interrupt a wait."""

_STAGES = {
    "download": "Downloading",
    "verify": "Verifying",
    "convert": "Converting",
    "quantise": "Making it smaller (quantising)",
    "load": "Loading",
    "collect": "Finding out which weights matter most (importance matrix)",
    "sensitivity": "Measuring what each type costs each tensor",
    "measure": "Measuring the quality",
    "unpack": "Unpacking",
}


class WrongUse(StillroomError):
    """The command line asks for something that cannot be: exit code 2."""


class Unsuccessful(Exception):
    """The result is printed, and it is bad news: exit code 1 without another word."""


def readable(text: str) -> str:
    """`text` with the characters made visible that would steer the terminal or hide what is there."""
    return with_hidden_shown(text).replace("\r", "")


def json_text(value: object, indent: int = 2) -> str:
    """The value as JSON whose strings are exact and hold no such character as it is; -1 makes it one line."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=indent).decode()
    return HIDDEN.sub(lambda character: json.dumps(character[0])[1:-1], text)


def time_text(seconds: float) -> str:
    """A duration for people: "8 s", "2 min 05 s", "1 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


class Console:
    """The two streams of one command; only one thread may write."""

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool = False) -> None:
        self.out = out
        self.err = err
        self.as_json = as_json
        self.is_terminal = err.isatty()
        self._stage = ""
        self._stage_began_s = 0.0
        self._last = Progress("", 0, 0)
        self._drawn_s = 0.0
        self._line_is_open = False

    def say(self, text: str = "") -> None:
        """Print a line of the result, for people; nothing with `--json`."""
        if not self.as_json:
            self.clear()
            self.out.write(readable(text) + "\n")
            self.out.flush()

    def document(self, value: object) -> None:
        """Print the one JSON document; nothing without `--json`."""
        if self.as_json:
            self.clear()
            self.out.write(json_text(value) + "\n")
            self.out.flush()

    def note(self, text: str) -> None:
        """Print a line on stderr that is no part of the result."""
        self.clear()
        self.err.write(readable(text) + "\n")
        self.err.flush()

    def told(self, notice: StillroomError) -> None:
        """Write a notice, such as that of a damaged file, to stderr; from any thread, and never a failure."""
        with contextlib.suppress(OSError):
            self.note(f"stillroom: {notice} {notice.hint_text()}".rstrip())

    def error(self, error: StillroomError) -> None:
        """Report what happened, the reason in llama.cpp's own words, and what to do next."""
        native = shown(native_reason(error), MOST_OF_A_VALUE)
        self.note(f"stillroom: {error}")
        if native and native not in str(error):
            self.note(native)
        if error.hint_text():
            self.note(error.hint_text())
        self.document({"error": {"message": str(error), "hint": error.hint_text(), "native": native}})

    def progress(self, progress: Progress) -> None:
        """Show where the work is: a line redrawn on a terminal, else one at each stage's start and end."""
        if progress.stage == "ask":
            again = time_text(max(1.0, progress.remaining_s or 0.0))
            times = f"attempt {progress.done} of {progress.total}"
            self.note(f"{progress.detail} does not answer ({times}). It is asked again in {again}.")
            return
        now_s = time.monotonic()
        if progress.stage != self._stage:
            self.end_progress()
            self._stage, self._stage_began_s, self._drawn_s = progress.stage, now_s, 0.0
            if not self.is_terminal:
                self.note(f"{_words(progress)}{_total(progress)}")
        self._last = progress
        if self.is_terminal and now_s - self._drawn_s >= REDRAW_S:
            self._drawn_s = now_s
            self.status(progress_line(progress))

    def status(self, line: str) -> None:
        """Redraw the one line that tells where the work is; nothing where there is no terminal."""
        if self.is_terminal:
            self._draw(line)
            self._line_is_open = True

    def end_progress(self) -> None:
        """Close the present stage with a line that says how much it was and how long it took."""
        if self._stage:
            self.clear()
            took = time_text(time.monotonic() - self._stage_began_s)
            stage, self._stage = self._stage, ""
            self.note(
                f"{_STAGES.get(stage, stage.capitalize())}: {_amount(self._last, self._last.done)} in {took}"
            )

    def clear(self) -> None:
        """Wipe an unfinished progress line, so that other text starts at the margin."""
        if self._line_is_open:
            self._line_is_open = False
            self._draw("")
            self.err.write("\r")
            self.err.flush()

    def _draw(self, line: str) -> None:
        # Blanks instead of an escape sequence: older Windows consoles print those as they are.
        width = shutil.get_terminal_size().columns - 1
        self.err.write(f"\r{shown(line[:width], width).ljust(width)}")
        self.err.flush()


def progress_line(progress: Progress) -> str:
    """Percent, bytes, rate and time left in one line."""
    fields = [_words(progress)]
    if progress.total:
        fields.append(f"{100 * progress.done / progress.total:3.0f}%")
        fields.append(f"{_amount(progress, progress.done)} of {_amount(progress, progress.total)}")
    elif progress.done:
        fields.append(_amount(progress, progress.done))
    if progress.bytes_per_s:
        fields.append(f"{byte_count(progress.bytes_per_s)}/s")
    if progress.remaining_s is not None:
        fields.append(f"{time_text(progress.remaining_s)} left")
    return "  ".join([*fields, progress.detail] if progress.detail else fields)


def _words(progress: Progress) -> str:
    return _STAGES.get(progress.stage, progress.stage.capitalize())


def _total(progress: Progress) -> str:
    return f" {_amount(progress, progress.total)}" if progress.total else ""


def _amount(progress: Progress, count: int) -> str:
    return f"{count:,} tokens" if progress.unit == "tokens" else byte_count(count)


def prepare_streams() -> None:
    """UTF-8 where no terminal decides, and never a failure on a letter."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def reader_is_gone(error: OSError) -> bool:
    """Tell whether a write failed because nobody reads the stream; on Windows that is an invalid argument."""
    if sys.platform == "win32" and error.errno == errno.EINVAL and error.filename is None:
        return True
    return isinstance(error, BrokenPipeError)


def silence_stdout() -> None:
    """Keep the interpreter from complaining at exit that nobody reads stdout any more (`| head`)."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
