"""Judge what each model of the catalogue would be like on this computer: memory, place, speed, and why.

Memory is that of the load's own plan (`memory_estimate`), speed an estimate; measurements take their place.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from app.engine.planning.file_shape import ModelShape as FileShape
from app.engine.planning.memory_estimate import planned_fit, shape_of
from app.engine.protocol import KvType, LoadSettings
from app.machine.fitting_size import fitting_by_cache
from app.machine.measurements import LoadMeasurement
from models.catalogue.catalogue import CatalogueModel
from models.catalogue.recommend import Recommendation, is_quick_on_processor, recommend, recommended_type
from models.catalogue.similar import parameters_of, similar_model, similar_weights
from models.memory.fit import Fit, Memory, Verdict
from models.quantisation.file_size import weights_of
from models.quantisation.model_shape import ModelShape
from models.quantisation.quantisation_types import EVERYDAY_TYPE, QUANTISATIONS
from models.store.store import InstalledModel

SpeedBasis = Literal["measured", "replies", "memory", "provisional", ""]
"""The basis of a speed: measured with this very file, derived from replies of another model on this computer,
or from the speed of its memory alone ("provisional" while that was measured on a busy computer only); empty
where nothing is known."""

_SAME_RAM = 0.02
"""Free RAM comes and goes with every program; by less than this share it changes hardly a verdict."""

_TELLING_BYTES = 500_000_000
"""Replies of a smaller model tell little of large ones: caches hold much of it, and its steps are short."""


@dataclass(frozen=True, slots=True)
class Use:
    """The use to judge a model for: 0 and "auto" are what it would be loaded with."""

    context_tokens: int = 0
    kv_type: KvType | Literal["auto"] = "auto"

    def applied(self, chosen: LoadSettings) -> LoadSettings:
        """Return the load settings of a model with what this use asks for."""
        return msgspec.structs.replace(
            chosen,
            context_tokens=self.context_tokens or chosen.context_tokens,
            kv_type=chosen.kv_type if self.kv_type == "auto" else self.kv_type,
        )


AS_LOADED = Use()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The load of a file on disk: the settings that are `asked` for it, its shape (None where
    it does not tell), and that of the model that guesses ahead."""

    asked: LoadSettings
    shape: FileShape | None = None
    draft: FileShape | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """One model in one quantisation on this computer; `key` is empty for a file that the catalogue does not
    know. `measured` is there once this file was loaded with this context and cache, for as many parallel
    replies as it says."""

    key: str
    quantisation: str
    fit: Fit
    tok_per_s: float | None
    basis: SpeedBasis
    measured: LoadMeasurement | None = None

    @property
    def measured_so(self) -> LoadMeasurement | None:
        """The measurement of exactly the use that is judged; None without one."""
        load, judged = self.measured, (self.fit.demand.sequences, self.fit.gpu_layers)
        return load if load is not None and (load.sequences, load.gpu_layers) == judged else None

    @property
    def ram_bytes(self) -> int:
        """RAM it takes."""
        return self.measured_so.ram_bytes if self.measured_so is not None else self.fit.need.ram.total

    @property
    def device_bytes(self) -> int:
        """Memory of graphics cards it takes."""
        return self.measured_so.device_bytes if self.measured_so is not None else self.fit.need.device.total


