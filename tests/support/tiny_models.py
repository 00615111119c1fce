"""Small random checkpoints with the true configuration shapes of the DeepSeek-R1 distills, the same every
time.

What is special to them is kept: biases and an untied head (Qwen2), q and k norms, a head size of its own
and yarn (Qwen3), Llama 3.1's rope scaling (Llama), the special tokens, the way of splitting text, padding
tokens, the sampling defaults. The vocabulary is a small byte-level one, learned here from a few sentences.
"""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.checkpoint.pretokenizer import LLAMA3_REGEX, QWEN2_REGEX
from tests.support.checkpoints import (
    added_token,
    bpe_model,
    byte_level,
    round_to_bf16,
    write_json,
    write_weights,
)

MERGES = 220

_TEXT = """
First, let me think about the problem. The sum of the digits is even, so the number is divisible by two.
Therefore the answer is forty-two, and we are done. Wait, let me check that again: 17 + 25 = 42. Yes, it is.
def main() -> None:
    for index in range(10):
        print(f"the value of {index} is {values[index]}")
    return None
Die Antwort ist zweiundvierzig, weil die Summe der Ziffern gerade ist. 答案是四十二，因为数字之和是偶数。
To be or not to be, that is the question: whether it is nobler in the mind to suffer the slings and arrows.
"""


@dataclass(frozen=True, slots=True)
class TinyModel:
    """`dtype` is that of the weights on disk, `pretokenizer` llama.cpp's name for the way of splitting
    text.
    """

    folder_name: str
    dtype: str
    shards: int
    pretokenizer: str
    config: Callable[[dict[str, int]], dict[str, Any]]
    special: tuple[tuple[str, bool], ...]
    regex: str
    bos: str
    eos: str
    first_added: int
    vocabulary: int
    seed: int
    ignore_merges: bool = False
    merges_as_pairs: bool = False
    post_processor: bool = True
    template_file: bool = False
    readme: str = ""


QWEN_SPECIAL = (
    ("<｜end▁of▁sentence｜>", True), ("<｜User｜>", False), ("<｜Assistant｜>", False),
    ("<｜begin▁of▁sentence｜>", True), ("<|EOT|>", False), ("<think>", False), ("</think>", False),
    ("<|quad_start|>", True), ("<|vision_pad|>", True), ("<tool_call>", False), ("</tool_call>", False),
    ("<|fim_prefix|>", False), ("<|repo_name|>", False),
)  # fmt: skip
LLAMA_SPECIAL = (
    ("<｜begin▁of▁sentence｜>", True), ("<｜end▁of▁sentence｜>", True),
    ("<|reserved_special_token_0|>", True), ("<|finetune_right_pad_id|>", True),
    ("<|start_header_id|>", True), ("<|eom_id|>", True), ("<|eot_id|>", True),
    ("<｜User｜>", False), ("<｜Assistant｜>", False), ("<think>", False), ("</think>", False),
    ("<｜▁pad▁｜>", True),
)  # fmt: skip

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '<｜User｜>' + message['content'] }}{% else %}"
    "{{ '<｜Assistant｜>' + message['content'].split('</think>')[-1] + '<｜end▁of▁sentence｜>' }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}"
)


def _qwen2_config(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": ids[
            "<｜end▁of▁sentence｜>"
        ],  # the distills' own config.json disagrees with their tokenizer
        "eos_token_id": ids["<｜end▁of▁sentence｜>"],
        "hidden_act": "silu",
        "hidden_size": 256,
        "initializer_range": 0.02,
        "intermediate_size": 768,
        "max_position_embeddings": 131072,
        "max_window_layers": 21,
        "model_type": "qwen2",
        "num_attention_heads": 4,
        "num_hidden_layers": 8,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_theta": 10000,
        "sliding_window": 4096,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "use_mrope": False,
        "use_sliding_window": False,
    }


def _qwen3_config(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": ids["<｜begin▁of▁sentence｜>"],
        "eos_token_id": ids["<｜end▁of▁sentence｜>"],
        "head_dim": 128,
        "hidden_act": "silu",
        "hidden_size": 256,
        "intermediate_size": 512,
        "max_position_embeddings": 131072,
        "max_window_layers": 36,
        "model_type": "qwen3",
        "num_attention_heads": 4,
        "num_hidden_layers": 4,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_scaling": {
            "attn_factor": 0.8782488562869419,
            "factor": 4.0,
            "original_max_position_embeddings": 32768,
            "rope_type": "yarn",
        },
        "rope_theta": 1000000,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_sliding_window": False,
    }


def _llama_config(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": ids["<｜begin▁of▁sentence｜>"],
        "eos_token_id": [ids["<｜end▁of▁sentence｜>"], ids["<|eom_id|>"], ids["<|eot_id|>"]],
        "hidden_act": "silu",
        "hidden_size": 512,
        "intermediate_size": 1024,
        "max_position_embeddings": 131072,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": 4,
        "num_hidden_layers": 4,
        "num_key_value_heads": 2,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-05,
        "rope_scaling": {
            "factor": 8.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "llama3",
        },
        "rope_theta": 500000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
    }


