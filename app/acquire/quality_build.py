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
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from app.acquire.build_options import OFF, BuildWish
from app.acquire.build_target import BuildTarget
from app.acquire.kept_imatrix import collected_over, fitting_matrix, notes
from app.acquire.weights import BuildPass, GgufWeights, Weights
from converters.gguf.gguf_types import canonical_type
from converters.imatrix.imatrix_file import read_imatrix
from converters.mixture.costs_client import measure_tensor_costs
from converters.mixture.mixture_for_size import MixtureChooser
from converters.mixture.tensor_costs import CostsFile, TensorCosts
from converters.process.messages import MatrixFile
from converters.quality.measuring_client import OWN_TEXT, calibration_text, collect, measure
from models.quantisation.chosen_mixture import ChosenMixture, is_chosen
from models.quantisation.quantisation_types import FULL_PRECISION, WEIGHED
from models.store.store import InstalledModel
from models.system.progress import JobContext

_EXACT = ("BF16", "F32")
"""The types that hold the original weights of every model of the catalogue exactly: those are bf16."""

_COLLECTOR = "Q8_0"


@dataclass(frozen=True, slots=True)
class Acquired:
    """The files in the order asked for; the memory is the build processes' peak, 0 where nothing was
    built."""

    models: tuple[InstalledModel, ...]
    seconds: float
    peak_memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands that start the process that builds and the one that measures."""

    build: Sequence[str]
    measure: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The types of the first pass, and those that wait for the matrix; `full` is the full-precision type
    among the first, empty without."""

    full: str
    first: list[str]
    second: list[str]


def _plan(
    kinds: Sequence[str],
    weighed: Sequence[str],
    wish: BuildWish,
    *,
    from_weights: bool,
    has_matrix: bool,
    to_choose: str,
) -> _Plan:
    """Plan the passes; `to_choose` is the label of a mixture whose costs are not known yet."""
    plain = [kind for kind in kinds if kind not in weighed and kind != to_choose]
    full = next((kind for kind in _EXACT if kind in kinds), "")
    measures = to_choose or (wish.measure and any(kind not in FULL_PRECISION for kind in kinds))
    if from_weights and measures:
        full = full or _EXACT[0]
    first = [full, *plain] if full else plain
    second = list(weighed)
    if to_choose and to_choose not in second:
        second.append(to_choose)
    if has_matrix and not to_choose and not set(plain) & set(WEIGHED):
        return _Plan(full, list(dict.fromkeys([*first, *weighed])), [])
    if weighed and not has_matrix and from_weights and not full:
        first = [*first, _COLLECTOR]
    return _Plan(full, list(dict.fromkeys(first)), second)


