"""Loads of real files in many ways; `Session.load` compares each with the estimate."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base.children import child_command
from app.engine.planning.load_plan import demand_of
from app.engine.protocol import FlashAttention, KvType, LoadSettings, ModelInfo, Weights
from converters.build.build_client import build
from converters.process.messages import BuildRequest
from tests.support.engines import Session, starter_path
from tests.support.tiny_models import make_tiny_model

TYPES = ["Q4_K_M", "Q4_0", "Q8_0", "BF16"]
SAMPLES = 6
CACHES: list[tuple[KvType, FlashAttention]] = [
    ("f16", "on"),
    ("q8_0", "on"),
    ("q4_0", "on"),
    ("f16", "off"),
    ("f16", "auto"),
]

WEIGHTS: list[Weights] = ["mapped", "copied"]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session("child")
    yield session
    session.engine.close()


def ways(seed: str) -> list[LoadSettings]:
    """Some of all combinations, others for every file."""
    every = list(itertools.product((512, 1000, 2048, 8192), (32, 512, 2048), CACHES, (1, 2, 3, 4), WEIGHTS))
    return [
        LoadSettings(
            context_tokens=context,
            batch_tokens=batch,
            kv_type=kv_type,
            flash_attention=flash,
            sequences=sequences,
            weights=weights,
            gpu_layers=0,
        )
        for context, batch, (kv_type, flash), sequences, weights in random.Random(seed).sample(every, SAMPLES)
    ]


def load_all(session: Session, file: str, seed: str) -> None:
    for settings in ways(seed):
        info = session.load(file, settings)
        assert isinstance(info, ModelInfo), (settings, info)
        # The plan is what was asked for, so the estimate is that of the settings themselves.
        assert demand_of(info.plan).kv_type == settings.kv_type


def test_the_starters_memory_is_estimated(session: Session) -> None:
    load_all(session, starter_path(), "starter")


@pytest.mark.parametrize("key", ["qwen2", "qwen3", "llama"])
def test_each_shapes_memory_is_estimated_in_every_type(session: Session, key: str, tmp_path: Path) -> None:
    checkpoint = make_tiny_model(key, tmp_path)
    built = build(BuildRequest(checkpoint, TYPES, tmp_path / "out", key), child_command("build"))
    for output in built.outputs:
        load_all(session, str(output.path), f"{key} {output.type}")
