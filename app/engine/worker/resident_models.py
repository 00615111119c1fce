"""The models in memory: which one a request means, which one has to go first. No llama.cpp is needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.base.errors import EngineError
from app.engine.devices.buffer_names import mapped_in_use
from app.engine.protocol import ModelInfo
from models.system.file_stamp import FileMark, was_changed

if TYPE_CHECKING:
    from app.engine.worker.decode_loop import Runner

TOKEN_DECAY = 0.9
"""A slow step counts for some dozen steps as what a token may take."""


@dataclass(slots=True, eq=False)
class Resident:
    """A model in memory. `mark` is its file as it was loaded, where it is mapped; `token_s` is the time that
    a token took lately, at most."""

    runner: "Runner"
    info: ModelInfo
    mark: FileMark | None = None
    token_s: float = 0.0
    last_used: int = 0
    preparing: int = 0
    """Requests whose texts are being tokenised."""

    @property
    def mapped_bytes(self) -> int:
        """Weights that the system counts as free RAM although they are in use."""
        return mapped_in_use(self.info.buffers) + mapped_in_use(self.info.draft_buffers)

    def took(self, step_s: float, tokens: int) -> None:
        """Note how long a step of so many tokens took."""
        self.token_s = max(step_s / max(1, tokens), self.token_s * TOKEN_DECAY)


class ModelsInMemory:
    """The models by the files they came from. Engine's thread."""

    def __init__(self) -> None:
        self._residents: dict[str, Resident] = {}
        self._uses = 0

    def __iter__(self) -> Iterator[Resident]:
        return iter(tuple(self._residents.values()))

    def __contains__(self, path: object) -> bool:
        return path in self._residents

    @property
    def busy(self) -> list[Resident]:
        """Those that have something to evaluate."""
        return [resident for resident in self._residents.values() if resident.runner.busy]

    @property
    def works_ahead(self) -> bool:
        """Tell whether something is evaluated that no request waits for; any thread."""
        return any(resident.runner.works_ahead for resident in tuple(self._residents.values()))

    def look_at_disk(self) -> float | None:
        """Let every model read and write chats' states; seconds until it wants to again."""
        waits = [resident.runner.look_at_disk() for resident in self._residents.values()]
        return min((wait_s for wait_s in waits if wait_s is not None), default=None)

    def find(self, path: str) -> Resident:
        """Return the model of a file, or the one that was loaded last, for a request that uses it now.

        Raises `EngineError` where it is not here.
        """
        resident = self._residents.get(path) if path else next(reversed(self._residents.values()), None)
        if resident is None:
            if not path:
                raise EngineError("No model is loaded.", "Choose a model and load it first.")
            raise EngineError(
                "The model {file} is not loaded.", "Load it, or choose another model.", file=Path(path).name
            )
        self._uses += 1
        resident.last_used = self._uses
        return resident

    def add(self, resident: Resident) -> None:
        """Add a model that was loaded: it is the current one."""
        self._uses += 1
        resident.last_used = self._uses
        self._residents[resident.info.path] = resident

    def idle(self) -> Resident | None:
        """Return the model without requests that was used longest ago."""
        idle = [
            resident
            for resident in self._residents.values()
            if not resident.runner.replying and not resident.preparing
        ]
        return min(idle, key=lambda resident: resident.last_used, default=None)

    def free(self, path: str = "") -> None:
        """End the replies of one or of all, and give the memory back."""
        for found in [path] if path else list(self._residents):
            resident = self._residents.pop(found, None)
            if resident is not None:
                resident.runner.free()


def check_file(resident: Resident) -> None:
    """Raise `EngineError` where somebody has written into the weights that are in use."""
    if was_changed(resident.info.path, resident.mark):
        raise EngineError(
            "The model file {file} was changed while it was in use.",
            "Leave the file alone while its model is loaded. Send the message again: the file is checked and "
            "loaded as it is now.",
            file=Path(resident.info.path).name,
        )
