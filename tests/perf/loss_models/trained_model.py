"""A small R1-shaped model that really has learned something, for measuring what types of weights cost.

    python3 -m venv /tmp/training && /tmp/training/bin/pip install torch tokenizers gguf msgspec
    /tmp/training/bin/python -m tests.perf.loss_models.trained_model --out /tmp/trained/model

Random weights lose nothing when they are quantised, and the starter's rows of 576 weights take no K type.
This one is of Qwen2's shape (biases, a head of its own, grouped keys) with rows that 256 divides, R1's
special tokens and template, and a vocabulary learned from the same text: manuals of Debian packages
(`free_text`) and reasoning traces of our own that share no sentence with our texts to measure with. A Hugging
Face folder comes of it. The same versions, seed and processor give the same bytes.

torch is no dependency of Stillroom: the script runs in an environment of its own. All of it is f32, as bf16
takes six times as long where a processor has no instructions for it (torch's own Muon computes in it): about
a quarter of an hour on two cores.
"""

import argparse
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
from torch.nn import functional

from converters.checkpoint.pretokenizer import QWEN2_REGEX
from tests.perf.loss_models.training_text import free_text
from tests.support.checkpoints import round_to_bf16, write_json, write_weights
from tests.support.make_reasoning_texts import CALIBRATION_VOICE, TEXTS, sentences, traces

BEGIN, END = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
SPECIAL = (
    (END, True),
    ("<｜User｜>", False),
    ("<｜Assistant｜>", False),
    (BEGIN, True),
    ("<think>", False),
    ("</think>", False),
)
TRACE_ROUNDS = 80
"""Traces of each kind that are learned from: about a tenth of the tokens."""
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '<｜User｜>' + message['content'] }}{% else %}"
    "{{ '<｜Assistant｜>' + message['content'].split('</think>')[-1] + '<｜end▁of▁sentence｜>' }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The model's sizes. `window` is the tokens of one row of training, and of one chunk of llama.cpp's
    perplexity."""

    vocabulary: int = 4096
    hidden: int = 256
    feed_forward: int = 768
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 64
    window: int = 512
    rope_base: float = 10_000.0
    epsilon: float = 1e-6


@dataclass(frozen=True, slots=True)
class Training:
    """`rows` windows a step; the rate rises over `warm_up` steps and falls to zero over the last part."""

    steps: int = 250
    rows: int = 8
    rate: float = 4e-3
    warm_up: int = 20
    falling: float = 0.5
    seed: int = 1


Weights = dict[str, Any]


def main() -> None:
    """Fetch the text, train, and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder of the checkpoint")
    parser.add_argument("--text", type=Path, help="the folder of the fetched text (OUT/../text)")
    parser.add_argument("--steps", type=int, default=Training().steps)
    parser.add_argument("--layers", type=int, default=Shape().layers)
    parser.add_argument("--seed", type=int, default=Training().seed)
    arguments = parser.parse_args()
    shape = Shape(layers=arguments.layers)
    training = Training(steps=arguments.steps, seed=arguments.seed)
    torch.manual_seed(training.seed)
    torch.use_deterministic_algorithms(True)
    documents = [*free_text(arguments.text or arguments.out.parent / "text"), *own_traces()]
    tokenizer = learn_vocabulary(documents, shape)
    tokens, check = token_streams(documents, tokenizer, training.seed)
    print(f"{len(tokens):,} tokens to learn from, {len(check):,} to check with", flush=True)
    weights = train(
        tokens, check, shape, training, lambda now: write_checkpoint(arguments.out, now, tokenizer, shape)
    )
    write_checkpoint(arguments.out, weights, tokenizer, shape)


def own_traces() -> list[str]:
    """Tell the traces to learn from."""
    known = frozenset().union(*(sentences(path.read_text("utf-8")) for path in TEXTS.glob("held_out*.txt")))
    return [trace.text() for trace in traces("training", CALIBRATION_VOICE, TRACE_ROUNDS, known)]


