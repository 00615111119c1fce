"""Measure what quantising each tensor of a model costs, in one pass over its tensors.

Two figures a tensor. The error of every type it allows: ggml's own quantisers, which get the importance
matrix as in a build, and the squares of what they change, weighed by what each column is multiplied with.
That is the error of the tensor's output as far as its inputs do not depend on each other, relative to each
token's inputs: by the importance matrix itself a few columns that meet the huge activations of a text's first
token would be all of it (in one layer of SmolLM2 Q4_0 has 280 times the error of Q4_K so).

And what such an error does to the model: the tensor is put in one type into the loaded full-precision model,
which reads a piece of text, and the divergence of its predictions is measured. Small errors of a
tensor act on the divergence in proportion to their squares, and those of different tensors add up, as they do
not depend on each other. Where those huge activations meet what a type does badly (Q3_K and Q4_0 cannot hold
a lone large weight, and the first token is what all others attend to), neither figure tells: such a tensor is
measured in each of its types. So is an embedding that is the output, too: it acts in both ways, and its
errors are weighed by the inputs of the output alone. It may be half of what a mixture costs, and by how much
one type of it is better than another depends on the text's words: that is told by pieces from all over the
text, and what it costs beside the other tensors by the piece that they are measured in.

Every reading of a changed model also rounds otherwise: with BF16 weights ggml rounds a matrix's inputs to 8
bits, and what falls to the other side there diverges as much as Q4_K in one tensor may. A whole file has that
once, not once a tensor: it is measured by changes that are next to none, and taken off.
"""

import logging
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.gguf.ggml_quantise import is_valid, quantise_rows, to_bf16, to_floats
from converters.gguf.gguf_reader import GgufSummary, TensorInfo, inspect
from converters.gguf.gguf_types import BF16, F16, TYPE_NAMED, TensorType
from converters.gguf.mixture_facts import mixture_model
from converters.imatrix.imatrix_file import Importance
from converters.mixture.candidates import candidates, measured_with
from converters.mixture.changed_weights import PIECE_TOKENS, ChangeableModel, ColumnInputs
from converters.mixture.tensor_costs import (
    CostsFile,
    TensorCost,
    TensorCosts,
    kind_and_layer,
    with_estimates,
)
from converters.quality.divergence import BasePredictions, Comparer, Scores
from converters.quality.evaluation import Machine, MeasuringText
from converters.quality.token_progress import TokenProgress
from converters.system.errors import BuildError
from models.quantisation.chosen_mixture import CacheLoss
from models.quantisation.quantisation_mixture import may_be_quantised, place_in_file
from models.system.progress import OnProgress

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

FIRST_SCORED = 256
"""Tokens of a piece that are read without being scored, as where a file's loss is measured."""

SMALL_CACHE = "q8_0"
_NEXT_TO_NONE = TYPE_NAMED["Q8_0"]
"""A type with hundredths of the errors of those that are measured."""

OUTPUT = "output.weight"
"""Behind all layers, where it is no part of the embedding."""
EMBEDDING = "token_embd.weight"

_HAND_OVER_ONE_OUTPUT = ("llama", "qwen2", "qwen3")
"""Architectures whose layers read nothing but the output of the one before (src/models of llama.cpp). Others
may share keys, values or embeddings between layers, so their models are read whole."""

_PIECES = 1
_PIECES_OF_ALL_TEXT = 3
"""Pieces by which the types of an embedding that is the output, too, are compared: the one that all is
measured in, in the middle, and one before and behind it."""
_ALL_LAYERS = 12
"""Of a model with so many layers all are measured."""

_HUGE = 2.0
"""Where the error of a type beside another's is so many times as large by the squares of all tokens as by
their shares, the huge activations of a few tokens meet what that type does badly."""

_BLOCK_WEIGHTS = 64 << 10

_COMPARED_WEIGHTS = 16 << 10
_BLOCKS_COMPARED = 16
"""Blocks of a tensor, spread over its rows, that every type is tried on: a quarter of a million weights in
many places tell its error within 2%, as twice as many in half as many places do."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The things that are measured on: the full-precision file, a text, and the importance matrix of the
    model."""

    model: Path
    text: MeasuringText
    importance: Importance


