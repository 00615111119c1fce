"""Read how each model on disk would be loaded: the settings that are chosen for it, and its shape."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from app.base.errors import StillroomError
from app.engine.planning.file_shape import ModelShape, shape_from_summary
from app.engine.planning.load_history import LoadMemory
from app.engine.protocol import LoadSettings
from app.machine.advisor import FileFacts
from converters.gguf.gguf_reader import inspect
from models.store.store import InstalledModel
from models.system.file_stamp import FileMark, mark


class FileFactsReader:
    """Reads the facts as a load finds them: what was `chosen` for a file, and what `memory` knows to be
    fastest or too much. `default` is for new models. Reads the beginning of each file once, so not on the GUI
    thread."""

    def __init__(
        self,
        chosen: Callable[[Path], LoadSettings],
        default: Callable[[], LoadSettings],
        memory: LoadMemory,
    ) -> None:
        self._chosen = chosen
        self._default = default
        self._memory = memory
        self._lock = threading.Lock()
        self._shapes: dict[str, tuple[FileMark | None, ModelShape | None]] = {}

    @property
    def default(self) -> LoadSettings:
        """The settings with which a new model is loaded."""
        return self._default()

    def read(self, models: Sequence[InstalledModel]) -> dict[str, FileFacts]:
        """Return the facts of the files of `models`, by path."""
        facts = {}
        for model in models:
            path = str(model.path)
            asked = self._memory.recall(path, self._chosen(model.path)).settings
            draft = self._shape(asked.draft_path) if asked.draft_path else None
            facts[path] = FileFacts(asked, self._shape(path), draft)
        return facts

    def _shape(self, path: str) -> ModelShape | None:
        marked = mark(path)
        with self._lock:
            known = self._shapes.get(path)
        if known is not None and known[0] == marked:
            return known[1]
        try:
            shape = shape_from_summary(inspect(Path(path)))
        except (StillroomError, OSError):
            # Loading it says why.
            shape = None
        with self._lock:
            self._shapes[path] = (marked, shape)
        return shape
