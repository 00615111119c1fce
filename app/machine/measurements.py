"""Measurements on this computer: memory speed, and each model's memory and tokens per second.

They take the place of estimates. Kept in one JSON file; a damaged one is put aside and measured anew.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.engine.devices.buffer_names import is_ram, ram_bytes
from app.engine.protocol import Event, Finished, Loaded, ModelInfo, Unloaded
from app.machine.hardware import computer_identity
from app.machine.memory_speed import SpeedReading, read_memory_speed
from models.memory.fit import Memory
from models.system.cores import physical_cores
from models.system.json_file import read_json, write_json

log = logging.getLogger(__name__)

SHORTEST_REPLY_TOKENS = 32
"""Of a shorter reply the rate says little."""

_BETTER = 1.02  # a rate is written again only where it differs by more than the noise
_ANOTHER = 1.5
"""A speed of a later day that differs by less is the same memory: on two processors of an AMD EPYC, quiet, it
is 27 or 40 GB/s for seconds at a time, and the recommendation must not turn with it."""

_KEPT_LOADS = 200


class MemorySpeed(msgspec.Struct, frozen=True, kw_only=True):
    """The speed at which replies read weights from this computer's RAM; measured again when it has become
    another one. Weights of 8 bits and more have a figure of their own, 0 where it was not measured. `quiet`
    says that other programs left the processor alone meanwhile."""

    computer: str
    bytes_per_s: float
    eight_bit_bytes_per_s: float = 0.0
    measured_at: str
    quiet: bool = False

    @property
    def is_provisional(self) -> bool:
        """Tell whether it is to be measured again, as the computer was busy."""
        return not self.quiet

    def applied(self, memory: Memory) -> Memory:
        """Return the memory with this speed."""
        return replace(
            memory,
            ram_bytes_per_s=self.bytes_per_s,
            eight_bit_bytes_per_s=self.eight_bit_bytes_per_s,
            speed_is_provisional=self.is_provisional,
        )


class LoadMeasurement(msgspec.Struct, frozen=True, kw_only=True):
    """The memory that llama.cpp allocated for a file with these settings, and the fastest reply (0: none).

    `buffers` are bytes by llama.cpp's name of the buffer: "CPU_Mapped" is the file itself, read through the
    page cache, as far as it is read in each step; others are told apart by `engine.buffer_names`.
    """

    path: str
    file_bytes: int
    context_tokens: int
    kv_type: str
    batch_tokens: int
    gpu_layers: int
    sequences: int = 1
    buffers: dict[str, int]
    decode_tok_per_s: float = 0.0
    measured_at: str = ""

    @property
    def ram_bytes(self) -> int:
        """RAM, the mapped file included; what was copied out of it into a faster order counts once."""
        return ram_bytes(self.buffers)

    @property
    def device_bytes(self) -> int:
        """Memory of graphics cards."""
        return sum(size for name, size in self.buffers.items() if not is_ram(name))


def taken_bytes(info: ModelInfo) -> int:
    """Return the memory that a loaded model takes in RAM and on graphics cards, with its draft model."""
    return sum(
        ram_bytes(buffers) + sum(size for name, size in buffers.items() if not is_ram(name))
        for buffers in (info.buffers, info.draft_buffers)
    )


class _File(msgspec.Struct, kw_only=True):
    version: int = 1
    # Earlier versions kept `memory_speed` and `weights_speed`, of memory and of products alone.
    reply_speed: MemorySpeed | None = None
    loads: list[LoadMeasurement] = []


class Measurements:
    """The file at `path`; any thread. `on_event` takes the engine's events, `read_speed` measures."""

    def __init__(
        self,
        path: Path,
        read_speed: Callable[[int], SpeedReading] | None = None,
        now: Callable[[], str] | None = None,
    ) -> None:
        """`now` tells the time in ISO 8601."""
        self._path = path
        self._read_speed = read_speed or read_memory_speed
        self._now = now or _now
        self._lock = threading.Lock()
        self._measuring = threading.Lock()
        self._file: _File | None = None
        self._loaded: dict[str, LoadMeasurement] = {}

    def memory_speed(self) -> MemorySpeed:
        """Bytes of weights per second that replies read; 0 where it cannot be measured.

        A speed that was measured while the computer was quiet holds for the day, and for longer where it is
        never quiet again, or differs by no more than the noise. Until there is one, the first counts, or one
        that is clearly faster, and each call measures again: it blocks for about five seconds then.
        """
        computer, now = computer_identity(), self._now()
        with self._measuring:
            with self._lock:
                known = self._read().reply_speed
            if known is not None and known.computer != computer:
                known = None
            is_todays = known is not None and known.measured_at[:10] == now[:10]
            if known is not None and known.quiet and is_todays:
                return known
            reading = self._read_speed(physical_cores())
            if known is not None and known.quiet and not reading.is_quiet:
                return known
            bytes_per_s, eight_bit_bytes_per_s = _counted(reading, known)
            found = MemorySpeed(
                computer=computer,
                bytes_per_s=bytes_per_s,
                eight_bit_bytes_per_s=eight_bit_bytes_per_s,
                measured_at=now,
                quiet=reading.is_quiet and reading.bytes_per_s > 0,
            )
            if found.bytes_per_s:
                with self._lock:
                    self._read().reply_speed = found
                    self._write()
            return found

    def kept_speed(self) -> MemorySpeed | None:
        """The speed that was measured last on this computer, also on another day; None without one. Nobody
        waits for a measurement, nor for the disk once the file was read."""
        file = self._file
        if file is None:
            with self._lock:
                file = self._read()
        known = file.reply_speed
        return known if known is not None and known.computer == computer_identity() else None

    def loads(self) -> tuple[LoadMeasurement, ...]:
        """Everything that was loaded, the latest last. Once the file was read nobody waits for the disk, to
        which another thread may write."""
        file = self._file
        if file is None:
            with self._lock:
                file = self._read()
        return tuple(file.loads)

    def on_event(self, event: Event) -> None:
        """Take what a load or a reply measured."""
        match event:
            case Loaded():
                load = measured_load(event.info)
                with self._lock:
                    before = next((other for other in self._read().loads if _same(other, load)), None)
                    if before is not None:
                        load = msgspec.structs.replace(load, decode_tok_per_s=before.decode_tok_per_s)
                    self._loaded[load.path] = load
                    if before is None or before.buffers != load.buffers:
                        self._keep(load)
            case Unloaded():
                with self._lock:
                    if event.path:
                        self._loaded.pop(event.path, None)
                    else:
                        self._loaded.clear()
            case Finished() if event.stats.completion_tokens >= SHORTEST_REPLY_TOKENS:
                with self._lock:
                    # With two models loaded it is not known whose reply it was.
                    if len(self._loaded) == 1:
                        [load] = self._loaded.values()
                        if event.stats.decode_tok_per_s > load.decode_tok_per_s * _BETTER:
                            load = msgspec.structs.replace(
                                load, decode_tok_per_s=event.stats.decode_tok_per_s, measured_at=_now()
                            )
                            self._loaded[load.path] = load
                            self._keep(load)

    def _keep(self, load: LoadMeasurement) -> None:
        file = self._read()
        others = [other for other in file.loads if not _same(other, load)]
        # Another list: `loads` reads it without the lock.
        file.loads = [*others, load][-_KEPT_LOADS:]
        self._write()

    def _read(self) -> _File:
        if self._file is None:
            without = "How fast this computer is, is measured again."
            self._file = read_json(self._path, _File, without=without) or _File()
        return self._file

    def _write(self) -> None:
        try:
            write_json(self._path, self._file)
        except OSError as error:
            # Nothing is lost that cannot be measured again; the reply goes on.
            log.warning("%s cannot be written: %s", self._path, error)


