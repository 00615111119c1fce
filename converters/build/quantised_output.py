"""The layout of a quantised file: the mixture's types, llama-quantize's order and its metadata."""

from collections.abc import Mapping

import gguf

from converters.build.output import Output
from converters.gguf.gguf_layout import TensorForm, lay_out
from converters.gguf.gguf_types import FILE_TYPES, TYPE_NAMED
from converters.gguf.metadata_writer import encode_value
from converters.imatrix.imatrix_file import Floats, Importance
from converters.system.errors import BuildError
from models.quantisation.chosen_mixture import MIXTURE_KEY, ChosenMixture
from models.quantisation.quantisation_mixture import (
    MixtureModel,
    may_be_quantised,
    mixture,
    place_in_file,
)
from models.quantisation.quantisation_types import WEIGHED

# What llama-quantize cuts a text of `quantize.imatrix` to.
_MOST_TEXT_BYTES = 127


def quantised_output(
    kind: str,
    values: Mapping[str, bytes],
    tensors: Mapping[str, TensorForm],
    model: MixtureModel,
    constants: Mapping[str, bytes],
    importance: Importance | None,
    chosen: ChosenMixture | None = None,
) -> Output:
    """Lay out the file that llama-quantize would make of a file with `values` and `tensors`; of the `chosen`
    mixture where there is one, which `kind` is the label of.

    Raises `BuildError` for rows that cannot be quantised and an importance matrix of another model.
    """
    used = importance if kind in WEIGHED or chosen is not None else None
    shapes = {name: shape for name, (shape, _) in tensors.items()}
    types = (
        _fitting(chosen, shapes)
        if chosen is not None
        else mixture(kind, shapes, model, has_imatrix=used is not None)
    )
    forms: dict[str, TensorForm] = {}
    for name in sorted(tensors, key=place_in_file):
        shape, stored = tensors[name]
        forms[name] = (shape, TYPE_NAMED[types[name]] if name in types else stored)
        _check_rows(name, shape, forms[name][1].block)
    columns = _columns(used, forms) if used is not None else {}
    replaced = {"general.quantization_version", "general.file_type"}
    written = {key: value for key, value in values.items() if key not in replaced}
    written["general.quantization_version"] = _number(gguf.GGML_QUANT_VERSION)
    if chosen is not None:
        written[MIXTURE_KEY] = encode_value(chosen.stated, gguf.GGUFValueType.STRING)
    else:
        written["general.file_type"] = _number(FILE_TYPES[kind])
    if used is not None:
        written |= _told(used)
    return Output(kind, lay_out(written, forms), constants, columns)


def _fitting(chosen: ChosenMixture, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the mixture's types, which must be those of this very model's matrices."""
    types = chosen.types
    quantised = {name for name, shape in shapes.items() if may_be_quantised(name, shape)}
    if types.keys() != quantised:
        raise BuildError(
            "The mixture {mixture} was chosen for another model.",
            "Choose it anew for this one.",
            mixture=chosen.label,
        )
    return types


def _told(importance: Importance) -> dict[str, bytes]:
    told = {"quantize.imatrix.file": _short_text(importance.file)}
    if importance.dataset:
        told["quantize.imatrix.dataset"] = _short_text(importance.dataset)
    told["quantize.imatrix.entries_count"] = _number(len(importance.columns))
    if importance.chunks > 0:
        told["quantize.imatrix.chunks_count"] = _number(importance.chunks)
    return told


def _short_text(text: str) -> bytes:
    short = text.encode("utf-8")[:_MOST_TEXT_BYTES].decode("utf-8", "ignore")
    return encode_value(short, gguf.GGUFValueType.STRING)


def _number(value: int) -> bytes:
    return encode_value(value, gguf.GGUFValueType.UINT32)


def _check_rows(name: str, shape: tuple[int, ...], block: int) -> None:
    if shape[-1] % block:
        raise BuildError(
            "The tensor {tensor} cannot be quantised: its rows are {columns} weights long, which {block} "
            "does not divide.",
            "Build bf16, f16 or f32 instead.",
            tensor=name,
            columns=shape[-1],
            block=block,
        )


def _columns(importance: Importance, forms: Mapping[str, TensorForm]) -> dict[str, Floats]:
    fitting = {}
    for name, columns in importance.columns.items():
        if name not in forms:
            continue
        if forms[name][0][-1] == columns.size:
            fitting[name] = columns
        elif name != "token_embd.weight":  # which llama-quantize leaves alone too
            raise BuildError(
                "The importance matrix has {columns} columns for {tensor}, which has {wanted}.",
                "Use an importance matrix that was made with this model.",
                tensor=name,
                columns=columns.size,
                wanted=forms[name][0][-1],
            )
    return fitting
