"""The models that the local API offers, by the names that clients use."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings, ModelInfo
from app.engine.protocol.engine_state import EngineState
from app.server.access.api_error import ApiError
from models.store.store import InstalledModel, ModelStore


class KnownModels:
    """Follows the engine from its making on. Any thread.

    A model that rests, or had to make room, comes back with the next request that names it: what is known of
    it is needed meanwhile.
    """

    def __init__(self, client: EngineClient) -> None:
        self.infos: dict[str, ModelInfo] = {}
        """By the file; a new dictionary after each change."""
        client.observe(self._on_state)

    def _on_state(self, state: EngineState) -> None:
        if any(self.infos.get(info.path) is not info for info in state.models):
            self.infos = self.infos | {info.path: info for info in state.models}


LATEST = ":latest"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of this computer: `id` is its name for clients, `info` is there once it was loaded."""

    id: str
    path: str
    bytes: int
    quantisation: str
    installed: InstalledModel | None
    info: ModelInfo | None

    def is_called(self, name: str) -> bool:
        """Tell whether a client means this one, letter case aside."""
        wanted = name.casefold().removesuffix(LATEST)
        names = [self.id, self.id.replace("/", ":")]
        if self.installed is not None:
            names += [self.installed.name, self.installed.key, self.installed.repo]
        return wanted in (other.casefold() for other in names if other)


class ServedModels:
    """Finds models by name and has them loaded. The server's thread."""

    def __init__(
        self,
        client: EngineClient,
        known: KnownModels,
        store: ModelStore,
        load_settings: Callable[[str], LoadSettings],
        *,
        loads: Callable[[], bool],
    ) -> None:
        """`load_settings` gives those of a model's file; `loads` says whether a model that a client asks for
        is loaded, where it is not in memory."""
        self._client = client
        self._store = store
        self._load_settings = load_settings
        self._loads = loads
        self._known = known
        self._loading = asyncio.Lock()

    def ready(self) -> list[ServedModel]:
        """List the models that answer without being loaded by somebody first, the current one in front."""
        current = self._client.current_path
        infos = [info for path, info in self._known.infos.items() if self._client.is_wanted(path)]
        infos.sort(key=lambda info: info.path != current)
        installed = {str(model.path): model for model in self._store.listing().models}
        return [_served(installed.get(info.path), info) for info in infos]

    def all(self) -> list[ServedModel]:
        """Those, and the others on disk where they may be loaded."""
        ready = self.ready()
        if not self._loads():
            return ready
        present = {model.path for model in ready}
        return ready + [
            _served(model, None) for model in self._store.listing().models if str(model.path) not in present
        ]

    def find(self, name: str) -> ServedModel:
        """The model that a client calls `name`; without a name the current one. Raises `ApiError`."""
        offered = self.all()
        if not name:
            if not offered or offered[0].info is None:
                raise ApiError(503, "No model is loaded.", "Load one in Stillroom.", code="model_not_loaded")
            return offered[0]
        found = next((model for model in offered if model.is_called(name)), None)
        if found is None:
            raise ApiError(
                404,
                "There is no model {name} here. There are: {names}.",
                "Load it in Stillroom, or choose one of these.",
                code="model_not_found",
                param="model",
                name=name[:200],
                names=", ".join(model.id for model in offered) or "none",
            )
        return found

    async def loaded(self, name: str) -> tuple[ServedModel, ModelInfo]:
        """The model that a client calls `name`, loaded where that is needed. Raises `StillroomError`."""
        found = self.find(name)
        if found.info is not None:
            return found, found.info
        async with self._loading:
            found = self.find(name)
            if found.info is None:
                before = self._client.current_path
                handle = self._client.load(found.path, self._load_settings(found.path))
                try:
                    info: ModelInfo = await asyncio.wrap_future(handle.future)
                finally:
                    if before:
                        # What the user has chosen stays what he has chosen.
                        self._client.use(before)
                found = _served(found.installed, info)
        assert found.info is not None
        return found, found.info


def _served(installed: InstalledModel | None, info: ModelInfo | None) -> ServedModel:
    if installed is not None:
        return ServedModel(
            installed.reference, str(installed.path), installed.bytes, installed.type, installed, info
        )
    assert info is not None
    name = "/".join(part for part in (info.name, info.quantisation) if part)
    return ServedModel(name, info.path, info.size_bytes, info.quantisation, None, info)