def learn_vocabulary(documents: list[str], shape: Shape) -> Any:
    """Learn a byte-level vocabulary that splits text as R1's does, its special tokens last."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.normalizer = tokenizers.normalizers.NFC()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(QWEN2_REGEX), "isolated"),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=shape.vocabulary - len(SPECIAL),
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    for text, special in SPECIAL:
        token = tokenizers.AddedToken(text, special=special, normalized=False)
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)([token])
    return tokenizer


def token_streams(documents: list[str], tokenizer: Any, seed: int) -> tuple[Any, Any]:
    """Return the tokens of the documents in a drawn order, those of one in fifty apart."""
    order = list(range(len(documents)))
    random.Random(seed).shuffle(order)
    begin, end = tokenizer.token_to_id(BEGIN), tokenizer.token_to_id(END)
    kept: tuple[list[int], list[int]] = ([], [])
    for place, encoding in enumerate(tokenizer.encode_batch([documents[index] for index in order])):
        kept[place % 50 == 0].extend([begin, *encoding.ids, end])
    return torch.tensor(kept[0]), torch.tensor(kept[1])


def train(
    tokens: Any, check: Any, shape: Shape, training: Training, keep: Callable[[Weights], None]
) -> Weights:
    """Train from nothing; prints the loss in nats a token, and calls `keep` now and then."""
    weights = first_weights(shape)
    matrices = [value for name, value in weights.items() if value.ndim == 2 and "embed" not in name]
    hidden = [value for value in matrices if value is not weights["lm_head.weight"]]
    others = [value for value in weights.values() if not any(value is other for other in hidden)]
    optimisers = [
        Muon(hidden, lr=training.rate, weight_decay=0.02),
        torch.optim.AdamW(others, lr=training.rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, training))
        for optimiser in optimisers
    ]
    begun = time.monotonic()
    rope = rotations(shape)
    for step in range(training.steps):
        loss = next_token_loss(weights, _rows(tokens, training.rows, shape.window), rope, shape)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        for optimiser, schedule in zip(optimisers, schedules, strict=True):
            optimiser.step()
            schedule.step()
            optimiser.zero_grad(set_to_none=True)
        if step % 20 == 19 or step + 1 == training.steps:
            print(f"step {step + 1}: {loss.item():.3f} ({time.monotonic() - begun:.0f} s)", flush=True)
            keep(weights)
    found = checked_loss(weights, check, rope, shape)
    print(f"documents apart: {found:.3f} nats a token, perplexity {math.exp(found):.2f}", flush=True)
    return weights


class Muon(torch.optim.Optimizer):
    """Steps along the orthogonal part of each matrix's gradient, as large as AdamW's would be.

    Source: Keller Jordan's Muon and, for the size of a step, arXiv:2502.16982.
    """

    def __init__(self, matrices: list[Any], lr: float, weight_decay: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            for matrix in group["params"]:
                kept = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
                kept.lerp_(matrix.grad, 1 - momentum)
                update = orthogonal(matrix.grad.lerp(kept, momentum))
                matrix.mul_(1 - rate * group["weight_decay"])
                matrix.sub_(update, alpha=rate * 0.2 * math.sqrt(max(matrix.shape)))


def orthogonal(matrix: Any) -> Any:
    """Return nearly the orthogonal matrix next to one, by five steps of Newton and Schulz."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    near = wide / wide.norm().clamp(min=1e-7)
    for _ in range(5):
        square = near @ near.T
        near = 3.4445 * near + (-4.775 * square + 2.0315 * square @ square) @ near
    return near if wide is matrix else near.T


def first_weights(shape: Shape) -> Weights:
    """Draw the weights, under the names of Qwen2's checkpoints."""
    hidden, kv = shape.hidden, shape.kv_heads * shape.head_size
    query = shape.heads * shape.head_size

    def drawn(rows: int, columns: int, scale: float = 0.02) -> Any:
        return (torch.randn(rows, columns) * scale).requires_grad_()

    def flat(size: int, value: float) -> Any:
        return torch.full((size,), value).requires_grad_()

    weights: Weights = {"model.embed_tokens.weight": drawn(shape.vocabulary, hidden)}
    inner = 0.02 / math.sqrt(2 * shape.layers)
    for layer in range(shape.layers):
        at = f"model.layers.{layer}."
        weights[at + "input_layernorm.weight"] = flat(hidden, 1.0)
        for name, size in (("q", query), ("k", kv), ("v", kv)):
            weights[f"{at}self_attn.{name}_proj.weight"] = drawn(size, hidden)
            weights[f"{at}self_attn.{name}_proj.bias"] = flat(size, 0.0)
        weights[at + "self_attn.o_proj.weight"] = drawn(hidden, query, inner)
        weights[at + "post_attention_layernorm.weight"] = flat(hidden, 1.0)
        weights[at + "mlp.gate_proj.weight"] = drawn(shape.feed_forward, hidden)
        weights[at + "mlp.up_proj.weight"] = drawn(shape.feed_forward, hidden)
        weights[at + "mlp.down_proj.weight"] = drawn(hidden, shape.feed_forward, inner)
    weights["model.norm.weight"] = flat(hidden, 1.0)
    weights["lm_head.weight"] = drawn(shape.vocabulary, hidden)
    return weights


