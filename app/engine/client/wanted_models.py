"""The models that the user has loaded, those in memory, and how to reload each after a crash. Pure."""

from dataclasses import dataclass

import msgspec

from app.engine.planning.load_history import Lowered, Recalled, lowered_by
from app.engine.planning.memory_fallback import next_step
from app.engine.protocol import LoadNotice, LoadSettings, ModelInfo
from app.engine.supervision.exit_reason import Cause
from models.system.file_stamp import FileMark

DEATHS_ON_GPU = 2
"""After so many without an answer in between, a model leaves the graphics card."""


@dataclass(slots=True, eq=False)
class WantedModel:
    """A model that was loaded by the user. `asked` is what he chose, `settings` what is to be loaded next,
    and `wished` what they came to before memory was short. `mark` is its file as it was for the load
    `marked_for`, or for the user's."""

    path: str
    asked: LoadSettings
    settings: LoadSettings
    mark: FileMark | None = None
    notices: tuple[LoadNotice, ...] = ()
    plan: LoadSettings | None = None
    wished: LoadSettings | None = None
    layers: int = 0
    present: bool = False
    deaths: int = 0
    marked_for: int = 0


class WantedModels:
    """The models by their files, the one that was loaded last at the end."""

    def __init__(self) -> None:
        self._models: dict[str, WantedModel] = {}

    def want(
        self, path: str, asked: LoadSettings, mark: FileMark | None, recalled: Recalled | None = None
    ) -> None:
        """Add a model that the user loads, as `recalled` says, and make it the current one."""
        self._models.pop(path, None)
        how = recalled or Recalled(asked)
        self._models[path] = WantedModel(path, asked, how.settings, mark, how.notices)

    def use(self, path: str) -> None:
        """Make a wanted model the current one."""
        model = self._models.pop(path, None)
        if model is not None:
            self._models[path] = model

    def forget(self, path: str = "") -> None:
        """Remove a model that the user unloads, or all."""
        if path:
            self._models.pop(path, None)
        else:
            self._models.clear()

    def planned(self, path: str, plan: LoadSettings) -> None:
        """Note how the engine is going to load a model."""
        model = self._models.get(path)
        if model is not None:
            model.plan = plan
            model.wished = model.wished or plan

    def loaded(self, info: ModelInfo) -> Lowered | None:
        """Note that a model is in memory; returns the settings for which memory was short."""
        model = self._models.get(info.path)
        if model is None:
            return None
        model.present, model.plan, model.layers = True, info.plan, info.layers + 1
        if model.deaths == 0 or model.wished is None:
            model.wished = info.planned
        layers = min(model.wished.gpu_layers, model.layers)
        wished = msgspec.structs.replace(model.wished, gpu_layers=layers)
        return lowered_by(model.asked, wished, info.plan)

    def gone(self, path: str = "") -> None:
        """Note that a model is no longer in memory, or none is; it stays wanted."""
        for model in self._models.values():
            if path in ("", model.path):
                model.present = False

    @property
    def any_present(self) -> bool:
        """Tell whether one at least is in memory."""
        return any(model.present for model in self._models.values())

    def answered(self, path: str) -> None:
        """Note that a model has ended a reply as it should."""
        model = self.find(path)
        if model is not None:
            model.deaths = 0

    def step_down(self, path: str, cause: Cause, *, loading: bool) -> None:
        """Choose how a model comes back that was at work when the engine died of `cause`."""
        model = self.find(path)
        if model is None or cause in ("peer", "outside"):
            # A computer that is gone is left out when the model is loaded again, and a program that kills the
            # engine says nothing of how the model was loaded.
            return
        model.deaths += 1
        plan = model.plan
        if plan is None:
            return
        if cause == "memory":
            step = next_step(plan, model.asked, "context" if loading else "decode", model.layers)
            if step is not None:
                model.settings = step.plan
                model.notices = (*model.notices, step.notice)
        elif plan.gpu_layers > 0 and model.deaths >= DEATHS_ON_GPU:
            notice = LoadNotice(
                "The engine stopped twice while it used the graphics card, so the model runs on the "
                "processor."
            )
            model.settings = msgspec.structs.replace(plan, gpu_layers=0)
            # That is no matter of memory: it is not kept for the next time.
            if model.wished is not None:
                model.wished = msgspec.structs.replace(model.wished, gpu_layers=0)
            model.notices = (*model.notices, notice)

    def find(self, path: str) -> WantedModel | None:
        """Return the model of a file; the current one for an empty path."""
        if path:
            return self._models.get(path)
        return next(reversed(self._models.values()), None)

    def mapped_files(self) -> list[tuple[str, FileMark | None]]:
        """List the files that are mapped into memory, as they were when they were loaded."""
        return [
            (model.path, model.mark)
            for model in self._models.values()
            if model.plan is None or model.plan.maps_weights
        ]