def measure_costs(
    inputs: Inputs,
    machine: Machine,
    ggml: Any,
    on_progress: OnProgress,
    file: CostsFile,
) -> TensorCosts:
    """Measure what every tensor of the model costs in each type; goes on with what `file` holds.

    Reports the stage "sensitivity" in tokens. Raises `BuildError`. What a KV cache of fewer bits costs is
    measured last.
    """
    summary = inspect(inputs.model)
    tensors = sorted(
        (tensor for tensor in summary.tensors if may_be_quantised(tensor.name, tensor.shape)),
        key=lambda tensor: place_in_file(tensor.name),
    )
    _check_precision(inputs.model, tensors)
    costs = file.read() or _nothing(summary, tensors, inputs, file.belongs_to)
    left = [tensor for tensor in tensors if tensor.name not in costs.tensors]
    if costs.whole and costs.caches is not None:
        return costs
    with (
        ChangeableModel(inputs.model, machine, ggml, FIRST_SCORED, _PIECES) as model,
        ThreadPoolExecutor(machine.threads, "quantise") as pool,
    ):
        layers = measured_layers(costs.layers)
        names = {tensor.name for tensor in tensors}
        all_text = any(acts_twice(tensor.name, names) for tensor in left)
        reader = _Reader(model, inputs.text, machine, costs, all_text=all_text)
        smallest = _smallest(tensors, rounding_layers(costs.layers))
        unread = [tensor for layer, tensor in smallest.items() if layer not in costs.rounding]
        total, ahead = (
            sum(reader.tokens(each.name) for each in some if kind_and_layer(each.name)[1] in layers)
            + sum(reader.tokens(each.name) for each in small)
            for some, small in ((tensors, smallest.values()), (left, unread))
        )
        progress = TokenProgress(on_progress, "sensitivity", total, done=total - ahead)

        def stored(tensor: TensorInfo) -> StoredWeights:
            return StoredWeights(inputs.model, tensor, inputs.importance, reader.inputs)

        for tensor in unread:
            layer = kind_and_layer(tensor.name)[1]
            costs.rounding[layer] = max(0.0, reader.divergence_with(stored(tensor), _NEXT_TO_NONE, pool))
            file.keep(costs)
            progress.advance(reader.tokens(tensor.name))
        for tensor in left:
            measured = kind_and_layer(tensor.name)[1] in layers
            rounding = 0.0 if tensor.name == OUTPUT else costs.rounding_from(kind_and_layer(tensor.name)[1])
            costs.tensors[tensor.name] = _cost(
                stored(tensor), reader, pool, measured, rounding, twice=acts_twice(tensor.name, names)
            )
            file.keep(costs)
            if measured:
                progress.advance(reader.tokens(tensor.name))
        costs.caches = _caches(model, reader, costs.rounding_from(0))
    costs.tensors = with_estimates(costs.tensors)
    costs.whole = True
    file.keep(costs)
    return costs


def _caches(model: ChangeableModel, reader: "_Reader", rounding: float) -> tuple[CacheLoss, ...]:
    """Measure what a cache in q8_0 costs the unchanged model beyond `rounding`; nothing where it cannot have
    one, as where 32 does not divide its heads. The model keeps that cache."""
    try:
        model.keep_cache_in(SMALL_CACHE.upper())
    except BuildError as error:
        log.info("no cache in %s: %s", SMALL_CACHE, error)
        return ()
    found = reader.divergences()
    loss = CacheLoss(
        kv_type=SMALL_CACHE,
        divergence=beyond(rounding, float(found.mean())),
        error=float(found.std(ddof=1)) / math.sqrt(found.size),
        window_tokens=PIECE_TOKENS,
        scored_tokens=found.size,
    )
    return (loss,)


def _nothing(
    summary: GgufSummary, tensors: Sequence[TensorInfo], inputs: Inputs, belongs_to: str
) -> TensorCosts:
    """Begin the costs of a model of which nothing is measured."""
    model = mixture_model(inputs.model, summary)
    return TensorCosts(
        belongs_to=belongs_to,
        text=inputs.text.name,
        frame_bytes=summary.bytes - sum(tensor.bytes for tensor in tensors),
        architecture=model.architecture,
        layers=model.layers,
        heads=model.heads,
        kv_heads=model.kv_heads,
    )


