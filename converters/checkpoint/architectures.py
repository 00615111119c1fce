"""The model families that Stillroom converts: their settings, their tensors, their names in a GGUF file.

GGUF's keys and tensor names: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; what llama.cpp
loads for each family: src/models/{llama,qwen2,qwen3}.cpp.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from converters.checkpoint.checkpoint import Checkpoint, Json
from converters.checkpoint.rope import Rope, read_rope
from converters.checkpoint.safetensors_file import StoredTensor
from converters.gguf.metadata_checks import MOST_LAYERS
from converters.system.errors import CheckpointError

SOURCE_DTYPES = ("BF16", "F16", "F32")
MOST_TOKENS = 1 << 20
"""Four times the largest vocabulary that is known."""


@dataclass(frozen=True, slots=True)
class Family:
    """One model family: its name in GGUF and what distinguishes its layers.

    `permuted`: q and k rows are reordered, because llama.cpp rotates neighbouring pairs where transformers
    rotates halves. `biases`: always, never ("") or by config.json's `attention_bias`.
    """

    name: str
    permuted: bool = False
    qkv_bias: str = "attention_bias"
    qk_norm: bool = False


FAMILIES = {
    "LlamaForCausalLM": Family("llama", permuted=True),
    "Qwen2ForCausalLM": Family("qwen2", qkv_bias="always"),
    "Qwen3ForCausalLM": Family("qwen3", qk_norm=True),
}


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A decoder's dimensions and constants, from config.json.

    `head_dim_stated`: transformers gives this family a head size of its own, which llama.cpp's converter then
    writes down.
    """

    family: Family
    layers: int
    hidden: int
    ffn: int
    heads: int
    kv_heads: int
    head_dim: int
    head_dim_stated: bool
    vocabulary: int
    context: int
    rms_eps: float
    tied: bool
    attention_bias: bool
    mlp_bias: bool
    rope: Rope


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """A tensor of the GGUF file and the stored tensor it comes from; `shape` is row-major.

    `interleave_heads` is the number of heads whose two halves are interleaved row by row, 0 for none.
    """

    name: str
    source: StoredTensor
    shape: tuple[int, ...]
    interleave_heads: int = 0


def read_settings(config: Json) -> ModelSettings:
    """Read the settings of a supported model. Raises `CheckpointError` that names what is not supported."""
    family = _family(config)
    _refuse_unsupported(config)
    hidden, heads = _count(config, "hidden_size"), _count(config, "num_attention_heads")
    head_dim = _optional_count(config, "head_dim")
    stated = head_dim is not None or family.name != "qwen2"
    if head_dim is None:
        head_dim = 128 if family.name == "qwen3" else hidden // heads
    settings = ModelSettings(
        family=family,
        layers=_count(config, "num_hidden_layers", MOST_LAYERS),
        hidden=hidden,
        ffn=_count(config, "intermediate_size"),
        heads=heads,
        kv_heads=_optional_count(config, "num_key_value_heads") or heads,
        head_dim=head_dim,
        head_dim_stated=stated,
        vocabulary=_count(config, "vocab_size", MOST_TOKENS),
        context=_count(config, "max_position_embeddings"),
        rms_eps=_number(config, "rms_norm_eps", 1e-6),
        tied=config.get("tie_word_embeddings") is True,
        attention_bias=family.qkv_bias == "always" or config.get("attention_bias") is True,
        mlp_bias=family.name == "llama" and config.get("mlp_bias") is True,
        rope=read_rope(config, family.name),
    )
    if settings.heads % settings.kv_heads or settings.head_dim % 2:
        raise CheckpointError(
            "The attention heads in config.json do not fit together ({heads} heads, {kv_heads} for keys, "
            "{head_dim} wide).",
            "Download the model again; its config.json is not right.",
            heads=settings.heads,
            kv_heads=settings.kv_heads,
            head_dim=settings.head_dim,
        )
    return settings


def plan_tensors(checkpoint: Checkpoint, settings: ModelSettings) -> list[PlannedTensor]:
    """Plan all tensors in the checkpoint's order, checked for shape and type; none missing, none unknown."""
    expected = dict(expected_tensors(settings))
    plan = []
    for name, stored in checkpoint.tensors.items():
        if name.endswith((".rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias")):
            continue  # constants that transformers once saved; every loader computes them
        if name not in expected:
            raise CheckpointError(
                "The checkpoint holds the tensor {tensor}, which {architecture} models do not have.",
                "Stillroom converts plain Llama, Qwen2 and Qwen3 models; use the model's original weights.",
                tensor=name,
                architecture=settings.family.name,
            )
        plan.append(_planned(stored, *expected.pop(name)))
    optional = {"lm_head.weight"} if settings.tied else set()
    for name in expected:
        if name not in optional:
            raise CheckpointError(
                "The checkpoint has no tensor {tensor}.",
                "Download the model again; a weight file is missing or belongs to another model.",
                tensor=name,
            )
    return plan