TINY_MODELS = {
    "qwen2": TinyModel(
        folder_name="DeepSeek-R1-Distill-Qwen-6M",
        dtype="bf16",
        shards=1,
        pretokenizer="deepseek-r1-qwen",
        config=_qwen2_config,
        special=QWEN_SPECIAL,
        regex=QWEN2_REGEX,
        bos="<｜begin▁of▁sentence｜>",
        eos="<｜end▁of▁sentence｜>",
        first_added=256 + MERGES,
        vocabulary=512,
        seed=2,
        readme="---\nlicense: mit\nlibrary_name: transformers\n---\n# DeepSeek-R1\n",
    ),
    "qwen3": TinyModel(
        folder_name="DeepSeek-R1-0528-Qwen3-5M",
        dtype="f32",
        shards=1,
        pretokenizer="deepseek-r1-qwen",
        config=_qwen3_config,
        special=QWEN_SPECIAL,
        regex=QWEN2_REGEX,
        bos="<｜begin▁of▁sentence｜>",
        eos="<｜end▁of▁sentence｜>",
        first_added=256 + MERGES,
        vocabulary=520,
        seed=3,
        merges_as_pairs=True,
        post_processor=False,
        template_file=True,
        readme=(
            "---\nlicense: mit\nlicense_link: LICENSE\nbase_model: deepseek-ai/DeepSeek-R1-0528\n"
            "tags:\n  - reasoning\n  - distill\nlanguage:\n- en\n- no\npipeline_tag: text-generation\n"
            "datasets:\n- owner/math-traces-v1.5\n- https://huggingface.co/owner/code-traces\n---\n"
        ),
    ),
    "llama": TinyModel(
        folder_name="DeepSeek-R1-Distill-Llama-10M",
        dtype="f16",
        shards=3,
        pretokenizer="llama-bpe",
        config=_llama_config,
        special=LLAMA_SPECIAL,
        regex=LLAMA3_REGEX,
        bos="<｜begin▁of▁sentence｜>",
        eos="<｜end▁of▁sentence｜>",
        first_added=256 + MERGES,
        vocabulary=512,
        seed=1,
        ignore_merges=True,
        merges_as_pairs=True,
    ),
}


def make_tiny_model(key: str, parent: Path, words: int = 0) -> Path:
    """Write the checkpoint `key` into its own folder below `parent`; that folder. Its tokenizer alone gets so
    many `words` more, which no text is split into."""
    model = TINY_MODELS[key]
    model = replace(model, first_added=model.first_added + words)
    folder = parent / model.folder_name
    folder.mkdir(parents=True)
    ids = {content: model.first_added + place for place, (content, _) in enumerate(model.special)}
    config = {**model.config(ids), "vocab_size": model.vocabulary}
    write_json(folder / "config.json", config)
    write_weights(folder, _weights(model, config), model.shards)
    write_json(folder / "tokenizer.json", _tokenizer(model, ids))
    write_json(folder / "tokenizer_config.json", _tokenizer_config(model))
    write_json(
        folder / "generation_config.json",
        {
            "_from_model_config": True,
            "bos_token_id": ids[model.bos],
            "eos_token_id": ids[model.eos],
            "do_sample": True,
            "temperature": 0.6,
            "top_p": 0.95,
        },
    )
    if model.template_file:
        (folder / "chat_template.jinja").write_text(TEMPLATE, "utf-8")
    if model.readme:
        (folder / "README.md").write_text(model.readme, "utf-8")
    return folder


def make_sharded_model(parent: Path, shards: int) -> Path:
    """The qwen2 checkpoint with its weights in `shards` files; its folder."""
    folder = make_tiny_model("qwen2", parent)
    (folder / "model.safetensors").unlink()
    model = TINY_MODELS["qwen2"]
    write_weights(folder, _weights(model, json.loads((folder / "config.json").read_bytes())), shards)
    return folder


def make_tied_model(parent: Path) -> Path:
    """The qwen2 checkpoint with an embedding that is the output, too; its folder."""
    folder = make_tiny_model("qwen2", parent)
    config = json.loads((folder / "config.json").read_bytes()) | {"tie_word_embeddings": True}
    write_json(folder / "config.json", config)
    weights = _weights(TINY_MODELS["qwen2"], config)
    del weights["lm_head.weight"]
    write_weights(folder, weights)
    return folder


def learn_merges(count: int) -> list[tuple[str, str]]:
    """The merges that byte-pair encoding learns from a few sentences, most frequent first, then
    alphabetically.
    """
    alphabet = byte_alphabet()
    words = Counter(
        tuple(alphabet[byte] for byte in (" " * bool(place) + word).encode())
        for line in _TEXT.splitlines()
        for place, word in enumerate(line.split(" "))
    )
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, times in words.items():
            for pair in pairwise(word):
                pairs[pair] += times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = Counter({_merged(word, best): times for word, times in words.items()})
    return merges


