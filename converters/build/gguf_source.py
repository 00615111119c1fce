"""A GGUF file as the source of others: its metadata as it is, its tensors in any type that ggml reads."""

from pathlib import Path
from typing import BinaryIO

from converters.build.output import Output
from converters.build.quantised_output import quantised_output
from converters.checkpoint.architectures import PlannedTensor
from converters.checkpoint.safetensors_file import StoredTensor
from converters.gguf.gguf_layout import TensorForm
from converters.gguf.gguf_reader import inspect
from converters.gguf.gguf_types import FULL_PRECISION, TYPE_NAMED, ValueType
from converters.gguf.mixture_facts import mixture_model
from converters.imatrix.imatrix_file import Importance
from converters.system.errors import BuildError
from models.quantisation.chosen_mixture import ChosenMixture
from models.system.regular_file import open_regular

_SPLIT_KEYS = ("split.no", "split.count", "split.tensors.count")

_WIDTHS = {
    ValueType.UINT8: 1, ValueType.INT8: 1, ValueType.BOOL: 1,
    ValueType.UINT16: 2, ValueType.INT16: 2,
    ValueType.UINT32: 4, ValueType.INT32: 4, ValueType.FLOAT32: 4,
    ValueType.UINT64: 8, ValueType.INT64: 8, ValueType.FLOAT64: 8,
}  # fmt: skip


class GgufSource:
    """One GGUF file, checked, ready to be quantised anew; from a quantised file that loses quality.

    Raises `GgufError` for a damaged file and `BuildError` for a model whose mixtures are not known.
    """

    def __init__(self, path: Path) -> None:
        summary = inspect(path)
        self._model = mixture_model(path, summary)
        self._values = _encoded_values(path, len(summary.metadata))
        for key in _SPLIT_KEYS:
            self._values.pop(key, None)
        self.tensors = [
            PlannedTensor(
                tensor.name,
                StoredTensor(
                    tensor.name,
                    tensor.type,
                    tuple(reversed(tensor.shape)),
                    path,
                    tensor.offset,
                    tensor.bytes,
                ),
                tuple(reversed(tensor.shape)),
            )
            for tensor in summary.tensors
        ]

    def output(
        self, kind: str, importance: Importance | None = None, chosen: ChosenMixture | None = None
    ) -> Output:
        """See `Source`; `kind` is a quantised type."""
        if kind in FULL_PRECISION:
            raise BuildError(
                "A GGUF file cannot be turned into {type}.",
                "Build {type} from the model's original weights.",
                type=kind,
            )
        forms: dict[str, TensorForm] = {
            tensor.name: (tensor.shape, TYPE_NAMED[tensor.source.dtype]) for tensor in self.tensors
        }
        return quantised_output(kind, self._values, forms, self._model, {}, importance, chosen)


def _encoded_values(path: Path, count: int) -> dict[str, bytes]:
    """Read each metadata value's bytes, type first, of a file that `inspect` has checked."""
    values = {}
    with open_regular(path) as file:
        file.seek(24)
        for _ in range(count):
            key = file.read(_number(file.read(8))).decode("utf-8", "replace")
            start = file.tell()
            _skip_value(file)
            end = file.tell()
            file.seek(start)
            values[key] = file.read(end - start)
    return values


def _skip_value(file: BinaryIO) -> None:
    kind = ValueType(_number(file.read(4)))
    count = 1
    if kind is ValueType.ARRAY:
        kind = ValueType(_number(file.read(4)))
        count = _number(file.read(8))
    if kind is ValueType.STRING:
        for _ in range(count):
            file.seek(_number(file.read(8)), 1)
    else:
        file.seek(count * _WIDTHS[kind], 1)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