class QualityBuild:
    """Builds `weights` into `target`. Blocks; any thread."""

    def __init__(self, weights: Weights, target: BuildTarget, commands: Commands, job: JobContext) -> None:
        self._weights = weights
        self._target = target
        self._commands = commands
        self._job = job
        self._kept = target.kept()
        self._peak_bytes = 0

    def run(self, types: Sequence[str], wish: BuildWish) -> Acquired:
        """Make `types`. Raises `StillroomError` and `Cancelled`; a later call goes on where this one
        stopped."""
        with ExitStack() as held:
            acquired = self._run(types, wish, held)
        self._target.remove_passing(self._weights)
        return acquired

    def _run(self, types: Sequence[str], wish: BuildWish, held: ExitStack) -> Acquired:
        """Make them; what else needs the full-precision file of this build reads it until `held` ends."""
        started_s = time.monotonic()
        kinds = list(dict.fromkeys(canonical_type(kind) for kind in types))
        if wish.mixture_label:
            kinds.append(wish.mixture_label)
        weighed = wish.weighed(kinds)
        hashed = (weighed and wish.file is None) or wish.mixture_label
        weights_sha256 = self._weights.sha256(self._job) if hashed else ""
        matrix = self._at_hand(wish, weights_sha256) if weighed else None
        source = self._weights.file
        chosen = self._chosen_at_hand(wish, weights_sha256, matrix)
        plan = _plan(
            _with_label(kinds, chosen),
            _with_label(weighed, chosen),
            wish,
            from_weights=source is None,
            has_matrix=matrix is not None,
            to_choose="" if chosen is not None else wish.mixture_label,
        )
        models: dict[str, InstalledModel] = {}
        if plan.first:
            later = () if plan.full else plan.second
            matrix_now = None if plan.second else matrix
            models = self._make(self._weights, BuildPass(plan.first, later, matrix_now, chosen))
        if plan.full:
            # Before it is noted as made in passing: who measured with it may be the last to read it.
            held.enter_context(self._target.reading(models[plan.full]))
        passing = self._passing(models, [kind for kind in plan.first if kind not in kinds])
        reference = source or models.get(plan.full)
        if plan.second:
            if matrix is None and weighed:
                collector = models.get(_COLLECTOR) or reference
                assert collector is not None
                matrix = self._collected(collector, weights_sha256)
            if _COLLECTOR in passing:
                self._target.remove(passing.pop(_COLLECTOR))
            weights = self._weights
            if plan.full:
                full = models[plan.full]
                weights = GgufWeights(full, self._weights.stem, (), self._commands.build)
            if wish.mixture_label and chosen is None:
                assert reference is not None
                chosen = self._chosen(wish, reference, weights_sha256, matrix)
            second = _with_label(plan.second, chosen)
            models |= self._make(weights, BuildPass(second, matrix=matrix, mixture=chosen))
        kinds = _with_label(kinds, chosen)
        to_measure = [models[kind] for kind in kinds if kind not in FULL_PRECISION] if wish.measure else []
        if to_measure and reference is not None:
            models |= self._measured(reference, to_measure)
        built = tuple(models[kind] for kind in kinds)
        return Acquired(built, time.monotonic() - started_s, self._peak_bytes)

    def _make(self, weights: Weights, step: BuildPass) -> dict[str, InstalledModel]:
        made = self._target.make(weights, step, self._job)
        self._peak_bytes = max(self._peak_bytes, made.peak_memory_bytes)
        return {model.type: model for model in made.models}

    def _passing(
        self, models: Mapping[str, InstalledModel], unasked: Sequence[str]
    ) -> dict[str, InstalledModel]:
        """Those of `models` that go again, noted as such for a run after one that is killed."""
        passing = {kind: models[kind] for kind in unasked if models[kind].path not in self._kept}
        for kind in (*_EXACT, _COLLECTOR):
            if kind in models:
                self._target.set_passing(models[kind], kind in passing)
        return passing

    def _at_hand(self, wish: BuildWish, weights_sha256: str) -> MatrixFile | None:
        """The matrix that was given, or kept of these weights."""
        if wish.file is not None:
            read_imatrix(wish.file)  # refused now, and not after an hour
            return MatrixFile(wish.file, wish.file.name)
        kept = fitting_matrix(self._target.matrix_file(self._weights), weights_sha256, _text_sha256())
        return kept.matrix if kept is not None else None

    def _collected(self, model: InstalledModel, weights_sha256: str) -> MatrixFile:
        file = self._target.matrix_file(self._weights)
        file.parent.mkdir(parents=True, exist_ok=True)
        belongs_to = notes(weights_sha256, _text_sha256(), model.type)
        collected = collect(model.path, file, self._commands.measure, self._job, notes=belongs_to)
        return MatrixFile(file, collected_over(OWN_TEXT, collected.chunks))

    def _chosen_at_hand(
        self, wish: BuildWish, weights_sha256: str, matrix: MatrixFile | None
    ) -> ChosenMixture | None:
        """Choose the mixture by costs that are kept of these weights and this matrix; None without them."""
        if not wish.mixture_label or (matrix is None and wish.imatrix != OFF):
            return None
        belongs_to = _costs_notes(weights_sha256, matrix)
        costs = CostsFile(self._target.costs_file(self._weights), belongs_to).read()
        if costs is None or not costs.whole or (wish.small_cache_bytes and costs.caches is None):
            return None
        return _choice(costs, wish)

    def _chosen(
        self, wish: BuildWish, reference: InstalledModel, weights_sha256: str, matrix: MatrixFile | None
    ) -> ChosenMixture:
        """Measure what each type costs each tensor, and choose the mixture by that."""
        file = self._target.costs_file(self._weights)
        file.parent.mkdir(parents=True, exist_ok=True)
        costs = measure_tensor_costs(
            reference.path,
            file,
            self._commands.measure,
            self._job,
            belongs_to=_costs_notes(weights_sha256, matrix),
            matrix=None if matrix is None else matrix.path,
        )
        return _choice(costs, wish)

    def _measured(
        self, reference: InstalledModel, models: Sequence[InstalledModel]
    ) -> dict[str, InstalledModel]:
        paths = [model.path for model in models]
        qualities = measure(reference.path, paths, self._commands.measure, self._job)
        return {
            model.type: self._target.record(model, quality)
            for model, quality in zip(models, qualities, strict=True)
        }


def _choice(costs: TensorCosts, wish: BuildWish) -> ChosenMixture:
    chooser = MixtureChooser(costs)
    if wish.bits:
        return chooser.choose_bits(wish.bits)
    return chooser.choose_with_cache(wish.size_bytes, wish.small_cache_bytes)


def _with_label(kinds: Sequence[str], chosen: ChosenMixture | None) -> list[str]:
    """Return the types with the label of the mixture that was chosen, which may be the smaller one of two
    that were in question."""
    return [chosen.label if chosen is not None and is_chosen(kind) else kind for kind in kinds]


def _costs_notes(weights_sha256: str, matrix: MatrixFile | None) -> str:
    """Name the things that the costs of tensors depend on."""
    weighed_by = hashlib.sha256(matrix.path.read_bytes()).hexdigest() if matrix is not None else "nothing"
    return f"{weights_sha256} {_text_sha256()} {weighed_by}"


def _text_sha256() -> str:
    return hashlib.sha256(calibration_text().read_bytes()).hexdigest()
