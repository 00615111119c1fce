"""The rules on disk, which the window changes and everything that sends follows."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import msgspec

from app.base.errors import StillroomError
from app.base.newest_writer import NewestWriter
from app.filters.input_filter import InputFilter
from app.filters.rule import FilterRule, RuleError
from app.filters.shipped import shipped_rules
from app.filters.verdict import Verdict
from models.system.disk_space import told_when_full
from models.system.json_file import DamagedJsonError, load_json, set_aside, write_json

log = logging.getLogger(__name__)

VERSION = 1
MOST_RULES = 200


class FilterFileError(StillroomError):
    """The rules cannot be read or kept."""


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    rules: list[FilterRule]


class FilterFile:
    """The ordered rules. Any thread and any process: a file that another one has changed is read again.

    Without a file they are the shipped ones, all off. A file that cannot be read, or does not fit its
    checksum, lets nothing through: what a user switched on to keep secrets in must not be gone in silence.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        """Apart from `_lock`: nobody who has a text checked waits for the disk to take new rules."""
        self._seen: tuple[int, int, int] | None = None
        self._rules: tuple[FilterRule, ...] = ()
        self._filter: InputFilter | None = None
        self._observers: list[Callable[[], None]] = []
        self._newest = threading.Lock()
        """For the two below; whoever holds it waits for nothing."""
        self._unwritten: tuple[FilterRule, ...] | None = None
        """The rules that count, where the file does not say them yet."""
        self._waiting: list[Future[None]] = []
        self._writer = NewestWriter("filter-rules", self._write_newest)
        self._is_refused = False

    @property
    def rules(self) -> tuple[FilterRule, ...]:
        """All rules in their order. Raises `FilterFileError`; not for the GUI thread, as it waits for the
        disk."""
        self._current()
        return self._rules

    def check(self, text: str) -> Verdict:
        """Put `text` through the rules, as `InputFilter.check`. Raises `FilterFileError`; not for the GUI
        thread."""
        return self._current().check(text)

    def is_idle(self) -> bool:
        """No rule is on, so nothing needs checking. Raises `FilterFileError`; not for the GUI thread."""
        return not self._current().rules

    def change(self, rules: Sequence[FilterRule]) -> "Future[None]":
        """Let these rules count in the place of all others, tell the observers, and write them a moment later
        on another thread; for the GUI thread.

        Raises `RuleError` for a rule that cannot work, whether on or off; nothing changes then. The result
        raises `FilterFileError` or `DiskFullError` when the file cannot be written: the rules count until the
        program ends.
        """
        _require_usable(rules)
        written: Future[None] = Future()
        with self._newest:
            self._unwritten = tuple(rules)
            self._waiting.append(written)
        self._writer.wake()
        for observer in tuple(self._observers):
            observer()
        return written

    def keep(self, rules: Sequence[FilterRule]) -> None:
        """`change`, and wait until the rules are written."""
        self.change(rules).result()

    def close(self) -> None:
        """Wait until all is written; what was refused is tried once more."""
        self._writer.flush()
        if self._is_refused:
            self._writer.wake()
            self._writer.flush()

    def set_aside(self) -> Path:
        """Rename a file that cannot be read, and go on with the shipped rules, all off; gives its name. Waits
        for the disk."""
        with self._writing:
            aside = set_aside(self._path)
            with self._lock:
                self._seen = None
            return aside

    def observe(self, observer: Callable[[], None]) -> Callable[[], None]:
        """Call `observer` after each change by this process, on its thread; returns what ends that."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer) if observer in self._observers else None

    def _write_newest(self) -> None:
        with self._writing:
            with self._newest:
                rules, waiting, self._waiting = self._unwritten, self._waiting, []
            if rules is None:
                return
            waiting = [written for written in waiting if written.set_running_or_notify_cancel()]
            try:
                self._write(rules)
            except Exception as error:  # noqa: BLE001 - whoever waits gets it
                self._is_refused = True
                log.warning("%s: %s", self._path, error)
                for written in waiting:
                    written.set_exception(error)
                return
            self._is_refused = False
            with self._lock, self._newest:
                # Else there are newer ones by now.
                if self._unwritten is rules:
                    self._unwritten = self._seen = None
        for written in waiting:
            written.set_result(None)

    def _write(self, rules: Sequence[FilterRule]) -> None:
        try:
            with told_when_full(self._path.parent):
                write_json(self._path, _Document(version=VERSION, rules=list(rules)), indent=True)
        except OSError as error:
            raise FilterFileError(
                "The filter rules could not be saved to {path}: {reason}.",
                "Check that the folder may be written and that the disk is not full.",
                path=str(self._path),
                reason=error.strerror or "unknown",
            ) from error

    def _current(self) -> InputFilter:
        with self._lock:
            if (unwritten := self._unwritten) is not None:
                if self._filter is None or self._rules is not unwritten:
                    self._rules, self._filter = unwritten, InputFilter(unwritten)
                return self._filter
            try:
                status = self._path.stat()
                seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            except FileNotFoundError:
                seen = (0, 0, 0)
            except OSError as error:
                raise self._unreadable(error.strerror or "unknown") from error
            if self._filter is None or seen != self._seen:
                self._rules = shipped_rules() if seen == (0, 0, 0) else self._read()
                self._filter = InputFilter(self._rules)
                self._seen = seen
            return self._filter

    def _read(self) -> tuple[FilterRule, ...]:
        try:
            loaded = load_json(self._path, _Document)
            if not loaded.sound:
                raise self._changed()
            document = loaded.value
            if document.version > VERSION:
                raise self._unreadable(f"it was written by a later version of Stillroom ({document.version})")
            _require_usable(document.rules)
        except OSError as error:
            raise self._unreadable(error.strerror or "unknown") from error
        except (DamagedJsonError, RuleError) as error:
            raise self._unreadable(str(error).rstrip(".")) from error
        return tuple(document.rules)

    def _changed(self) -> FilterFileError:
        self._filter = None
        return FilterFileError(
            "The filter rules in {path} were changed outside Stillroom, or are damaged. Nothing is sent "
            "meanwhile.",
            "If the change is yours, take the line “checksum” out of the file. If not, open the input filter "
            "and start again with the shipped rules.",
            path=str(self._path),
        )

    def _unreadable(self, reason: str) -> FilterFileError:
        self._filter = None
        return FilterFileError(
            "The filter rules in {path} cannot be used: {reason}. Nothing is sent meanwhile.",
            "Mend the file, or open the input filter and start again with the shipped rules.",
            path=str(self._path),
            reason=reason,
        )


def _require_usable(rules: Sequence[FilterRule]) -> None:
    ids = set()
    for rule in rules:
        if not rule.id or rule.id in ids:
            raise RuleError("The rule {rule} has no id of its own.", rule=rule.name)
        ids.add(rule.checked().id)
    if len(rules) > MOST_RULES:
        raise RuleError(
            "There are more than {most} rules.", "Join some of them.", rule=rules[-1].name, most=MOST_RULES
        )
