"""Judge what each model of the catalogue would be like on this computer: memory, place, speed, and why.

Estimates are from `models.memory.fit`; measurements take their place (`app.machine.measurements`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.machine.measurements import LoadMeasurement
from models.catalog.catalog import CatalogModel
from models.memory.fit import Fit, Memory, fit_weights
from models.memory.memory_request import Demand
from models.quantisation.model_shape import ModelShape
from models.quantisation.sizes import QUANTISATIONS, weights_of
from models.store.store import InstalledModel

SpeedBasis = Literal["measured", "replies", "memory", ""]
"""The basis of a speed: measured with this very file, derived from replies of another model on this computer,
or from the speed of its memory alone; empty where nothing is known."""

_TELLING_BYTES = 500_000_000
"""Replies of a smaller model tell little of large ones: caches hold much of it, and its steps are short."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """One model in one quantisation on this computer. `measured` is there once this file was loaded with
    this context and cache, for as many parallel replies as it says."""

    model: CatalogModel
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
    """Judges with the memory that is free now and what was measured before; touches nothing.

    `loads` are the measurements, `installed` the models on disk, by which they are recognised.
    """

    def __init__(
        self,
        models: Sequence[CatalogModel],
        memory: Memory,
        loads: Sequence[LoadMeasurement] = (),
        installed: Sequence[InstalledModel] = (),
    ) -> None:
        self._models = {model.key: model for model in models}
        self._loads = loads
        self._files = {(file.key, file.type): file for file in installed if file.key in self._models}
        self._from_replies = False
        self.memory = self._with_reply_speeds(memory)

    def outlook(self, model: CatalogModel, quantisation: str, demand: Demand) -> Outlook:
        """The outlook for `quantisation`, one of `QUANTISATIONS`."""
        weights = weights_of(model.shape, quantisation)
        found = fit_weights(model.shape, weights, quantisation, self.memory, demand)
        measured = self._measured(model, quantisation, demand)
        rate = self._measured_rate(model, quantisation, found.gpu_layers, measured)
        if rate:
            return Outlook(model, quantisation, found, rate, "measured", measured)
        basis: SpeedBasis = ""
        if found.tok_per_s is not None:
            basis = "replies" if self._from_replies else "memory"
        return Outlook(model, quantisation, found, found.tok_per_s, basis, measured)

    def outlooks(self, demand: Demand) -> list[Outlook]:
        """Every thinking model of the catalogue in every quantisation."""
        return [
            self.outlook(model, kind, demand)
            for model in self._models.values()
            if model.thinks
            for kind in QUANTISATIONS
        ]

    def _measured(self, model: CatalogModel, quantisation: str, demand: Demand) -> LoadMeasurement | None:
        file = self._files.get((model.key, quantisation))
        if file is None:
            return None
        wanted = (str(file.path), file.bytes, demand.attended_cells, demand.kv_type)
        same = [
            load
            for load in reversed(self._loads)
            if (load.path, load.file_bytes, load.context_tokens, load.kv_type) == wanted
        ]
        # The use itself goes before another number of parallel replies, a later load before an earlier one.
        return max(same, key=lambda load: load.sequences == demand.sequences) if same else None

    def _measured_rate(
        self, model: CatalogModel, quantisation: str, gpu_layers: int, measured: LoadMeasurement | None
    ) -> float:
        """Give the tokens per second of this file, 0 if unknown: in the use that is judged, or else in its
        latest one in the same place, as the room for a context does not change the speed in a short one."""
        if measured is not None and measured.decode_tok_per_s:
            return measured.decode_tok_per_s
        file = self._files.get((model.key, quantisation))
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
        in_ram, on_cards = 0.0, 0.0
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
                in_ram, largest["ram"] = speed, file.bytes
            elif load.gpu_layers > shape.layers and file.bytes >= largest["card"]:
                on_cards, largest["card"] = speed, file.bytes
        self._from_replies = bool(in_ram or on_cards)
        gpus = tuple(replace(gpu, bytes_per_s=on_cards or gpu.bytes_per_s) for gpu in memory.gpus)
        return replace(memory, gpus=gpus, ram_bytes_per_s=in_ram or memory.ram_bytes_per_s)


def _read_bytes(shape: ModelShape, file_bytes: int) -> float:
    """Return the bytes that each token reads: all but the token embedding, if that is a tensor of its own."""
    unread = 0 if shape.tied_embeddings else shape.vocabulary * shape.hidden
    return file_bytes * (1 - unread / shape.parameters)
