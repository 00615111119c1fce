"""The model that answers: the one of last time at the start, then whichever is chosen in the window."""

import asyncio
from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, QObject, Signal

from app.base.errors import StillroomError
from app.load_choices import LoadChoices
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession, model_name
from app.ui.settings.models_moving import ModelsMoving
from models.store.store import InstalledModel, ModelStore


def measured_error() -> StillroomError:
    """Say why no model can be loaded or unloaded: a measurement needs the memory and the processor."""
    return StillroomError("The model is being measured.", "Wait until that is done, or cancel it.")


def what_returns(session: EngineSession) -> str:
    """Say which model comes back after a load that failed; "" where none had to make room for it."""
    if session.returning is None:
        return ""
    text = QCoreApplication.translate("ModelChoice", "{model} had made room for it, and is loaded again.")
    return text.format(model=model_name(session.returning))


class ModelChoice(QObject):
    """Loads and unloads what the user chooses and remembers it for the next start. GUI thread."""

    failed = Signal(object)
    """The `StillroomError` of a load; its trace is left by `EngineSession.load_failed`."""

    def __init__(
        self,
        session: EngineSession,
        store: ModelStore,
        settings: SettingsFile,
        load_choices: LoadChoices,
        moving: ModelsMoving,
        bridge: Bridge,
    ) -> None:
        super().__init__(moving)
        self._session = session
        self._store = store
        self._settings = settings
        self._load_choices = load_choices
        self._moving = moving
        self._bridge = bridge
        self._chosen: InstalledModel | None = None

    def choose_first(self) -> None:
        """Load the model of last time, or else whatever can answer at once; none where one is loaded by the
        time its settings are read, or on its way: the user was quicker."""
        models = self._store.present.models
        last = self._settings.values.last_model
        known = next((model for model in models if model.reference == last), None)
        # Of models that nobody has used yet, the first one may be a file that cannot be loaded.
        starters = [model for model in models if model.bundled]
        first = [known] if known else [*models[:1], *starters]
        if not first:
            self._session.expect_model(False)
        else:
            self._bridge.start(self._load_first(first))

    def choose(self, model: InstalledModel) -> None:
        """Let a model answer: at once where it is in memory."""
        self._chosen = model
        self._bridge.start(self._load(model, self._session.choose()))

    def unload(self, path: str = "") -> None:
        """Free the model of a file, or all of them."""
        if self._session.reserved_for:
            self.failed.emit(measured_error())
            return
        if not path or (self._chosen is not None and path == str(self._chosen.path)):
            # A load whose settings are still being read is not wanted any more.
            self._session.choose()
        self._bridge.start(self._session.unload(path))

    async def _load_first(self, models: Sequence[InstalledModel]) -> None:
        """Load one of `models`: the next one where one fails, unless the user has chosen meanwhile."""
        try:
            for model in models:
                failed = await self._load(model, is_first=True)
                # One that has answered and is gone was unloaded by the user.
                if not failed or self._chosen is not None or self._session.loading_path:
                    break
        finally:
            self._session.expect_model(False)

    async def _load(
        self, model: InstalledModel, is_wanted: Callable[[], bool] = lambda: True, *, is_first: bool = False
    ) -> bool:
        """Load a model where it is not in memory, and `is_wanted` by then; tell whether that failed."""
        if self._session.reserved_for:
            self.failed.emit(measured_error())
            return True
        if self._moving.is_running and not (model.imported or model.bundled):
            self.failed.emit(
                StillroomError(
                    "The models are being moved.", "Load one when that has ended, or stop it in the settings."
                )
            )
            return True
        in_memory = any(info.path == str(model.path) for info in self._session.models)
        if not in_memory or not self._session.use(str(model.path)):
            chosen = await asyncio.to_thread(self._load_choices.of, model.path)
            if is_first and (self._session.loading_path or self._session.info is not None):
                return False
            if not is_wanted():
                return False
            if self._session.is_coming(str(model.path), chosen.load):
                # Asked for once more, it would begin anew.
                return False
            try:
                title = f"{model.name} · {model.type}"
                await self._session.load(model.path, chosen.load, model.name, title)
            except StillroomError as error:
                self.failed.emit(error)
                return True
        self._settings.note(last_model=model.reference)
        return False
