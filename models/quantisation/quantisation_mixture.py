"""Choose the type of each tensor of a quantised model.

The mixtures are llama.cpp's, for the dense Llama, Qwen2 and Qwen3 families: `llama_tensor_get_type_impl`,
`tensor_type_fallback` and `tensor_allows_quantization` of
https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp. Types are named as ggml names them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

BASE_TYPE = {
    "Q3_K_M": "Q3_K",
    "IQ4_XS": "IQ4_XS",
    "Q4_0": "Q4_0",
    "Q4_K_S": "Q4_K",
    "Q4_K_M": "Q4_K",
    "Q5_K_M": "Q5_K",
    "Q6_K": "Q6_K",
    "Q8_0": "Q8_0",
}
"""The type of a tensor that no rule names, by mixture."""

# What a row gets that the type's 256 weights do not divide.
_FOR_NARROW_ROWS = {
    "Q3_K": "Q4_0",
    "IQ4_XS": "IQ4_NL",
    "Q4_K": "Q5_0",
    "Q5_K": "Q5_1",
    "Q6_K": "Q8_0",
}

_LAYER = re.compile(r"blk\.(\d+)")


@dataclass(frozen=True, slots=True)
class MixtureModel:
    """The facts of a model that the rules depend on; `architecture` is its name in GGUF."""

    architecture: str
    layers: int
    heads: int
    kv_heads: int

    @property
    def is_70b(self) -> bool:
        """Tell whether llama.cpp takes it for a 70B, whose small attn_v gets more bits."""
        if self.architecture == "llama":
            return self.layers == 80 and self.heads != self.kv_heads
        return self.architecture == "qwen2" and self.layers == 80


def place_in_file(name: str) -> tuple[int, str]:
    """Return the key by which llama.cpp orders a quantised file's tensors: layer by layer, then by name."""
    match = _LAYER.match(name)
    return (int(match[1]) if match else -1, name)


def may_be_quantised(name: str, shape: tuple[int, ...]) -> bool:
    """Tell whether a tensor is quantised at all: matrices of weights are, vectors and norms are not."""
    return len(shape) > 1 and name.endswith("weight") and not name.endswith("_norm.weight")


def mixture(
    kind: str, shapes: Mapping[str, tuple[int, ...]], model: MixtureModel, *, has_imatrix: bool = False
) -> dict[str, str]:
    """Choose the type of every tensor that `kind` (a key of `BASE_TYPE`) quantises; the others stay as they
    are.

    `shapes` holds all tensors of the model, row-major, by their names in GGUF.
    """
    rules = _Rules(kind, shapes, model, has_imatrix)
    names = sorted(shapes, key=place_in_file)
    return {
        name: for_rows(rules.choose(name, shapes[name][-1]), shapes[name][-1])
        for name in names
        if may_be_quantised(name, shapes[name])
    }


def for_rows(kind: str, columns: int) -> str:
    """Return the type `kind`, or the one that takes its place for rows of this many weights."""
    return _FOR_NARROW_ROWS[kind] if kind in _FOR_NARROW_ROWS and columns % 256 else kind


class _Rules:
    """One mixture of one model. The rules count layers as they meet their tensors, in the file's order."""

    def __init__(
        self, kind: str, shapes: Mapping[str, tuple[int, ...]], model: MixtureModel, has_imatrix: bool
    ) -> None:
        self._kind = kind
        self._base = BASE_TYPE[kind]
        self._model = model
        self._has_imatrix = has_imatrix
        # Where the output shares the embedding's weights, the embedding gets the output's type.
        self._output = "output.weight" if "output.weight" in shapes else "token_embd.weight"
        self._values = sum("attn_v.weight" in name for name in shapes)
        self._values_met = 0
        self._downs_met = 0

    def choose(self, name: str, columns: int) -> str:
        if name == self._output:
            narrow = self._base in _FOR_NARROW_ROWS and columns % 256
            return "Q8_0" if narrow or self._base == "Q8_0" else "Q6_K"
        if "attn_v.weight" in name:
            self._values_met += 1
            return self._attention_value(self._values_met - 1)
        if "ffn_down" in name:
            self._downs_met += 1
            return self._ffn_down(self._downs_met - 1)
        if "attn_output.weight" in name and self._kind == "Q3_K_M":
            return "Q4_K"
        return self._base

    def _attention_value(self, place: int) -> str:
        kind = self._base
        if self._kind == "Q3_K_M":
            kind = "Q5_K" if place < 2 else "Q4_K"
        elif self._kind == "IQ4_XS" and self._model.heads // self._model.kv_heads >= 4:
            kind = "Q5_K"
        elif self._kind in ("Q4_K_M", "Q5_K_M") and _gets_more_bits(place, self._values):
            kind = "Q6_K"
        elif self._kind == "Q4_K_S" and place < 4:
            kind = "Q5_K"
        return "Q5_K" if self._model.is_70b and kind in ("Q3_K", "Q4_K") else kind

    def _ffn_down(self, place: int) -> str:
        layers = self._model.layers
        in_first_eighth = place < layers // 8
        if self._kind == "Q3_K_M":
            return "Q5_K" if place < layers // 16 else "Q4_K"
        if self._kind in ("Q4_K_M", "Q5_K_M") and _gets_more_bits(place, layers):
            return "Q6_K"
        if in_first_eighth and (self._kind == "Q4_K_S" or (self._kind == "IQ4_XS" and not self._has_imatrix)):
            return "Q5_K"
        if in_first_eighth and self._kind == "Q4_0" and self._has_imatrix:
            return "Q4_1"
        return self._base


def _gets_more_bits(place: int, count: int) -> bool:
    eighth = count // 8
    return place < eighth or place >= 7 * count // 8 or (place - eighth) % 3 == 2