def _counted(reading: SpeedReading, known: MemorySpeed | None) -> tuple[float, float]:
    """Return the bytes per second that count after a reading, of all weights and of those of 8 bits, where
    `known` counted before it."""
    now = reading.bytes_per_s, reading.eight_bit_bytes_per_s
    if known is None:
        return now
    before = known.bytes_per_s, known.eight_bit_bytes_per_s
    if not known.quiet:
        # The fastest of many readings of a busy computer is more than a quiet one reads, and the
        # recommendation would turn with it.
        stays = not reading.is_quiet and reading.bytes_per_s < known.bytes_per_s * _ANOTHER
        return before if stays else now
    slower, faster = sorted((known.bytes_per_s, reading.bytes_per_s))
    return before if faster < slower * _ANOTHER else now


def measured_load(info: ModelInfo) -> LoadMeasurement:
    """Make a measurement of the memory that a load took."""
    path = Path(info.path)
    return LoadMeasurement(
        path=info.path,
        file_bytes=path.stat().st_size if path.is_file() else 0,
        context_tokens=info.context_tokens,
        kv_type=info.kv_type,
        batch_tokens=info.batch_tokens,
        gpu_layers=info.gpu_layers,
        sequences=max(1, info.plan.sequences),
        buffers=info.buffers,
        measured_at=_now(),
    )


def _same(one: LoadMeasurement, other: LoadMeasurement) -> bool:
    return _settings(one) == _settings(other)


def _settings(load: LoadMeasurement) -> tuple[str, int, int, str, int, int, int]:
    return (
        load.path,
        load.file_bytes,
        load.context_tokens,
        load.kv_type,
        load.batch_tokens,
        load.gpu_layers,
        load.sequences,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