class Advisor:
    """Judges with the memory that is free now and what was measured before, each model once; touches
    nothing.

    `loads` are the measurements, `installed` the models on disk, by which they are recognised. `facts` say by
    path how these would be loaded; all others would be by `default`.
    """

    def __init__(
        self,
        models: Sequence[CatalogueModel],
        memory: Memory,
        loads: Sequence[LoadMeasurement] = (),
        installed: Sequence[InstalledModel] = (),
        facts: Mapping[str, FileFacts] | None = None,
        default: LoadSettings = LoadSettings(),  # noqa: B008 - frozen
    ) -> None:
        self._models = {model.key: model for model in models}
        self._loads = loads
        self._files = {(file.key, file.type): file for file in installed if file.key in self._models}
        self._facts = facts or {}
        self.default = default
        self._free = memory
        self._outlooks: dict[tuple[str, str, Use], Outlook] = {}
        self._recommendation: Recommendation | None = None
        self._has_recommended = False
        self._from_replies = False
        self.memory = self._with_reply_speeds(memory)

    def judges_like(self, other: "Advisor") -> bool:
        """Tell whether another one knows the same, with about as much free RAM."""
        known = [
            (
                replace(each._free, ram_bytes=0),
                list(each._models),
                tuple(each._loads),
                each._files,
                each._facts,
                each.default,
            )
            for each in (self, other)
        ]
        ram_bytes, other_bytes = self._free.ram_bytes, other._free.ram_bytes
        return known[0] == known[1] and math.isclose(ram_bytes, other_bytes, rel_tol=_SAME_RAM)

    def recommendation(self) -> Recommendation | None:
        """Return the model to take here; None where none runs."""
        if not self._has_recommended:
            self._recommendation = recommend(list(self._models.values()), self.fit_of)
            self._has_recommended = True
        return self._recommendation

    def recommended_type(self, model: CatalogueModel) -> str:
        """Return the quantisation to make of a model for this computer: the recommended model's is that of
        the recommendation."""
        best = self.recommendation()
        if best is not None and best.model.key == model.key:
            return best.fit.quantisation
        return recommended_type(model, self.fit_of)

    def is_provisional(self, model: CatalogueModel, quantisation: str) -> bool:
        """Tell whether advice on it may be another one once the computer is quiet."""
        return self.outlook(model, quantisation).basis == "provisional"

    def best_mixture(self, model: CatalogueModel) -> InstalledModel | None:
        """Return the file on disk whose types were chosen for its size and that is better here than the
        recommended type: it runs in the same place, as quickly as is asked of any, and loses least."""
        kind = self.recommended_type(model)
        plain = self.fit_of(model, kind)
        better = []
        for file in self._files.values():
            if file.key != model.key or file.quality is None or not self._loses_less(file, kind):
                continue
            outlook = self.file_outlook(file)
            if outlook is None or outlook.fit.verdict is not plain.verdict:
                continue
            if plain.verdict is Verdict.GPU or is_quick_on_processor(outlook.fit):
                better.append((file.quality.kld_mean, file.bytes, file))
        return min(better, key=lambda found: found[:2])[2] if better else None

    def _loses_less(self, file: InstalledModel, kind: str) -> bool:
        """Compare a mixture's file with the type `kind` of its model: as measured where both are, else as
        expected when it was chosen."""
        if file.mixture is None or file.quality is None:
            return False
        other = self._files.get((file.key, kind))
        if other is not None and other.quality is not None:
            return file.quality.kld_mean < other.quality.kld_mean
        return any(
            plain.type == kind and file.mixture.divergence < plain.divergence for plain in file.mixture.plain
        )

    def outlook(self, model: CatalogueModel, quantisation: str, use: Use = AS_LOADED) -> Outlook:
        """Judge a model in `quantisation`, one of `QUANTISATIONS`, by its file where it is on disk."""
        asked = model.key, quantisation, use
        found = self._outlooks.get(asked)
        if found is None:
            found = self._outlooks[asked] = self._judged(model, quantisation, use)
        return found

    def _judged(self, model: CatalogueModel, quantisation: str, use: Use) -> Outlook:
        file = self._files.get((model.key, quantisation))
        facts = self._facts.get(str(file.path)) if file is not None else None
        shape = facts.shape if facts is not None else None
        if shape is None:
            shape = shape_of(model.shape, weights_of(model.shape, quantisation), model.context_limit)
        asked = use.applied(facts.asked if facts is not None else self.default)
        found = planned_fit(asked, shape, quantisation, self.memory, facts.draft if facts else None)
        return self._with_measured(Outlook(model.key, quantisation, found, found.tok_per_s, ""), file)

    def size_outlook(self, model: CatalogueModel, size_bytes: int, use: Use = AS_LOADED) -> Outlook:
        """Judge a file of `model` of any size, whatever types its weights have."""
        shape = shape_of(model.shape, similar_weights(model, size_bytes), model.context_limit)
        found = planned_fit(use.applied(self.default), shape, "", self.memory)
        return self._with_measured(Outlook(model.key, "", found, found.tok_per_s, ""), None)

    def fitting_sizes(self, model: CatalogueModel, use: Use = AS_LOADED) -> tuple[int, int]:
        """Return the bytes that a file of `model` may take here, see `fitting_by_cache`."""
        spread = weights_of(model.shape, EVERYDAY_TYPE)
        asked = use.applied(self.default)
        return fitting_by_cache(model.shape, spread, model.context_limit, asked, self.memory)

    def file_outlook(self, file: InstalledModel) -> Outlook | None:
        """Judge a file that the catalogue does not know; None where nothing is known of it."""
        facts = self._facts.get(str(file.path))
        if facts is None or facts.shape is None:
            return None
        found = planned_fit(facts.asked, facts.shape, file.type, self.memory, facts.draft)
        return self._with_measured(Outlook("", file.type, found, found.tok_per_s, ""), file)

    def fit_of(self, model: CatalogueModel, quantisation: str) -> Fit:
        """Judge a model in `quantisation` as it would be loaded."""
        return self.outlook(model, quantisation).fit

    def rough_fit(self, file_bytes: int, quantisation: str, parameters: int = 0) -> Fit:
        """Estimate where a file of this size runs of which nothing else is known; `parameters` 0 counts its
        weights by the size."""
        model = similar_model(parameters or parameters_of(file_bytes, quantisation))
        shape = shape_of(model.shape, similar_weights(model, file_bytes), model.context_limit)
        return planned_fit(self.default, shape, quantisation, self.memory)

    def outlooks(self, use: Use = AS_LOADED) -> list[Outlook]:
        """Every thinking model of the catalogue in every quantisation."""
        return [
            self.outlook(model, kind, use)
            for model in self._models.values()
            if model.thinks
            for kind in QUANTISATIONS
        ]

    def _with_measured(self, outlook: Outlook, file: InstalledModel | None) -> Outlook:
        measured = self._measured(file, outlook.fit)
        rate = self._measured_rate(file, outlook.fit.gpu_layers, measured)
        if rate:
            return replace(outlook, tok_per_s=rate, basis="measured", measured=measured)
        basis: SpeedBasis = ""
        if outlook.tok_per_s is not None:
            basis = "provisional" if self.memory.speed_is_provisional else "memory"
            basis = "replies" if self._from_replies else basis
        return replace(outlook, basis=basis, measured=measured)

    def _measured(self, file: InstalledModel | None, found: Fit) -> LoadMeasurement | None:
        if file is None:
            return None
        demand = found.demand
        wanted = (str(file.path), file.bytes, demand.attended_cells, demand.kv_type)
        same = [
            load
            for load in reversed(self._loads)
            if (load.path, load.file_bytes, load.context_tokens, load.kv_type) == wanted
        ]
        # The use itself goes before another number of parallel replies, a later load before an earlier one.
        return max(same, key=lambda load: load.sequences == demand.sequences) if same else None

    def _measured_rate(
        self, file: InstalledModel | None, gpu_layers: int, measured: LoadMeasurement | None
    ) -> float:
        """Give the tokens per second of this file, 0 if unknown: in the use that is judged, or else in its
        latest one in the same place, as the room for a context does not change the speed in a short one."""
        if measured is not None and measured.decode_tok_per_s:
            return measured.decode_tok_per_s
        if file is None:
            return 0.0
        return next(
            (
                load.decode_tok_per_s
                for load in reversed(self._loads)
                if (load.path, load.file_bytes, load.gpu_layers) == (str(file.path), file.bytes, gpu_layers)
                and load.decode_tok_per_s
            ),
            0.0,
        )

    def _with_reply_speeds(self, memory: Memory) -> Memory:
        """Speeds that replies reached are better than those of reading memory: they hold the computing too.

        The largest model counts, because the catalogue's are large.
        """
        in_ram, on_cards, kind = 0.0, 0.0, ""
        largest = {"ram": 0, "card": 0}
        by_path = {str(file.path): file for file in self._files.values()}
        for load in self._loads:
            file = by_path.get(load.path)
            if file is None or not load.decode_tok_per_s or load.file_bytes != file.bytes:
                continue
            if file.bytes < _TELLING_BYTES:
                continue
            shape = self._models[file.key].shape
            speed = _read_bytes(shape, file.bytes) * load.decode_tok_per_s
            if load.gpu_layers == 0 and file.bytes >= largest["ram"]:
                in_ram, largest["ram"], kind = speed, file.bytes, file.type
            elif load.gpu_layers > shape.layers and file.bytes >= largest["card"]:
                on_cards, largest["card"] = speed, file.bytes
        self._from_replies = bool(in_ram or on_cards)
        provisional = memory.speed_is_provisional and not in_ram
        gpus = tuple(replace(gpu, bytes_per_s=on_cards or gpu.bytes_per_s) for gpu in memory.gpus)
        memory = replace(memory, gpus=gpus, speed_is_provisional=provisional)
        if not in_ram:
            return memory
        measured = memory.reading_bytes_per_s(kind)
        if not measured:
            return replace(memory, ram_bytes_per_s=in_ram)
        # Weights of the other kind are read faster or slower by as much.
        factor = in_ram / measured
        return replace(
            memory,
            ram_bytes_per_s=factor * memory.ram_bytes_per_s,
            eight_bit_bytes_per_s=factor * memory.eight_bit_bytes_per_s,
        )


def _read_bytes(shape: ModelShape, file_bytes: int) -> float:
    """Return the bytes that each token reads: all but the token embedding, if that is a tensor of its own."""
    unread = 0 if shape.tied_embeddings else shape.vocabulary * shape.hidden
    return file_bytes * (1 - unread / shape.parameters)
