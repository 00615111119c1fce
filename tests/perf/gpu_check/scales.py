"""The sizes of a check: models of R1's true shapes on a card, small ones where something stands in."""

from dataclasses import dataclass, replace
from pathlib import Path

from app.base.children import child_command
from converters.build.build_client import build
from converters.process.messages import BuildRequest
from models.catalogue.catalogue import find
from models.quantisation.model_shape import ModelShape
from tests.support.large_checkpoint import make_checkpoint

SMALL = ModelShape(
    layers=4, hidden=256, ffn=512, heads=2, kv_heads=1, head_size=128, vocabulary=1024, attention_bias=True
)
"""An R1 distill of Qwen in all but its size."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`models` by name, the first for what one model shows. Tokens of prompts, before them (`depths`) and
    to generate; `step_tokens` are evaluated in one step unless a stage says other (0: the engine chooses);
    `fill_bytes` bounds what a stand-in's memory is filled by, None fills a card's to the rim."""

    models: tuple[str, ...]
    prompts: tuple[int, ...]
    depths: tuple[int, ...]
    new_tokens: int
    partial_prompt: int
    batches: tuple[int, ...]
    contexts: tuple[int, ...]
    rounds: int
    step_tokens: int = 0
    fill_bytes: int | None = None


FULL = Scale(
    models=("r1-qwen-1.5b", "r1-qwen-7b"),
    prompts=(512, 4096),
    depths=(0, 8192),
    new_tokens=128,
    partial_prompt=2048,
    batches=(512, 1024, 2048),
    contexts=(4096, 16384),
    rounds=3,
)
SCALES = {
    "full": FULL,
    "small": replace(FULL, models=("small",), rounds=2, fill_bytes=256 << 20),
    "least": Scale(
        models=("small",),
        prompts=(8, 16),
        depths=(0, 32),
        new_tokens=8,
        partial_prompt=16,
        batches=(4, 8),
        contexts=(256, 512),
        rounds=1,
        step_tokens=8,
        fill_bytes=16 << 20,
    ),
}
"""`least` is for tests, and for lavapipe, which compiles shaders for more than eight tokens for minutes."""

KINDS = ("Q4_K_M",)


def model_file(name: str, folder: Path) -> Path:
    """The model's file, made with random weights unless it is there: 1.1 GB for r1-qwen-1.5b, of which the
    checkpoint takes 3.6 GB meanwhile; 4.7 and 15 GB for r1-qwen-7b."""
    file = folder / f"{name}-{KINDS[0]}.gguf"
    if file.exists():
        return file
    shape, architecture = SMALL, "Qwen2ForCausalLM"
    if name != "small":
        model = find(name)
        assert model is not None, name
        shape, architecture = model.shape, model.architecture
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{name}-checkpoint"
    if not (checkpoint / "whole").exists():
        _remove(checkpoint)
        make_checkpoint(checkpoint, architecture, shape, is_sure=True)
        (checkpoint / "whole").touch()
    built = build(BuildRequest(checkpoint, list(KINDS), folder, name), child_command("build"))
    _remove(checkpoint)
    return built.outputs[0].path.rename(file)


def _remove(folder: Path) -> None:
    for file in folder.glob("*") if folder.exists() else ():
        file.unlink()
    if folder.exists():
        folder.rmdir()
