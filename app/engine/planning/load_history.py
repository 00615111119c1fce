"""Remember, by machine and model file, what memory was too short for and which settings are fastest."""

import hashlib
import logging
import os
import platform
import threading
import time
from pathlib import Path
from typing import Any, Literal

import msgspec
import psutil

from app.engine.devices.gpu_presence import graphics_cards
from app.engine.planning.memory_fallback import GIVEN_UP
from app.engine.protocol import FlashAttention, KvType, LoadNotice, LoadSettings
from models.system.json_file import read_json, write_json
from models.system.regular_file import open_regular

log = logging.getLogger(__name__)

VERSION = 1
FINGERPRINT_BYTES = 1 << 16

_LOWERED_NOTICES = {
    "draft_path": LoadNotice("More failed the last time, so no other model guesses ahead."),
    "weights": LoadNotice("More failed the last time, so the weights are read through the file."),
    "flash_attention": LoadNotice("More failed the last time, so attention takes less memory and more time."),
    "sequences": LoadNotice("More failed the last time, so replies are written one after the other."),
    "context_tokens": LoadNotice("More failed the last time, so the context has {value} tokens."),
    "kv_type": LoadNotice("More failed the last time, so the cache is kept in {value}."),
    "gpu_layers": LoadNotice("More failed the last time, so {value} layers run on the graphics card."),
}
_HOW_TO_FORGET = LoadNotice("“Try again from the start” in the load settings forgets that.")


class Lowered(msgspec.Struct, frozen=True, kw_only=True):
    """The values of `plan` that are named in `given_up` had to be taken when `asked` was asked for."""

    asked: LoadSettings
    plan: LoadSettings
    given_up: tuple[str, ...]


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that were fastest here. `gpu_layers` -1 leaves them automatic; they hold for the context
    that was asked for then (`context_tokens`, 0 is automatic)."""

    threads: int
    prompt_threads: int
    batch_tokens: int
    flash_attention: FlashAttention
    kv_type: KvType
    gpu_layers: int = -1
    context_tokens: int = 0
    at: str = ""
    """UTC, ISO 8601."""
    llama_cpp_version: str = ""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The facts known of one model file; `name` is only for people who read the JSON."""

    name: str = ""
    lowered: Lowered | None = None
    tuned: Tuned | None = None
    table: dict[str, Any] | None = None
    """The measurements behind `tuned`: a `tuning.report.TuningReport` in plain values."""


class _Document(msgspec.Struct, kw_only=True):
    version: int = VERSION
    machines: dict[str, dict[str, Remembered]] = {}


class Recalled(msgspec.Struct, frozen=True):
    """The settings to load with, and what to tell the user about them."""

    settings: LoadSettings
    notices: tuple[LoadNotice, ...] = ()


