"""What a build writes and how much room it needs, before a byte is written."""

from collections.abc import Sequence
from dataclasses import dataclass

from converters.convert import Conversion
from converters.errors import BuildError
from converters.gguf_types import FULL_PRECISION
from converters.inspect import GgufSummary
from models.shape import ModelShape
from models.sizes import file_bytes

_MARGIN = 1.01
"""The sizes of quantised files are right within half a percent."""

_BLOCK = 32
"""The smallest block of the quantised types: rows that it does not divide would stay in f16."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`base` is the full-precision type that is quantised from, the types' own if they hold it."""

    base: str
    needed_bytes: int


def plan_build(conversion: Conversion, types: Sequence[str]) -> Plan:
    """The plan for a checkpoint. Raises `BuildError` where a type does not fit the model's shape."""
    quantised = [kind for kind in types if kind not in FULL_PRECISION]
    base = conversion.lossless_type if quantised else types[0]
    if quantised:
        _check_rows(conversion)
    full = {base, *(kind for kind in types if kind in FULL_PRECISION)}
    needed = sum(conversion.file_bytes(kind) for kind in full)
    shape = model_shape(conversion)
    needed += sum(int(_MARGIN * file_bytes(shape, kind)) for kind in quantised)
    return Plan(base, needed)


def plan_requantise(source: GgufSummary, types: Sequence[str]) -> Plan:
    """The plan for a GGUF file; its requantised forms are taken to be at most twice as large as itself."""
    for kind in types:
        if kind in FULL_PRECISION:
            raise BuildError(
                "A GGUF file cannot be turned into {type}.",
                "Build {type} from the model's original weights.",
                type=kind,
            )
    return Plan("", 2 * source.bytes * len(types))


def model_shape(conversion: Conversion) -> ModelShape:
    """The dimensions of the model that is converted."""
    settings = conversion.settings
    return ModelShape(
        layers=settings.layers,
        hidden=settings.hidden,
        ffn=settings.ffn,
        heads=settings.heads,
        kv_heads=settings.kv_heads,
        head_size=settings.head_dim,
        vocabulary=settings.vocabulary,
        tied_embeddings="output.weight" not in dict(conversion.tensors),
        attention_bias=settings.attention_bias,
        qk_norm=settings.family.qk_norm,
        rope_factors=settings.rope.scaling == "llama3",
    )


def _check_rows(conversion: Conversion) -> None:
    for name, shape in conversion.tensors:
        if len(shape) > 1 and shape[-1] % _BLOCK:
            raise BuildError(
                "The tensor {tensor} cannot be quantised: its rows are {columns} weights long, which {block} "
                "does not divide.",
                "Build bf16, f16 or f32 instead.",
                tensor=name,
                columns=shape[-1],
                block=_BLOCK,
            )
