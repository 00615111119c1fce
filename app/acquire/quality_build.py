"""A build with what makes a small file good and honest: an importance matrix, and what it cost.

The order is what needs the least disk. First everything that takes no matrix is made in one pass, with the
full-precision file where the cost is to be measured. The matrix is collected with the 8-bit file (half the
memory traffic, and activations that differ by less than the text's own scatter) or the full-precision one;
an 8-bit file that nobody asked for goes right after. The files that take the matrix are quantised from what
holds exactly the original weights: the full-precision file where there is one, else the weights themselves.
A matrix is kept beside the model, and where one is at hand everything is made in one pass. All files are
measured together, so that the reference reads the text once. Then it goes, unless it was asked for.
What an earlier build has made of the same weights in the same way is left out of all that.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.acquire.build_options import BuildWish
from app.acquire.build_target import BuildTarget
from app.acquire.kept_imatrix import collected_over, fitting_matrix, given, notes
from app.acquire.weights import BuildPass, FullPrecision, Weights
from converters.gguf.gguf_types import canonical_type
from converters.imatrix.imatrix_file import read_imatrix
from converters.mixture.costs_client import measure_tensor_costs
from converters.mixture.mixture_for_size import MixtureChooser
from converters.mixture.tensor_costs import CostsFile, TensorCosts
from converters.process.messages import MatrixFile
from converters.quality.measuring_client import OWN_TEXT, calibration_text, collect, held_out_text, measure
from models.quantisation.chosen_mixture import ChosenMixture, is_chosen
from models.quantisation.quantisation_types import FULL_PRECISION, WEIGHED
from models.store.store import InstalledModel
from models.system.hashing import file_sha256
from models.system.progress import JobContext

_EXACT = ("BF16", "F32")
"""The types that hold the original weights of every model of the catalogue exactly: those are bf16."""

_COLLECTOR = "Q8_0"

FIT_TOLERANCE = 0.02
"""The part by which a file may be smaller than what fits and still be the one that is wished."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """The files in the order asked for, of which those in `found` were there already; the memory is the build
    processes' peak, 0 where nothing was built."""

    models: tuple[InstalledModel, ...]
    seconds: float
    peak_memory_bytes: int = 0
    found: tuple[InstalledModel, ...] = ()


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
        self._new: set[Path] = set()
        """The files that this build has made."""

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
        to_choose = "" if chosen is not None else wish.mixture_label
        kinds, weighed = _with_label(kinds, chosen), _with_label(weighed, chosen)
        models = self._ready(kinds, weighed, wish, matrix, chosen)
        left = [kind for kind in kinds if kind not in models]
        weighed = [kind for kind in weighed if kind in left]
        if not left:
            # What an earlier build has fetched is let go of.
            self._make(self._weights, BuildPass(()))
        plan = _plan(
            left,
            weighed,
            wish,
            from_weights=source is None,
            has_matrix=matrix is not None,
            to_choose=to_choose,
        )
        if plan.first:
            later, after = ((), plan.second) if plan.full else (plan.second, ())
            matrix_now = matrix if weighed and not plan.second else None
            first = BuildPass(plan.first, later, after, matrix_now, chosen, unweighed=wish.unweighed)
            models |= self._make(self._weights, first)
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
                made_of = self._target.inputs_of(full)
                weights = FullPrecision(full, self._weights, made_of, self._commands.build)
            if wish.mixture_label and chosen is None:
                assert reference is not None
                chosen = self._chosen(wish, reference, weights_sha256, matrix)
            kinds_left = _with_label(plan.second, chosen)
            second = BuildPass(kinds_left, matrix=matrix, mixture=chosen, unweighed=wish.unweighed)
            models |= self._make(weights, second)
        left = [kind for kind in _with_label(left, chosen) if kind not in FULL_PRECISION]
        if wish.measure and left and reference is not None:
            models |= self._measured(reference, [models[kind] for kind in left])
        built = tuple(models[kind] for kind in _with_label(kinds, chosen))
        found = tuple(model for model in built if model.path not in self._new)
        return Acquired(built, time.monotonic() - started_s, self._peak_bytes, found)

    def _ready(
        self,
        kinds: Sequence[str],
        weighed: Sequence[str],
        wish: BuildWish,
        matrix: MatrixFile | None,
        chosen: ChosenMixture | None,
    ) -> dict[str, InstalledModel]:
        """Return by type the files that are there just as they are wished, and measured where that is
        wished."""
        plain = [kind for kind in kinds if kind not in weighed]
        steps = [BuildPass(plain, mixture=chosen, unweighed=wish.unweighed)]
        if matrix is not None:
            steps.append(BuildPass(weighed, matrix=matrix, mixture=chosen))
        return {
            model.type: model
            for step in steps
            for model in self._target.there(self._weights, step, self._job)
            if not model.passing and (not wish.measure or _is_measured(model))
        }

    def _make(self, weights: Weights, step: BuildPass) -> dict[str, InstalledModel]:
        made = self._target.make(weights, step, self._job)
        self._peak_bytes = max(self._peak_bytes, made.peak_memory_bytes)
        self._new |= {model.path for model in made.new}
        return {model.type: model for model in (*made.found, *made.new)}

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
            return MatrixFile(wish.file, given(wish.file))
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
        if not wish.mixture_label or (matrix is None and not wish.unweighed):
            return None
        belongs_to = _costs_notes(weights_sha256, matrix)
        costs = CostsFile(self._target.costs_file(self._weights), belongs_to).read()
        if costs is None or not costs.whole or (wish.small_cache_bytes and costs.caches is None):
            return None
        chooser = MixtureChooser(costs)
        return self._fitted_before(wish, costs, chooser) or _choice(chooser, wish)

    def _fitted_before(
        self, wish: BuildWish, costs: TensorCosts, chooser: MixtureChooser
    ) -> ChosenMixture | None:
        """Return the choice of the largest file that was made for hardly less than what fits, where it would
        be made so again; None without one."""

        def would_be_made(made: ChosenMixture) -> bool:
            cache = made.cache
            fitting = wish.small_cache_bytes if cache and cache.kv_type == "q8_0" else wish.size_bytes
            is_near = 0 <= fitting - made.asked_bytes <= FIT_TOLERANCE * fitting
            is_compared = cache.loss in (costs.caches or ()) if cache else not wish.small_cache_bytes
            if made.asked_bits or not is_near or not is_compared or made.asked_bytes < chooser.least_bytes:
                return False
            return chooser.choose(made.asked_bytes).types == made.types

        mixtures = self._target.mixtures(self._weights, self._job) if wish.fits else []
        largest_first = sorted(mixtures, key=lambda made: -made.asked_bytes)
        return next((made for made in largest_first if would_be_made(made)), None)

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
        return _choice(MixtureChooser(costs), wish)

    def _measured(
        self, reference: InstalledModel, models: Sequence[InstalledModel]
    ) -> dict[str, InstalledModel]:
        paths = [model.path for model in models]
        qualities = measure(reference.path, paths, self._commands.measure, self._job)
        return {
            model.type: self._target.record(model, quality)
            for model, quality in zip(models, qualities, strict=True)
        }


def _choice(chooser: MixtureChooser, wish: BuildWish) -> ChosenMixture:
    if wish.bits:
        return chooser.choose_bits(wish.bits)
    return chooser.choose_with_cache(wish.size_bytes, wish.small_cache_bytes)


def _with_label(kinds: Sequence[str], chosen: ChosenMixture | None) -> list[str]:
    """Return the types with the label of the mixture that was chosen, which may be the smaller one of two
    that were in question."""
    return [chosen.label if chosen is not None and is_chosen(kind) else kind for kind in kinds]


def _costs_notes(weights_sha256: str, matrix: MatrixFile | None) -> str:
    """Name the things that the costs of tensors depend on."""
    weighed_by = file_sha256(matrix.path) if matrix is not None else "nothing"
    return f"{weights_sha256} {_text_sha256()} {weighed_by}"


def _is_measured(model: InstalledModel) -> bool:
    """Tell whether it is known what quantising cost `model`, by the text that builds are measured on."""
    if model.type in FULL_PRECISION:
        return True
    quality = model.quality
    return quality is not None and quality.text_sha256 == _sha256(held_out_text())


def _text_sha256() -> str:
    return _sha256(calibration_text())


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