class LoadMemory:
    """Keeps it in one JSON file, by machine and by model file; any thread, also of several processes.

    It is advice: loading goes on without a file that cannot be read or written.
    """

    def __init__(self, path: Path, machine: str | None = None) -> None:
        self._path = path
        self._machine = machine if machine is not None else this_machine()
        self._lock = threading.Lock()
        self._seen: dict[str, Remembered] = {}

    def recall(self, file: str, asked: LoadSettings) -> Recalled:
        """Return `asked` with what is known for its automatic values. What the user chose himself stays."""
        known = self.of(file)
        settings = asked if known.tuned is None else with_tuned(asked, known.tuned)
        if known.lowered is None or known.lowered.asked != asked:
            return Recalled(settings)
        taken = {name: getattr(known.lowered.plan, name) for name in known.lowered.given_up}
        notices = [
            msgspec.structs.replace(_LOWERED_NOTICES[name], values={"value": value})
            for name, value in taken.items()
        ]
        return Recalled(msgspec.structs.replace(settings, **taken), (*notices, _HOW_TO_FORGET))

    def of(self, file: str) -> Remembered:
        """Return what is known of a model file; waits for its disk."""
        key = fingerprint(file)
        found = self._seen[file] = self._read().machines.get(self._machine, {}).get(key, Remembered())
        return found

    def known(self, file: str) -> Remembered:
        """Return what was known of a model file when it was last asked for or changed by this process, as it
        is when it is loaded; for the GUI thread, which must not wait for the disk."""
        return self._seen.get(file, Remembered())

    def note_lowered(self, file: str, lowered: Lowered) -> None:
        """Begin there the next time: memory was short. What was given up before stays given up."""
        known = self.of(file).lowered
        if known is not None and known.asked == lowered.asked:
            names = [name for name in GIVEN_UP if name in (*known.given_up, *lowered.given_up)]
            lowered = msgspec.structs.replace(lowered, given_up=tuple(names))
        self._change(file, lowered=lowered)

    def note_tuned(self, file: str, tuned: Tuned, table: dict[str, Any] | None = None) -> None:
        """Remember these settings as the fastest, by the `table`."""
        self._change(file, tuned=tuned, table=table)

    def forget(self, file: str, what: Literal["all", "lowered", "tuned"] = "all") -> None:
        """Plan the next load of this file afresh."""
        names = {"all": ("lowered", "tuned", "table"), "lowered": ("lowered",), "tuned": ("tuned", "table")}
        self._change(file, **dict.fromkeys(names[what]))

    def _change(self, file: str, **values: Any) -> None:
        key = fingerprint(file)
        if not key:
            return
        with self._lock:
            document = self._read()
            models = document.machines.setdefault(self._machine, {})
            changed = msgspec.structs.replace(models.get(key, Remembered()), name=Path(file).name, **values)
            self._seen[file] = changed
            if changed.lowered is None and changed.tuned is None:
                models.pop(key, None)
            else:
                models[key] = changed
            try:
                write_json(self._path, document, indent=True)
            except OSError as error:
                log.warning("what was learnt about loading could not be kept: %s", error)

    def _read(self) -> _Document:
        without = "What was learnt about loading models is learnt again."
        return read_json(self._path, _Document, without=without) or _Document()


def with_tuned(asked: LoadSettings, tuned: Tuned) -> LoadSettings:
    """Return `asked` with the fastest settings in place of its automatic ones."""
    changes: dict[str, object] = {}
    if asked.threads == 0:
        changes["threads"] = tuned.threads
        if asked.prompt_threads == 0:
            changes["prompt_threads"] = tuned.prompt_threads
    if asked.batch_tokens == 0:
        changes["batch_tokens"] = tuned.batch_tokens
    if asked.flash_attention == "auto":
        changes["flash_attention"] = tuned.flash_attention
    # A cache that is not f16 cannot do without flash attention.
    if asked.kv_type == "auto" and (asked.flash_attention != "off" or tuned.kv_type == "f16"):
        changes["kv_type"] = tuned.kv_type
    if asked.gpu_layers < 0 and asked.context_tokens == tuned.context_tokens:
        changes["gpu_layers"] = tuned.gpu_layers
    return msgspec.structs.replace(asked, **changes)


def lowered_by(asked: LoadSettings, before: LoadSettings, plan: LoadSettings) -> Lowered | None:
    """Return what to remember when `before` had been planned and `plan` was what could be loaded."""
    given_up = tuple(name for name in GIVEN_UP if getattr(before, name) != getattr(plan, name))
    return Lowered(asked=asked, plan=plan, given_up=given_up) if given_up else None


def fingerprint(file: str) -> str:
    """Identify a model file wherever it lies, by its size and beginning; empty where it cannot be read."""
    try:
        with open_regular(Path(file)) as opened:
            start = opened.read(FINGERPRINT_BYTES)
            size = os.fstat(opened.fileno()).st_size
    except OSError:
        return ""
    return f"{size}-{hashlib.blake2b(start, digest_size=12).hexdigest()}"


def this_machine() -> str:
    """Name what decides how a model is loaded: processor, memory and graphics cards, no serial number."""
    memory_gib = round(psutil.virtual_memory().total / (1 << 30))
    parts = [platform.machine(), f"{os.cpu_count()} threads", f"{memory_gib} GiB", *graphics_cards()]
    return ", ".join(parts)


def now() -> str:
    """Return the present time as it is kept: ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