def byte_alphabet() -> list[str]:
    """The character of each byte in byte-level BPE (GPT-2's `bytes_to_unicode`)."""
    visible = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = iter(range(256, 512))
    return [chr(byte) if byte in visible else chr(next(hidden)) for byte in range(256)]


def _merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out: list[str] = []
    for piece in word:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return tuple(out)


def _tokenizer(model: TinyModel, ids: dict[str, int]) -> dict[str, Any]:
    merges = learn_merges(MERGES)
    texts = [*byte_alphabet(), *dict.fromkeys(left + right for left, right in merges)]
    # "\u0120" is how such tokenizers write the space before a word.
    texts += [f"\u0120w{number}" for number in range(len(texts), model.first_added)]
    bpe = bpe_model(
        {text: index for index, text in enumerate(texts)},
        [list(pair) if model.merges_as_pairs else " ".join(pair) for pair in merges],
    )
    bpe["ignore_merges"] = model.ignore_merges
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added_token(ids[text], text, special=special) for text, special in model.special],
        "normalizer": {"type": "NFC"} if model.regex == QWEN2_REGEX else None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": model.regex},
                    "behavior": "Isolated",
                    "invert": False,
                },
                byte_level(use_regex=False),
            ],
        },
        "post_processor": _post_processor(model, ids),
        "decoder": byte_level(use_regex=True, add_prefix_space=True),
        "model": bpe,
    }


def _post_processor(model: TinyModel, ids: dict[str, int]) -> dict[str, Any]:
    if not model.post_processor:
        return byte_level(use_regex=False)
    bos = {"SpecialToken": {"id": model.bos, "type_id": 0}}
    a, b = ({"Sequence": {"id": name, "type_id": place}} for place, name in enumerate("AB"))
    return {
        "type": "Sequence",
        "processors": [
            {
                "type": "TemplateProcessing",
                "single": [bos, a],
                "pair": [bos, a, {"SpecialToken": {"id": model.bos, "type_id": 1}}, b],
                "special_tokens": {
                    model.bos: {"id": model.bos, "ids": [ids[model.bos]], "tokens": [model.bos]}
                },
            }
        ],
    }


def _tokenizer_config(model: TinyModel) -> dict[str, Any]:
    def token(content: str) -> dict[str, Any]:
        return {
            "__type": "AddedToken",
            "content": content,
            "lstrip": False,
            "normalized": True,
            "rstrip": False,
            "single_word": False,
        }

    config = {
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": token(model.bos),
        "clean_up_tokenization_spaces": False,
        "eos_token": token(model.eos),
        "legacy": True,
        "model_max_length": 16384,
        "pad_token": token(model.eos),
        "sp_model_kwargs": {},
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": None,
        "use_default_system_prompt": False,
    }
    return config if model.template_file else {**config, "chat_template": TEMPLATE}


def _weights(model: TinyModel, config: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    hidden, ffn = config["hidden_size"], config["intermediate_size"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head_dim = config.get("head_dim", hidden // heads)
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (model.vocabulary, hidden),
        "model.norm.weight": (hidden,),
        "lm_head.weight": (model.vocabulary, hidden),
    }
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for name, rows in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
            shapes[f"{prefix}self_attn.{name}_proj.weight"] = (rows * head_dim, hidden)
            if config["model_type"] == "qwen2":
                shapes[f"{prefix}self_attn.{name}_proj.bias"] = (rows * head_dim,)
        if config["model_type"] == "qwen3":
            shapes[f"{prefix}self_attn.q_norm.weight"] = shapes[f"{prefix}self_attn.k_norm.weight"] = (
                head_dim,
            )
        shapes[f"{prefix}self_attn.o_proj.weight"] = (hidden, heads * head_dim)
        shapes[f"{prefix}mlp.gate_proj.weight"] = shapes[f"{prefix}mlp.up_proj.weight"] = (ffn, hidden)
        shapes[f"{prefix}mlp.down_proj.weight"] = (hidden, ffn)
        for name in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"{prefix}{name}.weight"] = (hidden,)
    rng = random.Random(model.seed)
    store = {"bf16": round_to_bf16, "f16": _as(np.float16), "f32": _as(np.float32)}[model.dtype]
    return {name: store(_random(rng, shape)) for name, shape in shapes.items()}


def _random(rng: random.Random, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Numbers that thin out away from 0, from Python's generator, which is the same in every version."""
    count = int(np.prod(shape))
    draws = np.frombuffer(rng.randbytes(count * 8), "<i2").reshape(-1, 4).astype(np.float32)
    weights: npt.NDArray[np.float32] = draws.sum(axis=1, dtype=np.float32) / np.float32(1 << 20)
    return (weights + np.float32(len(shape) == 1)).reshape(shape)


def _as(dtype: type[np.floating[Any]]) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]:
    return lambda weights: weights.astype(dtype)
