"""Measure the quality loss of models that are built already, against their full-precision form."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.acquire.build_options import Order
from app.base.errors import StillroomError
from converters.quality.measuring_client import measure
from models.catalogue.catalogue import find
from models.catalogue.reference import CatalogueReference, HubReference, Reference
from models.quantisation.quantisation_types import FULL_PRECISION
from models.store.store import InstalledModel, ModelStore
from models.system.progress import UNWATCHED, JobContext

if TYPE_CHECKING:
    from app.acquire.acquirer import Acquirer


class Measurer:
    """Measures installed models and keeps the result in their manifests. `command` starts the measuring
    process, `acquirer` makes what fetches original weights where no full-precision file is here.
    """

    def __init__(self, store: ModelStore, acquirer: "Callable[[], Acquirer]", command: Sequence[str]) -> None:
        self._store = store
        self._acquirer = acquirer
        self._command = command

    def reference_of(self, model: InstalledModel) -> InstalledModel | None:
        """The full-precision file that `model` can be compared with, where one is on this computer."""
        same = [
            other
            for other in self._store.listing().models
            if other.name == model.name
            and other.type in FULL_PRECISION
            and (other.repo, other.commit) == (model.repo, model.commit)
        ]
        return min(same, key=lambda other: FULL_PRECISION.index(other.type), default=None)

    def can_fetch_reference(self, model: InstalledModel) -> bool:
        """Tell whether the original weights can be fetched from the hub."""
        return bool(model.repo and model.commit)

    def measure(
        self,
        models: Sequence[InstalledModel],
        job: JobContext = UNWATCHED,
        *,
        reference: Path | None = None,
        text: Path | None = None,
    ) -> list[InstalledModel]:
        """`models`, files of one model, with their quality on the file `text`, in their order.

        The reference is the file `reference`, else the model's full-precision file on disk, else one that is
        built from the original weights, which are downloaded, and that goes again. Blocks; any thread. Raises
        `StillroomError` and `Cancelled`.
        """
        own: InstalledModel | None = None
        if reference is None:
            own = self.reference_of(models[0]) or self._fetch(models[0], job)
            reference = own.path
        read = [*models, own] if own is not None else models
        with self._store.reading(read):
            qualities = measure(reference, [model.path for model in models], self._command, job, text=text)
        if own is not None:
            # Also one that another run has made in passing, and left because it was read here.
            self._store.remove_passing(own)
        known = {model.path for model in self._store.listing().models}
        # A file that lies elsewhere has no manifest to keep it in.
        return [
            self._store.record_quality(model, quality)
            if model.path in known
            else replace(model, quality=quality)
            for model, quality in zip(models, qualities, strict=True)
        ]

    def _fetch(self, model: InstalledModel, job: JobContext) -> InstalledModel:
        if not self.can_fetch_reference(model):
            raise StillroomError(
                "There is no full-precision file of {model} here to compare it with.",
                "Build its BF16 from the original weights, or name such a file with --reference.",
                model=model.name,
            )
        known = find(model.key) if model.key else None
        reference: Reference = CatalogueReference(known) if known is not None else HubReference(model.repo)
        order = Order(reference, [FULL_PRECISION[0]], revision=model.commit)
        [made] = self._acquirer().get(order, job).models
        # A measurement that is stopped now leaves it for the next one, which deletes it.
        self._store.set_passing(made, True)
        return replace(made, passing=True)
