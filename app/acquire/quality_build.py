"""A build with what makes a small file good and honest: an importance matrix, and what it cost.

The order is what needs the least disk. First everything that takes no matrix is made in one pass, with the
full-precision file where the cost is to be measured. The matrix is collected with the 8-bit file (half the
memory traffic, and activations that differ by less than the text's own scatter) or the full-precision one;
an 8-bit file that nobody asked for goes right after. The files that take the matrix are quantised from what
holds exactly the original weights: the full-precision file where there is one, else the weights themselves.
A matrix is kept beside the model, and where one is at hand everything is made in one pass. All files are
measured together, so that the reference reads the text once. Then it goes, unless it was asked for.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.acquire.build_options import BuildWish
from app.acquire.build_target import BuildPlace, BuiltModel, Made
from app.acquire.importance import Weighing, collected_over, fitting_matrix, notes
from converters.gguf.gguf_types import canonical_type
from converters.imatrix.imatrix import read_imatrix
from converters.quality.measuring import OWN_TEXT, calibration_text, collect, measure
from models.quantisation.sizes import FULL_PRECISION, WEIGHED
from models.system.progress import OnProgress

_EXACT = ("BF16", "F32")
"""The types that hold the original weights of every model of the catalogue exactly: those are bf16."""

_COLLECTOR = "Q8_0"


@dataclass(frozen=True, slots=True)
class Keeping:
    """The file of a model's matrix, and what computes its weights' fingerprint, which may take a while."""

    file: Path
    weights_sha256: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Build:
    """The files in the order asked for; the memory is the build processes' peak."""

    models: tuple[BuiltModel, ...]
    seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """The types of the first pass, and those that wait for the matrix; `full` is the full-precision type
    among the first, empty without."""

    full: str
    first: list[str]
    second: list[str]


def _plan(
    kinds: Sequence[str], weighed: Sequence[str], wish: BuildWish, *, from_weights: bool, has_matrix: bool
) -> _Plan:
    plain = [kind for kind in kinds if kind not in weighed]
    full = next((kind for kind in _EXACT if kind in kinds), "")
    if from_weights and wish.measure and any(kind not in FULL_PRECISION for kind in kinds):
        full = full or _EXACT[0]
    first = [full, *plain] if full else plain
    if has_matrix and not set(plain) & set(WEIGHED):
        return _Plan(full, list(dict.fromkeys([*first, *weighed])), [])
    if weighed and not has_matrix and from_weights and not full:
        first = [*first, _COLLECTOR]
    return _Plan(full, list(dict.fromkeys(first)), list(weighed))


class QualityBuild:
    """Builds in `place`. `command` starts the measuring process. Blocks; any thread."""

    def __init__(
        self,
        place: BuildPlace,
        keeping: Keeping,
        command: Sequence[str],
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> None:
        self._place = place
        self._keeping = keeping
        self._command = command
        self._on_progress = on_progress
        self._cancel = cancel

    def run(self, types: Sequence[str], wish: BuildWish, source: BuiltModel | None = None) -> Build:
        """Make `types`, from the original weights or from the GGUF file `source`.

        Raises `StillroomError` and `Cancelled`; a later call goes on where this one stopped.
        """
        started_s = time.monotonic()
        kinds = list(dict.fromkeys(canonical_type(kind) for kind in types))
        weighed = wish.weighed(kinds)
        weights_sha256 = self._keeping.weights_sha256() if weighed and wish.file is None else ""
        matrix = self._at_hand(wish, weights_sha256) if weighed else None
        plan = _plan(kinds, weighed, wish, from_weights=source is None, has_matrix=matrix is not None)
        made = Made(())
        if plan.first or not kinds:  # of a GGUF file in a repository nobody may have chosen a type
            later = () if plan.full else plan.second
            made = self._place.make(plan.first, later=later, matrix=None if plan.second else matrix)
        models = {model.type: model for model in made.models}
        passing = self._passing(models, [kind for kind in plan.first if kind not in kinds])
        peaks = [made.peak_memory_bytes]
        reference = source or models.get(plan.full)
        if plan.second:
            if matrix is None:
                collector = models.get(_COLLECTOR) or reference
                assert collector is not None
                matrix = self._collected(collector, weights_sha256)
            if _COLLECTOR in passing:
                self._place.remove(passing.pop(_COLLECTOR))
            if plan.full:
                made = self._place.requantise(models[plan.full], plan.second, matrix)
            else:
                made = self._place.make(plan.second, matrix=matrix)
            models |= {model.type: model for model in made.models}
            peaks.append(made.peak_memory_bytes)
        to_measure = [models[kind] for kind in kinds if kind not in FULL_PRECISION] if wish.measure else []
        if to_measure and reference is not None:
            models |= self._measured(reference, to_measure)
        for model in passing.values():
            self._place.remove(model)
        built = tuple(models[kind] for kind in kinds) if kinds else tuple(models.values())
        return Build(built, time.monotonic() - started_s, max(peaks))

    def _passing(self, models: Mapping[str, BuiltModel], unasked: Sequence[str]) -> dict[str, BuiltModel]:
        """Those of `models` that go again, noted as such for a run after one that is killed."""
        passing = {kind: models[kind] for kind in unasked if not models[kind].was_there}
        for kind in (*_EXACT, _COLLECTOR):
            if kind in models:
                self._place.set_passing(models[kind], kind in passing)
        return passing

    def _at_hand(self, wish: BuildWish, weights_sha256: str) -> Weighing | None:
        """The matrix that was given, or kept of these weights."""
        if wish.file is not None:
            read_imatrix(wish.file)  # refused now, and not after an hour
            return Weighing(wish.file, wish.file.name)
        kept = fitting_matrix(self._keeping.file, weights_sha256, _text_sha256())
        return kept.weighing if kept is not None else None

    def _collected(self, model: BuiltModel, weights_sha256: str) -> Weighing:
        file = self._keeping.file
        file.parent.mkdir(parents=True, exist_ok=True)
        collected = collect(
            model.path,
            file,
            command=self._command,
            on_progress=self._on_progress,
            cancel=self._cancel,
            notes=notes(weights_sha256, _text_sha256(), model.type),
        )
        return Weighing(file, collected_over(OWN_TEXT, collected.chunks))

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


def _text_sha256() -> str:
    return hashlib.sha256(calibration_text().read_bytes()).hexdigest()
