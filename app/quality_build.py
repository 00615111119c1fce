"""A build with what makes a small file good and honest: an importance matrix, and what it cost.

The order is what needs the least disk and reads the original weights once. First everything that takes no
matrix is made in one pass, with the full-precision file where one is needed. The matrix is collected with the
8-bit file if there is one (half the memory traffic, and activations that differ by less than the text's own
scatter), else with the full-precision one. The files that take the matrix are quantised from the
full-precision file, which holds exactly the original weights. All are measured against it together, so that
it reads the text once. Then it goes, unless it was asked for.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.build_place import BuildPlace, BuiltModel, Made
from app.build_wish import BuildWish
from converters.gguf_types import canonical_type
from converters.imatrix import read_imatrix
from converters.measuring import OWN_TEXT, collect, measure
from models.progress import OnProgress
from models.sizes import FULL_PRECISION

_EXACT = ("BF16", "F32")
"""What holds the original weights of every model of the catalogue exactly, as they are stored in bf16."""


@dataclass(frozen=True, slots=True)
class Build:
    """The files in the order asked for; the memory is the build processes' peak."""

    models: tuple[BuiltModel, ...]
    seconds: float
    peak_memory_bytes: int


class QualityBuild:
    """Builds in `place`. `command` starts the measuring process. Blocks; any thread."""

    def __init__(
        self,
        place: BuildPlace,
        command: Sequence[str],
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> None:
        self._place = place
        self._command = command
        self._on_progress = on_progress
        self._cancel = cancel

    def run(self, types: Sequence[str], wish: BuildWish, source: BuiltModel | None = None) -> Build:
        """Make `types`, from the original weights or from the GGUF file `source`.

        Raises `StillroomError` and `Cancelled`; a later call goes on where this one stopped.
        """
        started_s = time.monotonic()
        kinds = list(dict.fromkeys(canonical_type(kind) for kind in types))
        if wish.file is not None:
            read_imatrix(wish.file)  # refused now, and not after an hour
        weighed = wish.weighed(kinds)
        plain = [kind for kind in kinds if kind not in weighed]
        to_measure = [kind for kind in kinds if kind not in FULL_PRECISION] if wish.measure else []
        reference_type = next((kind for kind in _EXACT if kind in kinds), _EXACT[0])
        needed = bool(weighed or to_measure) and source is None
        first = [reference_type, *plain] if needed else plain
        # Of a GGUF file in a repository nobody may have chosen a type.
        made = self._made(first) if first or not kinds else Made(())
        models = {model.type: model for model in made.models}
        peaks = [made.peak_memory_bytes]
        reference = source or models.get(reference_type)
        in_passing = needed and reference_type not in kinds and not models[reference_type].was_there
        if needed:
            self._place.set_passing(models[reference_type], in_passing)
        if weighed and reference is not None:
            made = self._weighed(reference, models.get("Q8_0"), weighed, wish)
            models |= {model.type: model for model in made.models}
            peaks.append(made.peak_memory_bytes)
        if to_measure and reference is not None:
            models |= self._measured(reference, [models[kind] for kind in to_measure])
        if in_passing:
            self._place.remove(models[reference_type])
        built = tuple(models[kind] for kind in kinds) if kinds else tuple(models.values())
        return Build(built, time.monotonic() - started_s, max(peaks))

    def _made(self, types: Sequence[str]) -> Made:
        return self._place.make(list(dict.fromkeys(types)))

    def _weighed(
        self,
        reference: BuiltModel,
        eight_bit: BuiltModel | None,
        types: Sequence[str],
        wish: BuildWish,
    ) -> Made:
        if wish.file is not None:
            return self._place.requantise(reference, types, wish.file, wish.file.name)
        folder = self._place.work_folder
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{reference.path.stem}.imatrix"
        try:
            collected = collect(
                (eight_bit or reference).path,
                file,
                command=self._command,
                on_progress=self._on_progress,
                cancel=self._cancel,
            )
            return self._place.requantise(reference, types, file, f"{OWN_TEXT}, {collected.chunks} chunks")
        finally:
            file.unlink(missing_ok=True)

    def _measured(self, reference: BuiltModel, models: Sequence[BuiltModel]) -> dict[str, BuiltModel]:
        qualities = measure(
            reference.path,
            [model.path for model in models],
            command=self._command,
            on_progress=self._on_progress,
            cancel=self._cancel,
        )
        return {
            model.type: self._place.record(model, quality)
            for model, quality in zip(models, qualities, strict=True)
        }