def _check_precision(path: Path, tensors: Sequence[TensorInfo]) -> None:
    for tensor in tensors:
        if tensor.type not in ("BF16", "F16", "F32"):
            raise BuildError(
                "{file} is quantised, so what other types would cost cannot be measured with it.",
                "Name the model's original weights or its BF16 file.",
                file=path.name,
            )


class _Reader:
    """Reads the pieces of text with a changed model, and compares it with the unchanged one. `inputs` are
    what its matrices are multiplied with there. With `all_text` an embedding can be read before and behind
    them, too, where the text is long enough."""

    def __init__(
        self,
        model: ChangeableModel,
        text: MeasuringText,
        machine: Machine,
        costs: TensorCosts,
        *,
        all_text: bool,
    ) -> None:
        self._model = model
        self._layers = layers = costs.layers
        tokens = model.evaluation.tokenise(text.data)
        self._pieces = spread(tokens, _PIECES)
        self._comparer = Comparer(machine.threads)
        keep: set[int] = set()
        if costs.architecture in _HAND_OVER_ONE_OUTPUT:
            keep = {layer - 1 for layer in measured_layers(layers) if layer > 0} | {layers - 1}
        logits, self.inputs = model.run_watched(self._pieces, keep)
        self._base: list[BasePredictions] = [self._comparer.compress(rows[:-1]) for rows in logits]
        self._starts = model.first_layers
        unchanged = self._compared(logits, self._base, self._pieces)
        # llama.cpp may come to name or order its operations otherwise; the last layer takes least.
        last = self._starts[-2:][0]
        if last and not np.array_equal(self.divergences(last), unchanged):
            log.warning("from layer %d on the model reads otherwise, so all of it is read", last)
            self._starts = [0]
        long = len(tokens) >= _PIECES_OF_ALL_TEXT * PIECE_TOKENS
        self._more = spread(tokens, _PIECES_OF_ALL_TEXT)[::2] if all_text and long else []
        self._more_base = [self._comparer.compress(model.run([piece])[0][:-1]) for piece in self._more]

    def tokens(self, name: str) -> int:
        """Tokens of a reading with this tensor changed, as if they went through all layers."""
        share = 1 - self._start(name) / (self._layers + 1)
        return math.ceil(len(self._pieces) * PIECE_TOKENS * share)

    def divergence_with(self, weights: "StoredWeights", kind: TensorType, pool: ThreadPoolExecutor) -> float:
        """Return the mean divergence, in nats, with the tensor in the type `kind`."""
        self._model.replace(weights.name, weights.in_type(kind, pool))
        try:
            return float(self.divergences(self._start(weights.name)).mean())
        finally:
            self._model.replace(weights.name, [weights.stored])

    def divergences_with(
        self, weights: "StoredWeights", kind: TensorType, pool: ThreadPoolExecutor
    ) -> tuple[float, float]:
        """Return the mean divergence, in nats, with the tensor in the type `kind`: in the pieces that all
        tensors are measured in, and in all."""
        self._model.replace(weights.name, weights.in_type(kind, pool))
        try:
            found = self.divergences()
            more = [
                self._compared(self._model.run([piece]), [base], [piece])
                for piece, base in zip(self._more, self._more_base, strict=True)
            ]
            return float(found.mean()), float(np.concatenate([found, *more]).mean())
        finally:
            self._model.replace(weights.name, [weights.stored])

    def divergences(self, start: int = 0) -> npt.NDArray[Any]:
        """Return the divergence of each scored token with the model as it is now. Before the layer `start` it
        must be as it was."""
        return self._compared(self._model.run(self._pieces, start), self._base, self._pieces)

    def _compared(
        self, logits: Sequence[Floats], bases: Sequence[BasePredictions], pieces: Sequence[Sequence[int]]
    ) -> npt.NDArray[Any]:
        scores = Scores()
        for rows, base, piece in zip(logits, bases, pieces, strict=True):
            self._comparer.compare(rows[:-1], base, piece[FIRST_SCORED + 1 :], scores)
        return np.concatenate(scores.kld)

    def _start(self, name: str) -> int:
        """Choose the layer that a reading with this tensor changed begins with."""
        needed = self._layers if name == OUTPUT else max(0, kind_and_layer(name)[1])
        return max(start for start in self._starts if start <= needed)


