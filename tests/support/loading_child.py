"""Loads model files in the engine's own process, one after the other; a new process for each that dies."""

import time
from contextlib import suppress
from pathlib import Path

import msgspec

from app.base.children import child_command
from app.base.parent_death import KillOnClose
from app.engine.client.engine_process import EngineChild
from app.engine.client.outbox import Outbox
from app.engine.protocol import (
    Failed,
    Finished,
    Generate,
    Load,
    Loaded,
    LoadSettings,
    Lora,
    Part,
    Ready,
    Unload,
    Unloaded,
)
from models.system.errors import StillroomError
from tests.support.measured import Outcome, peak_of

SETTINGS = LoadSettings(context_tokens=64, batch_tokens=32, threads=1, gpu_layers=0)
LIMIT_S = 60.0
CRASHED = "the engine's process died"


class LoadingChild:
    """Use it as a context manager; one thread."""

    def __init__(self) -> None:
        self._job = KillOnClose()
        self._child = self._start()
        self._id = 0
        self._holds_model = False
        self.ordinary_bytes = 0

    def __enter__(self) -> "LoadingChild":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.reap(patience_s=10.0)

    def load(self, name: str, path: Path) -> Outcome:
        """Load the file and free it again. `error` is "Failed", or `CRASHED`."""
        outcome = self._ask(name, Load(request_id=0, path=str(path), settings=SETTINGS), Loaded)
        if not outcome.error:
            self._outbox.put(Unload(request_id=0))
            while not isinstance(event := self._child.read(), Unloaded) and event is not None:
                pass
        return outcome

    def adapt(self, name: str, model: Path, adapter: Path) -> Outcome:
        """Ask the model for a token with the adapter; it stays loaded."""
        if not self._holds_model:
            self._ask(name, Load(request_id=0, path=str(model), settings=SETTINGS), Loaded)
            self._holds_model = True
        loras = [Lora(path=str(adapter), scale=1.0)]
        request = Generate(request_id=0, parts=[Part("a")], max_tokens=1, model=str(model), loras=loras)
        return self._ask(name, request, Finished)

    def _ask(self, name: str, request: Load | Generate, end: type[Loaded] | type[Finished]) -> Outcome:
        self._id += 1
        peak_of(self._child.pid, reset=True)
        began_s = time.monotonic()
        self._outbox.put(msgspec.structs.replace(request, request_id=self._id))
        outcome = Outcome(name=name, seconds=0, peak_bytes=0)
        while True:
            event = self._child.read()
            if event is None or time.monotonic() - began_s > LIMIT_S:
                outcome.error, outcome.sentence = CRASHED, self._child.last_words()[-300:]
                break
            if isinstance(event, Failed):
                told = StillroomError(event.message, event.hint, **event.values)
                outcome.error, outcome.sentence, outcome.hint = "Failed", str(told), told.hint_text()
                break
            if isinstance(event, end):
                break
        outcome.seconds = time.monotonic() - began_s
        with suppress(OSError, KeyError):
            outcome.peak_bytes = max(0, peak_of(self._child.pid) - self.ordinary_bytes)
        if outcome.error == CRASHED:
            self._child.kill()
            self._child.reap(patience_s=10.0)
            self._child, self._holds_model = self._start(), False
        return outcome

    def _start(self) -> EngineChild:
        self._outbox = Outbox()
        child = EngineChild(child_command("engine"), self._job, self._outbox)
        while not isinstance(child.read(), Ready):
            pass
        return child
