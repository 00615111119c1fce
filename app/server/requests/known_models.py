"""What is known of the models that were in memory once."""

from app.engine.client.client import EngineClient
from app.engine.protocol import ModelInfo
from app.engine.protocol.engine_state import EngineState


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
