"""The log file, and the report a user can hand on. No prompt, reply or secret is ever written to either."""

import contextlib
import importlib.metadata
import logging
import os
import platform
import re
import sys
import threading
import traceback
from collections import deque
from copy import copy
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from app.base.newest_writer import NewestWriter
from models.system.json_file import make_way, make_way_for_folder
from models.system.regular_file import open_regular
from models.system.shown_text import shown

log = logging.getLogger(__name__)

FILE_BYTES = 1 << 20
MOST_WAITING = 10_000
FLUSH_S = 0.3
MOST_OF_A_MESSAGE = 4000
FILES_KEPT = 3
REPORT_LINES = 100
REPORTED_PACKAGES = (
    "stillroom",
    "llama-cpp-python",
    "PySide6-Essentials",
    "huggingface-hub",
    "gguf",
    "numpy",
)

# Hugging Face tokens, bearer tokens, and the signed part of download links.
_SECRETS = re.compile(r"\bhf_[A-Za-z0-9]{8,}|(?<=Bearer )\S+|(?<=\w\?)[^\s\"']*=[^\s\"']*")


def without_secrets(text: str) -> str:
    """`text` with tokens and the query part of links blotted out."""
    return _SECRETS.sub("[hidden]", text)


class _Formatter(logging.Formatter):
    """One line a record, and what follows it indented: no value from outside can look like another record."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # what another handler's formatter kept of it
        return without_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = shown(record.message, MOST_OF_A_MESSAGE)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return _clean_lines(super().formatException(ei), "    ")


def _clean_lines(text: str, indent: str = "") -> str:
    return "\n".join(f"{indent}{shown(line, MOST_OF_A_MESSAGE)}" for line in text.split("\n"))


class _RotatingFile(RotatingFileHandler):
    """Loses lines while the disk refuses them, and goes on when it takes them again."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", delay=True)
        self._is_opening = False
        self._meanwhile: list[logging.LogRecord] = []

    def begin(self) -> None:
        """Open the file. Raises `OSError`; it is opened with a later line then."""
        with self.lock or contextlib.nullcontext():
            self.stream = self._open()
            self._write_meanwhile()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; what opening the file has to say follows it."""
        if self._is_opening:
            self._meanwhile.append(record)
            return
        super().emit(record)
        self._write_meanwhile()

    def _write_meanwhile(self) -> None:
        told, self._meanwhile = self._meanwhile, []
        for record in told:
            super().emit(record)

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        self._is_opening = True
        try:
            make_way_for_folder(path.parent)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_way(path)
        finally:
            self._is_opening = False
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing of a full or missing disk: whoever needs it says so."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def rotate(self, source: str, dest: str) -> None:
        # Windows refuses to rename a file that another Stillroom has open: this one then grows a little.
        try:
            super().rotate(source, dest)
        except PermissionError:
            log.debug("the log file is in use elsewhere and was not rotated")


class _Behind(logging.Handler):
    """Hands lines to another handler on a thread of its own: nobody who logs waits for the disk."""

    def __init__(self, file: logging.Handler) -> None:
        super().__init__()
        self._file = file
        self._waiting: deque[logging.LogRecord] = deque(maxlen=MOST_WAITING)
        self._writer = NewestWriter("log", self._write)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line as it is now; of too many that wait the oldest are lost."""
        taken = copy(record)
        try:
            # What it tells of may be changed by the time it is written.
            taken.msg, taken.args = record.getMessage(), None
        except Exception:  # noqa: BLE001 - as every handler
            self.handleError(record)
            return
        self._waiting.append(taken)
        self._writer.wake()

    def flush(self) -> None:
        """Wait a moment until all is written."""
        self._writer.flush(FLUSH_S)

    def close(self) -> None:
        """Wait for that, and close the file."""
        self.flush()
        super().close()
        if not self._waiting:
            self._file.close()

    def _write(self) -> None:
        while self._waiting:
            self._file.handle(self._waiting.popleft())


def log_behind() -> None:
    """Write the log on a thread of its own from now on, for a program whose threads must not wait for the
    disk."""
    root = logging.getLogger()
    for handler in tuple(root.handlers):
        if isinstance(handler, _RotatingFile):
            root.removeHandler(handler)
            root.addHandler(_Behind(handler))


def flush_log() -> None:
    """Wait a moment until the lines so far are in their files."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def log_file(folder: Path) -> Path:
    """The present log file in the log folder."""
    return folder / "stillroom.log"


def start_log(folder: Path, level: int = logging.INFO) -> None:
    """Log to `folder` from now on, uncaught exceptions of every thread included.

    Where the folder cannot be written the program goes on without a log until it can, and says so on stderr.
    """
    root = logging.getLogger()
    root.setLevel(level)
    for chatty in (
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "huggingface_hub",
        "urllib3",
        "asyncio",
        "qasync",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    handler = _RotatingFile(log_file(folder))
    handler.setFormatter(_Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    # Before it is opened: that may have something to say.
    root.addHandler(handler)
    try:
        handler.begin()
    except OSError as error:
        if sys.stderr is not None:
            sys.stderr.write(f"There is no log: {error}\n")
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("uncaught exception", exc_info=(kind, error, trace))
    if sys.stderr is not None:
        lines = "".join(traceback.format_exception(kind, error, trace)).rstrip("\n")
        sys.stderr.write(_clean_lines(lines) + "\n")


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    log.critical(
        "uncaught exception in thread %s",
        args.thread.name if args.thread else "unknown",
        exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
    )


def report(folder: Path, *, notes: tuple[str, ...] = ()) -> str:
    """Versions, machine and the last log lines, as plain text for an issue; `notes` are lines to add."""
    flush_log()
    lines = [f"{name} {_version(name)}" for name in REPORTED_PACKAGES]
    libc = " ".join(platform.libc_ver())
    lines += [
        f"Python {platform.python_version()} on {platform.platform()} {libc}".rstrip(),
        f"{os.cpu_count()} processors, {psutil.virtual_memory().total / 2**30:.1f} GiB of memory",
        *(shown(note, MOST_OF_A_MESSAGE) for note in notes),
        "",
        *_last_lines(log_file(folder)),
    ]
    return _without_home(without_secrets("\n".join(lines))) + "\n"


def _last_lines(path: Path) -> list[str]:
    try:
        with open_regular(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2 * FILE_BYTES))
            return file.read(2 * FILE_BYTES).decode("utf-8", "replace").splitlines()[-REPORT_LINES:]
    except OSError:
        return ["(no log)"]


def _without_home(text: str) -> str:
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
