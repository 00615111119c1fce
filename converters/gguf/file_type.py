"""The quantisation that a GGUF file states about itself."""

from collections import Counter

import msgspec

from converters.gguf.gguf_reader import GgufSummary
from converters.gguf.gguf_types import FILE_TYPES
from models.quantisation.chosen_mixture import MIXTURE_KEY, ChosenMixture, TensorChoice
from models.quantisation.quantisation_mixture import may_be_quantised
from models.quantisation.size_range import LEAST_BITS, MOST_BITS

# `general.file_type` of what others build (llama.h's `llama_ftype`).
_OTHERS = {
    3: "Q4_1",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    13: "Q3_K_L",
    16: "Q5_K_S",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    31: "IQ1_M",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
}
_MOST_MIXTURE_CHARACTERS = 1 << 16
_MOST_BYTES = 1 << 50
_NAMES = _OTHERS | {number: name for name, number in FILE_TYPES.items()}


def type_name(number: int) -> str:
    """Return the name of a `llama_ftype`, such as "Q4_K_M"; empty for one that is not known here."""
    return _NAMES.get(number, "")


def file_type(summary: GgufSummary) -> str:
    """Return the type's name, such as "Q4_K_M"; where the file states none, that of most of its bytes."""
    chosen = stated_mixture(summary)
    if chosen is not None:
        return chosen.label
    stated = summary.metadata.get("general.file_type")
    if isinstance(stated, int) and (name := type_name(stated)):
        return name
    sizes: Counter[str] = Counter()
    for tensor in summary.tensors:
        sizes[tensor.type] += tensor.bytes
    return sizes.most_common(1)[0][0] if sizes else "GGUF"


def stated_mixture(summary: GgufSummary) -> ChosenMixture | None:
    """Return the choice that the file says it was made by, with the tensors' types as they are; None for
    other files."""
    text = summary.text(MIXTURE_KEY)
    if not text or len(text) > _MOST_MIXTURE_CHARACTERS:
        return None
    try:
        stated = msgspec.json.decode(text, type=ChosenMixture)
    except msgspec.MsgspecError:
        return None
    if not 0 < stated.asked_bytes < _MOST_BYTES:
        return None
    if stated.asked_bits and not LEAST_BITS <= stated.asked_bits <= MOST_BITS:
        return None
    return msgspec.structs.replace(
        stated,
        tensors=tuple(
            TensorChoice(tensor=tensor.name, type=tensor.type, bytes=tensor.bytes)
            for tensor in summary.tensors
            if may_be_quantised(tensor.name, tuple(tensor.shape))
        ),
    )
