"""Getting NVIDIA's libraries as the window sees it; goes on while the page that shows it is closed."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.base.errors import Cancelled, StillroomError
from app.cuda.cuda_install import CudaGetter
from app.cuda.offer import CudaOffer, judge
from app.engine.client.client import EngineClient
from app.engine.devices.gpu_presence import a_card_sleeps
from app.engine.protocol import DevicesListed
from app.machine.doctor import GPU_WAIT_S
from app.settings import SettingsFile
from app.telemetry.nvml_monitor import GpuMonitor
from app.ui.base.bridge import Bridge
from models.system.progress import JobContext, Progress


class CudaSession(QObject):
    """One getting or removing at a time. GUI thread."""

    changed = Signal()
    """`offer`, `progress` or `error` is another one."""

    offered = Signal()
    """There is a card that could be used through CUDA; comes once in the life of an installation."""

    def __init__(
        self,
        getter: CudaGetter,
        client: EngineClient,
        gpu: GpuMonitor,
        settings: SettingsFile,
        bridge: Bridge,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._getter = getter
        self._client = client
        self._gpu = gpu
        self._settings = settings
        self._bridge = bridge
        self._cancel: threading.Event | None = None
        self._judgements = self._judged = 0
        """The number of the last judgement that was begun, and of that which is shown."""
        self.offer: CudaOffer | None = None
        self.progress: Progress | None = None
        self.error: StillroomError | None = None
        self.freed_bytes = 0
        self.needs_restart = False

    @property
    def busy(self) -> bool:
        """Tell whether something is being fetched, tried or removed."""
        return self._cancel is not None

    def look(self) -> None:
        """Judge again what there is to do here."""
        self._bridge.start(self._look())

    def look_once(self) -> None:
        """Judge it when the engine has started, unless the user has seen the offer already, or a card sleeps
        that would be woken for it."""
        if not self._settings.values.cuda_offer_told and self.offer is None and not a_card_sleeps():
            self._bridge.start(self._tell())

    def expect_offer(self) -> Callable[[CudaOffer | None], None]:
        """Judge elsewhere from now on; the result takes what was found, unless it is out of date by then:
        something was fetched or removed meanwhile, or a later judgement is there."""
        self._judgements += 1
        number = self._judgements

        def take(offer: CudaOffer | None) -> None:
            if number >= self._judged:
                self._judged = number
                self.offer = offer
                self.changed.emit()

        return take

    def get(self, mirror: str = "", files: Sequence[Path] = ()) -> None:
        """Fetch what is missing, or take `files`, and try it."""
        told = self._bridge.wrap(self._on_progress)
        self._begin(lambda cancel: self._getter.get(mirror=mirror, files=files, job=JobContext(told, cancel)))

    def cancel(self) -> None:
        """Stop; what has arrived stays."""
        if self._cancel is not None:
            self._cancel.set()

    def remove(self) -> None:
        """Delete the libraries and all that has arrived of them."""
        self._begin(lambda _: self._remove())

    def _remove(self) -> None:
        self.freed_bytes = self._getter.place.remove()

    def _begin(self, work: Callable[[threading.Event], object]) -> None:
        if self._cancel is None:
            self._cancel = threading.Event()
            # What is being judged was judged before this.
            self._judgements += 1
            self._judged = self._judgements
            self.error, self.progress, self.freed_bytes = None, None, 0
            self.changed.emit()
            self._bridge.start(self._run(work, self._cancel))

    async def _run(self, work: Callable[[threading.Event], object], cancel: threading.Event) -> None:
        try:
            await asyncio.to_thread(work, cancel)
            # An engine that runs keeps the back ends that it has loaded.
            self.needs_restart = True
        except Cancelled:
            pass
        except StillroomError as error:
            self.error = error
        finally:
            cancel.set()
            self._cancel, self.progress = None, None
            self.changed.emit()
        await self._look()

    async def _look(self) -> None:
        take = self.expect_offer()
        take(await self._judge())

    async def _tell(self) -> None:
        await self._look()
        if self.offer is not None and self.offer.state == "offered":
            self._settings.change(cuda_offer_told=True)
            self.offered.emit()

    async def _judge(self) -> CudaOffer:
        try:
            engine: DevicesListed | StillroomError = await asyncio.wrap_future(self._client.list_devices())
        except StillroomError as error:
            engine = error
        reading = await asyncio.to_thread(self._gpu.poll, frozenset[int](), wait_s=GPU_WAIT_S)
        return await asyncio.to_thread(judge, self._getter.place, reading, engine)

    def _on_progress(self, progress: Progress) -> None:
        if self.busy:
            self.progress = progress
            self.changed.emit()
