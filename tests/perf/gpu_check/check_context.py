"""The card, the scale and the points that every stage of the check is given."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.engine.protocol import LoadSettings
from tests.perf.gpu_check.card import Card
from tests.perf.gpu_check.points import Figures, Points
from tests.perf.gpu_check.scales import Scale, model_file


@dataclass(frozen=True, slots=True)
class Check:
    """`work` is for models and caches; it can be deleted, the report stands without it."""

    card: Card
    scale: Scale
    points: Points
    work: Path

    def model(self, name: str = "") -> Path:
        """The file of a model that `make_models` has made; the scale's first without a name."""
        return model_file(name or self.scale.models[0], self.work / "models")

    def settings(self, **chosen: object) -> LoadSettings:
        """The load settings with all layers on the card unless they are `chosen`."""
        own = {"gpu_layers": self.card.all_layers, "batch_tokens": self.scale.step_tokens}
        return LoadSettings(**{**own, **chosen})  # type: ignore[arg-type]

    def make_models(self) -> None:
        """Make the models as a stage of its own, since a large one takes minutes."""
        for name in self.scale.models:
            self.points.measure("models", name, partial(self._made, name))

    def _made(self, name: str) -> Figures:
        return {"GB": self.model(name).stat().st_size / 1e9}