def expected_tensors(settings: ModelSettings) -> Iterable[tuple[str, tuple[str, tuple[int, ...], int]]]:
    """Yield each tensor's name in the checkpoint, its name in GGUF, its shape and the heads to interleave."""
    # The program reads settings, too, and does without the library then.
    import gguf

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[settings.family.name.upper()], settings.layers)
    for name, shape, heads in _shapes(settings):
        yield name, (names.get_name(name, (".weight", ".bias")), shape, heads)


def _shapes(settings: ModelSettings) -> Iterable[tuple[str, tuple[int, ...], int]]:
    s = settings
    q_rows, kv_rows = s.heads * s.head_dim, s.kv_heads * s.head_dim
    q_heads, k_heads = (s.heads, s.kv_heads) if s.family.permuted else (0, 0)
    yield "model.embed_tokens.weight", (s.vocabulary, s.hidden), 0
    yield "model.norm.weight", (s.hidden,), 0
    yield "lm_head.weight", (s.vocabulary, s.hidden), 0
    matrices: list[tuple[str, tuple[int, int], int, bool]] = [
        ("self_attn.q_proj", (q_rows, s.hidden), q_heads, s.attention_bias),
        ("self_attn.k_proj", (kv_rows, s.hidden), k_heads, s.attention_bias),
        ("self_attn.v_proj", (kv_rows, s.hidden), 0, s.attention_bias),
        ("self_attn.o_proj", (s.hidden, q_rows), 0, _output_bias(s)),
        ("mlp.gate_proj", (s.ffn, s.hidden), 0, s.mlp_bias),
        ("mlp.up_proj", (s.ffn, s.hidden), 0, s.mlp_bias),
        ("mlp.down_proj", (s.hidden, s.ffn), 0, s.mlp_bias),
    ]
    norms = [("input_layernorm", s.hidden), ("post_attention_layernorm", s.hidden)]
    if s.family.qk_norm:
        norms += [("self_attn.q_norm", s.head_dim), ("self_attn.k_norm", s.head_dim)]
    for layer in range(s.layers):
        for name, shape, heads, bias in matrices:
            yield f"model.layers.{layer}.{name}.weight", shape, heads
            if bias:
                yield f"model.layers.{layer}.{name}.bias", shape[:1], heads
        for name, width in norms:
            yield f"model.layers.{layer}.{name}.weight", (width,), 0


def _output_bias(settings: ModelSettings) -> bool:
    # llama.cpp reads this bias for Llama only; in a Qwen3 checkpoint it is refused as an unknown tensor.
    return settings.family.name == "llama" and settings.attention_bias


def _planned(stored: StoredTensor, name: str, shape: tuple[int, ...], heads: int) -> PlannedTensor:
    if stored.shape != shape:
        raise CheckpointError(
            "The tensor {tensor} has the shape {shape}, but config.json asks for {expected}.",
            "Download the model again; its files do not belong together.",
            tensor=stored.name,
            shape=_times(stored.shape),
            expected=_times(shape),
        )
    if stored.dtype not in SOURCE_DTYPES:
        raise CheckpointError(
            "The tensor {tensor} is stored as {dtype}, which Stillroom does not convert.",
            "Use the model's original weights in bf16, f16 or f32.",
            tensor=stored.name,
            dtype=stored.dtype,
        )
    return PlannedTensor(name, stored, shape, heads)


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(str(n) for n in shape) or "a single number"


def _family(config: Json) -> Family:
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and names else None
    if not isinstance(name, str) or name not in FAMILIES:
        raise CheckpointError(
            "The architecture {architecture} is not supported.",
            "Stillroom converts {supported}. For another model, look for a ready-made GGUF file.",
            architecture=name if isinstance(name, str) else "(none named in config.json)",
            supported=", ".join(FAMILIES),
        )
    return FAMILIES[name]


def _refuse_unsupported(config: Json) -> None:
    quantised = config.get("quantization_config")
    if quantised:
        method = quantised.get("quant_method") if isinstance(quantised, dict) else None
        raise CheckpointError(
            "This checkpoint is already quantised ({method}).",
            "Choose the repository with the original bf16, f16 or f32 weights.",
            method=method or "unknown method",
        )
    for key, supported in (("hidden_act", "silu"), ("use_sliding_window", False)):
        if config.get(key, supported) not in (supported, None):
            raise CheckpointError(
                "The setting {setting} = {value} in config.json is not supported.",
                "Look for a ready-made GGUF file of this model.",
                setting=key,
                value=config[key],
            )


def _count(config: Json, key: str, most: int = 2**31 - 1) -> int:
    value = _optional_count(config, key)
    if value is None or value > most:
        raise _bad_setting(key, config.get(key))
    return value


def _optional_count(config: Json, key: str) -> int | None:
    value = config.get(key)
    if value is None:
        return None
    if type(value) is not int or not 0 < value < 2**31:
        raise _bad_setting(key, value)
    return value


def _number(config: Json, key: str, default: float) -> float:
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e30:
        raise _bad_setting(key, value)
    return float(value)


def _bad_setting(key: str, value: object) -> CheckpointError:
    shown = re.sub(r"\s+", " ", str(value))[:80]
    return CheckpointError(
        "The setting {setting} = {value} in config.json makes no sense.",
        "Download the model again; its config.json is not right.",
        setting=key,
        value="(missing)" if value is None else shown,
    )
