"""The telemetry thread: samples graphics cards, host and engine rates, and keeps the last minutes."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from app.telemetry.host import HostReader, HostSample
from app.telemetry.nvml import GpuReading, GpuSample
from app.telemetry.nvml_monitor import GpuMonitor
from app.telemetry.other_gpus import CardMonitor
from app.telemetry.rates import RateMeter, Rates

HISTORY_S = 120.0
IDLE_PERIOD_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class History:
    """The last `HISTORY_S` seconds, oldest first; each series is as long as `times_s` (monotonic seconds).

    `vram_used_bytes` has one series a card: those of NVML, then the others.
    """

    times_s: tuple[float, ...] = ()
    generation_tok_per_s: tuple[float, ...] = ()
    vram_used_bytes: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class TelemetrySnapshot:
    """Everything the live panel shows that is measured, at one moment. `cards` are those that NVML does not
    know; None while the engine has not told."""

    at_s: float
    host: HostSample
    gpu: GpuReading
    cards: tuple[GpuSample, ...] | None
    rates: Rates
    history: History


class TelemetrySampler:
    """Delivers a `TelemetrySnapshot` `rate_hz` times a second while the engine works, else once a second; the
    user's rate is `telemetry_hz` of `app/settings.py`.

    `on_snapshot` runs on the telemetry thread. `start`, `stop`, `set_visible` and `set_rate_hz` may be called
    from any thread. Hidden, it samples once a second, so that the plots have no gap.
    """

    def __init__(
        self,
        host: HostReader,
        gpu: GpuMonitor,
        cards: CardMonitor,
        rates: RateMeter,
        on_snapshot: Callable[[TelemetrySnapshot], None],
        rate_hz: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._gpu = gpu
        self._cards = cards
        self._rates = rates
        self._on_snapshot = on_snapshot
        self._clock = clock
        self._active_period_s = 1 / rate_hz
        self._visible = True
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._points: deque[tuple[float, float, tuple[int, ...]]] = deque()

    def start(self) -> None:
        """Begin to sample."""
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; no snapshot is delivered after this returns."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._gpu.close()

    def set_visible(self, visible: bool) -> None:
        """Sample at the slow rate while nobody looks."""
        self._visible = visible

    def set_rate_hz(self, rate_hz: float) -> None:
        """Samples a second while the engine works."""
        self._active_period_s = 1 / rate_hz

    def sample(self) -> TelemetrySnapshot:
        """One snapshot now, appended to the history. Telemetry thread, or a test without one."""
        host = self._host.read()
        gpu = self._gpu.poll(self._host.last_pids, wakes=self._cards.in_use)
        cards = self._cards.poll(gpu)
        now_s = self._clock()
        rates = self._rates.rates(now_s)
        vram = tuple(sample.vram_used_bytes for sample in (*gpu.gpus, *(cards or ())))
        self._points.append((now_s, rates.generation_tok_per_s, vram))
        while self._points[0][0] < now_s - HISTORY_S:
            self._points.popleft()
        return TelemetrySnapshot(now_s, host, gpu, cards, rates, self._history(len(vram)))

    def _history(self, cards: int) -> History:
        times_s, generation, vram = zip(*self._points, strict=True)
        series = (tuple(used[i] if i < len(used) else 0 for used in vram) for i in range(cards))
        return History(times_s, generation, tuple(series))

    def _run(self) -> None:
        while not self._stop.is_set():
            snapshot = self.sample()
            self._on_snapshot(snapshot)
            active = self._visible and snapshot.rates.phase != "idle"
            self._stop.wait(self._active_period_s if active else IDLE_PERIOD_S)
        log.debug("telemetry ended")
