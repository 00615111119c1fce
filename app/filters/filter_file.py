"""The rules on disk, which the window changes and everything that sends follows."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from app.base.errors import StillroomError
from app.filters.input_filter import InputFilter
from app.filters.rule import FilterRule, RuleError
from app.filters.shipped import shipped_rules
from app.filters.verdict import Verdict
from models.system.disk_space import told_when_full
from models.system.json_file import DamagedJsonError, load_json, set_aside, write_json

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

    @property
    def rules(self) -> tuple[FilterRule, ...]:
        """All rules in their order. Raises `FilterFileError`."""
        self._current()
        return self._rules

    def check(self, text: str) -> Verdict:
        """Put `text` through the rules, as `InputFilter.check`. Raises `FilterFileError`; not for the GUI
        thread."""
        return self._current().check(text)

    def is_idle(self) -> bool:
        """No rule is on, so nothing needs checking. Raises `FilterFileError`."""
        return not self._current().rules

    def keep(self, rules: Sequence[FilterRule]) -> None:
        """Write these rules in the place of all others, and tell the observers.

        Raises `RuleError` for a rule that cannot work, whether on or off, and `FilterFileError` when the file
        cannot be written; nothing changes then.
        """
        _require_usable(rules)
        with self._writing:
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
            with self._lock:
                self._seen = None
        for observer in tuple(self._observers):
            observer()

    def set_aside(self) -> Path:
        """Rename a file that cannot be read, and go on with the shipped rules, all off; gives its name."""
        with self._writing:
            aside = set_aside(self._path)
            with self._lock:
                self._seen = None
            return aside

    def observe(self, observer: Callable[[], None]) -> Callable[[], None]:
        """Call `observer` after each change by this process, on its thread; returns what ends that."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer) if observer in self._observers else None

    def _current(self) -> InputFilter:
        with self._lock:
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