def rotations(shape: Shape) -> tuple[Any, Any]:
    """Return the cosines and sines of RoPE, (window, head size), halves of a head as transformers has it."""
    speeds = shape.rope_base ** (-torch.arange(0, shape.head_size, 2) / shape.head_size)
    angles = torch.arange(shape.window)[:, None] * speeds
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def next_token_loss(weights: Weights, rows: Any, rope: tuple[Any, Any], shape: Shape) -> Any:
    """Return the mean negative log-likelihood in nats of each token of `rows` behind those before it."""
    logits = forward(weights, rows[:, :-1], rope, shape)
    return functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def forward(weights: Weights, rows: Any, rope: tuple[Any, Any], shape: Shape) -> Any:
    """Return the logits, (rows, tokens, vocabulary)."""
    length = rows.shape[1]
    cosines, sines = (part[:length] for part in rope)
    flow = functional.embedding(rows, weights["model.embed_tokens.weight"])

    def normed(name: str) -> Any:
        return functional.rms_norm(flow, (shape.hidden,), weights[name + "layernorm.weight"], shape.epsilon)

    def linear(name: str, inputs: Any) -> Any:
        return functional.linear(inputs, weights[name + ".weight"], weights.get(name + ".bias"))

    def heads(inputs: Any) -> Any:
        return inputs.unflatten(-1, (-1, shape.head_size)).transpose(1, 2)

    def turned(inputs: Any) -> Any:
        left, right = inputs.chunk(2, dim=-1)
        return (inputs * cosines + torch.cat([-right, left], dim=-1) * sines).to(inputs.dtype)

    for layer in range(shape.layers):
        at = f"model.layers.{layer}."
        inputs = normed(at + "input_")
        query, key, value = (heads(linear(f"{at}self_attn.{name}_proj", inputs)) for name in "qkv")
        groups = shape.heads // shape.kv_heads
        seen = functional.scaled_dot_product_attention(
            turned(query),
            turned(key).repeat_interleave(groups, dim=1),
            value.repeat_interleave(groups, dim=1),
            is_causal=True,
        )
        flow = flow + linear(at + "self_attn.o_proj", seen.transpose(1, 2).flatten(2))
        inputs = normed(at + "post_attention_")
        gate = functional.silu(linear(at + "mlp.gate_proj", inputs))
        flow = flow + linear(at + "mlp.down_proj", gate * linear(at + "mlp.up_proj", inputs))
    flow = functional.rms_norm(flow, (shape.hidden,), weights["model.norm.weight"], shape.epsilon)
    return linear("lm_head", flow)


def checked_loss(weights: Weights, check: Any, rope: tuple[Any, Any], shape: Shape) -> float:
    """Return the loss on text apart, in nats a token."""
    count = min(64, len(check) // (shape.window + 1))
    rows = check[: count * (shape.window + 1)].reshape(count, -1)
    with torch.no_grad():
        parts = [next_token_loss(weights, part, rope, shape).item() * len(part) for part in rows.split(8)]
    return float(sum(parts) / count)


def write_checkpoint(folder: Path, weights: Weights, tokenizer: Any, shape: Shape) -> None:
    """Write the Hugging Face folder, its weights as bf16."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: round_to_bf16(value.detach().numpy().astype(np.float32)) for name, value in weights.items()
    }
    write_weights(folder, tensors)
    tokenizer.save(str(folder / "tokenizer.json"))
    begin, end = tokenizer.token_to_id(BEGIN), tokenizer.token_to_id(END)
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "bos_token_id": begin,
        "eos_token_id": end,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "max_position_embeddings": 4 * shape.window,
        "model_type": "qwen2",
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads,
        "rms_norm_eps": shape.epsilon,
        "rope_theta": int(shape.rope_base),
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_sliding_window": False,
        "vocab_size": shape.vocabulary,
    }
    write_json(folder / "config.json", config)
    write_json(
        folder / "tokenizer_config.json",
        {
            "add_bos_token": True,
            "add_eos_token": False,
            "bos_token": BEGIN,
            "chat_template": TEMPLATE,
            "clean_up_tokenization_spaces": False,
            "eos_token": END,
            "model_max_length": 4 * shape.window,
            "pad_token": END,
            "tokenizer_class": "LlamaTokenizerFast",
        },
    )
    write_json(
        folder / "generation_config.json",
        {"bos_token_id": begin, "eos_token_id": end, "do_sample": True, "temperature": 0.6, "top_p": 0.95},
    )


def _rate(step: int, training: Training) -> float:
    left = (training.steps - step) / (training.steps * training.falling)
    return min((step + 1) / training.warm_up, 1.0, left)


def _rows(tokens: Any, count: int, window: int) -> Any:
    """Return windows of the text from drawn places, with the token behind each."""
    places = torch.randint(len(tokens) - window, (count,))
    return torch.stack([tokens[place : place + window + 1] for place in places])


if __name__ == "__main__":
    main()