def spread(tokens: Sequence[int], pieces: int) -> list[Sequence[int]]:
    """Return so many pieces from all over the text, the same ones each time."""
    if len(tokens) < pieces * PIECE_TOKENS:
        raise BuildError(
            "The text is too short: it has {tokens} tokens, and {needed} are needed.",
            "Choose a longer text.",
            tokens=len(tokens),
            needed=pieces * PIECE_TOKENS,
        )
    part = len(tokens) // pieces
    starts = [number * part + (part - PIECE_TOKENS) // 2 for number in range(pieces)]
    return [tokens[start : start + PIECE_TOKENS] for start in starts]


class StoredWeights:
    """The weights of one tensor as they are in the full-precision file, mapped. They are quantised by
    `importance`, as a build does it, and errors are weighed by `inputs`."""

    def __init__(
        self, path: Path, tensor: TensorInfo, importance: Importance, inputs: Mapping[str, ColumnInputs]
    ) -> None:
        self.name = tensor.name
        self.kind = TYPE_NAMED[tensor.type]
        self.shape = tuple(reversed(tensor.shape))
        self.stored: Bytes = np.memmap(path, np.uint8, "r", tensor.offset, (tensor.bytes,))
        columns = importance.columns.get(tensor.name)
        self._columns = columns if columns is not None and columns.size == self.shape[-1] else None
        ones = np.ones(self.shape[-1])
        self._inputs = inputs.get(tensor.name, ColumnInputs(ones, ones))

    def blocks(self, weights: int = _BLOCK_WEIGHTS) -> list[slice]:
        """Return whole rows of about so many weights each, as places in the tensor."""
        rows, columns = self.stored.size // self.kind.block_bytes // self.shape[-1], self.shape[-1]
        step = max(1, weights // columns) * columns
        return [slice(start, min(start + step, rows * columns)) for start in range(0, rows * columns, step)]

    def floats(self, block: slice) -> Floats:
        """Return the weights of a block as 32-bit numbers."""
        size = self.kind.block_bytes
        stored = np.array(self.stored[block.start * size : block.stop * size])
        return to_floats(stored, self.kind, np.empty(block.stop - block.start, np.float32))

    def quantised(self, floats: Floats, kind: TensorType) -> Floats:
        """Return the weights as they are after quantising them to `kind`."""
        out = np.empty(floats.size // kind.block * kind.block_bytes, np.uint8)
        quantise_rows(floats, kind, self.shape[-1], self._columns, out)
        if not is_valid(out, kind):
            raise BuildError(
                "The tensor {tensor} holds numbers that are infinite, not numbers, or too large to be "
                "quantised.",
                "Download the model again; if it stays so, its weights are damaged.",
                tensor=self.name,
            )
        return to_floats(out, kind, np.empty(floats.size, np.float32))

    def encoded(self, floats: Floats) -> Bytes:
        """Return 32-bit numbers in the form that the file stores the tensor in."""
        if self.kind is BF16:
            out = np.empty(2 * floats.size, np.uint8)
            to_bf16(floats, out)
            return out
        return (floats.astype(np.float16) if self.kind is F16 else floats).view(np.uint8)

    def errors(self, floats: Floats, changed: Floats) -> tuple[float, float]:
        """Sum the squares of the changes, each weighed by its column's share, and by its column's squares."""
        squares = np.square(changed - floats).reshape(-1, self.shape[-1]).sum(axis=0, dtype=np.float64)
        return float(squares @ self._inputs.shares), float(squares @ self._inputs.squares)

    def in_type(self, kind: TensorType, pool: ThreadPoolExecutor) -> Iterator[Bytes]:
        """Yield the parts of the tensor as they are after quantising it to `kind`, in the form that is
        stored."""

        def changed(block: slice) -> Bytes:
            return self.encoded(self.quantised(self.floats(block), kind))

        return pool.map(changed, self.blocks())


def measured_layers(layers: int) -> set[int]:
    """Return the layers whose tensors are measured, and -1 for those outside: the first and last ones, where
    the most changes, and every fifth between."""
    if layers <= _ALL_LAYERS:
        return set(range(-1, layers))
    return {-1, 0, 1, layers - 2, layers - 1, *range(5, layers - 2, 5)}


def rounding_layers(layers: int) -> list[int]:
    """Return the layers from which on it is measured what roundings do, three of the measured ones: the
    fewer layers behind a change, the less, and between them evenly."""
    inner = sorted(measured_layers(layers) - {-1})
    return sorted({inner[0], inner[len(inner) // 2], inner[-1]})


def _smallest(tensors: Sequence[TensorInfo], layers: Sequence[int]) -> dict[int, TensorInfo]:
    """Return the smallest tensor of each of the layers."""
    found: dict[int, TensorInfo] = {}
    for tensor in sorted(tensors, key=lambda each: (each.bytes, each.name)):
        layer = kind_and_layer(tensor.name)[1]
        if layer in layers:
            found.setdefault(layer, tensor)
    return found


def _cost(
    weights: StoredWeights,
    reader: _Reader,
    pool: ThreadPoolExecutor,
    measured: bool,
    rounding: float,
    *,
    twice: bool,
) -> TensorCost:
    """Measure one tensor; in all of its types where errors alone would not tell them apart, as it acts
    `twice` or meets huge inputs. Of what a reading gives `rounding` is taken off."""
    kind = measured_with(weights.shape[-1])
    errors, by_squares = _errors(weights, pool.map)
    in_all = twice or meets_huge_inputs(errors, by_squares, kind.name)
    to_measure = candidates(weights.shape[-1]) if in_all else (kind,) if measured else ()
    if twice:
        read = {each.name: reader.divergences_with(weights, each, pool) for each in to_measure}
        here, anywhere = (
            {name: beyond(rounding, found[place]) for name, found in read.items()} for place in (0, 1)
        )
        divergences = levelled(anywhere, here)
    else:
        divergences = {
            each.name: beyond(rounding, reader.divergence_with(weights, each, pool)) for each in to_measure
        }
    return TensorCost(
        shape=weights.shape,
        errors=errors,
        measured_with=kind.name,
        divergence=divergences.get(kind.name, 0.0),
        divergences=divergences if in_all else {},
        estimated=not to_measure,
    )


def beyond(rounding: float, divergence: float) -> float:
    """Return the part of a reading's divergence that is not `rounding`; at least a tenth, so that no tensor
    is for nothing in its smallest type where it is hardly more."""
    return max(0.0, divergence - rounding, divergence / 10)


def levelled(divergences: Mapping[str, float], level: Mapping[str, float]) -> dict[str, float]:
    """Return the divergences of types in proportion, so that they add up to those of `level`."""
    whole = sum(divergences.values())
    part = sum(level.values()) / whole if whole > 0 else 1.0
    return {kind: part * divergence for kind, divergence in divergences.items()}


def acts_twice(name: str, names: Collection[str]) -> bool:
    """Tell whether a tensor of a model with the tensors `names` is the embedding and the output in one."""
    return name == EMBEDDING and OUTPUT not in names


def meets_huge_inputs(errors: Mapping[str, float], by_squares: Mapping[str, float], kind: str) -> bool:
    """Tell whether a type is much worse beside `kind` by the squares of all inputs than by the tokens' shares
    in them."""
    if not (errors[kind] > 0 and by_squares[kind] > 0):
        return False
    return any(
        by_squares[other] / by_squares[kind] > _HUGE * errors[other] / errors[kind] for other in errors
    )


def _errors(
    weights: StoredWeights,
    run: Callable[[Callable[[slice], npt.NDArray[Any]], list[slice]], Iterator[npt.NDArray[Any]]],
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the mean weighed square of what each type changes, by shares and by squares."""
    kinds = candidates(weights.shape[-1])
    blocks = weights.blocks(_COMPARED_WEIGHTS)
    blocks = blocks[:: -(-len(blocks) // _BLOCKS_COMPARED)]
    sums = np.sum(list(run(partial(_block_errors, weights, kinds), blocks)), axis=0)
    count = sum(block.stop - block.start for block in blocks)
    by_shares, by_squares = (
        {kind.name: float(error) / count for kind, error in zip(kinds, column, strict=True)}
        for column in sums.T
    )
    return by_shares, by_squares


def _block_errors(weights: StoredWeights, kinds: Sequence[TensorType], block: slice) -> npt.NDArray[Any]:
    floats = weights.floats(block)
    return np.array([weights.errors(floats, weights.quantised(floats, kind)) for kind in kinds])
