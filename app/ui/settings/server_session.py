"""The local API as the window sees it: switched on and off, on the GUI thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

from PySide6.QtCore import QObject, Signal

from app.base.errors import StillroomError
from app.server.access.config import ServerConfig, config_of
from app.server.access.discovery import Discovery
from app.server.access.stats import StatsView
from app.server.server import LocalServer
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge

API_SETTINGS = (
    "api_enabled",
    "api_port",
    "api_network",
    "api_certificate",
    "api_private_key",
    "api_origins",
)


class ServerSession(QObject):
    """Keeps the server as the settings say. Everything here is for the GUI thread."""

    changed = Signal()
    """It listens, does not any more, or has failed to."""

    def __init__(
        self, server: LocalServer, settings: SettingsFile, bridge: Bridge, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._server = server
        self._settings = settings
        self._bridge = bridge
        self._turn = asyncio.Lock()
        self._changes = 0
        self._applied: ServerConfig | None = None
        self.error: StillroomError | None = None

    @property
    def busy(self) -> bool:
        """Changes are being applied, or wait for that."""
        return self._changes > 0

    @property
    def running(self) -> Discovery | None:
        """The address and key of the running server; None while it does not listen."""
        return self._server.running

    @property
    def stats(self) -> StatsView:
        """The server's clients and counts."""
        return self._server.stats

    def start(self) -> None:
        """Switch it on where the settings say so; at the window's beginning, with a notice on failure."""
        if self._settings.values.api_enabled:
            self._bridge.start(self._begin())

    def set(self, **changes: object) -> None:
        """Change settings of the API; it is started again where it runs."""
        before = self._settings.values
        values = self._settings.change(**changes)
        if any(getattr(values, name) != getattr(before, name) for name in API_SETTINGS):
            self._bridge.start(self._follow())

    def reserve(self, job: str) -> None:
        """Tell programs to come back later while `job` measures the model; empty when it is done."""
        self._server.reserved = bool(job)

    async def key(self) -> str:
        """The bearer key, made when it is first asked for. Raises `StillroomError`."""
        return await asyncio.to_thread(self._server.key_file.read_or_make)

    def give_key(self, use: Callable[[str], None]) -> None:
        """Call `use` with the key once the disk has given it; a failure is told."""
        self._bridge.start(self._give_key(use))

    def renew_key(self) -> None:
        """Lock out who has the key, once the new one is on the disk; a failure is told."""
        self._bridge.start(self._renew(self._server.key_file.renew()))

    async def _give_key(self, use: Callable[[str], None]) -> None:
        use(await self.key())

    async def _renew(self, renewed: "Future[str]") -> None:
        self._changes += 1
        self.changed.emit()
        try:
            await asyncio.wrap_future(renewed)
        finally:
            self._changes -= 1
            self.changed.emit()
        await self._follow()

    async def _begin(self) -> None:
        await self._follow()
        if self.error is not None:
            raise self.error

    async def _follow(self) -> None:
        self._changes += 1
        self.changed.emit()
        try:
            async with self._turn:
                await self._apply()
        finally:
            self._changes -= 1
            self.changed.emit()

    async def _apply(self) -> None:
        values, config = self._settings.values, None
        self.error = None
        try:
            if values.api_enabled:
                config = config_of(values, await self.key())
            if self.running is not None and config == self._applied:
                # Another change, made while this one waited, has brought it already.
                return
            await asyncio.to_thread(self._server.stop)
            self._applied = config
            if config is not None:
                starting = await asyncio.to_thread(
                    self._server.start, config, lambda: self._settings.values.api_loads_models
                )
                await asyncio.wrap_future(starting)
        except StillroomError as error:
            self.error = error
            await asyncio.to_thread(self._server.stop)
