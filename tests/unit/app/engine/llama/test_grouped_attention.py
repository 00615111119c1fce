"""Attention of the heads that share keys, together: each row of logits is to the last bit what it is alone
and with any number of threads, at any depth, and close to what llama.cpp gives without flash attention."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.llama.context import DECODE_OK, Context
from app.engine.llama.model import Model
from app.engine.protocol import FlashAttention, KvType
from converters.build.build_run import run_build
from converters.process.messages import BuildRequest
from models.system.progress import ignore_progress
from tests.support.contexts import load_model, make_context
from tests.support.tiny_models import make_tiny_model

DEPTH = 700
"""More than a stretch of cells (grouped_attention.cpp), and no multiple of a tile."""

BATCH = 256
ROWS = (37, 13, 1)
"""Tokens at once: enough that a register holds several rows, and few; they leave some of a register empty."""

Q8_0, F32 = 0, 1


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Model]]:
    """Heads of 64 and of 128 values, each with weights in Q8_0, whose products are the same for each row
    whatever is beside it, and in F32, where small differences stay small."""
    folder = tmp_path_factory.mktemp("tiny")
    wanted = BuildRequest(
        source=make_tiny_model(request.param, folder), types=["Q8_0", "F32"], out_dir=folder, name="tiny"
    )
    backend = Backend(NativeLog())
    made = [load_model(backend, built.path) for built in run_build(wanted, ignore_progress, None)]
    yield made
    for model in made:
        model.free()


@pytest.fixture
def context(models: list[Model]) -> Iterator[Callable[..., Context]]:
    made: list[Context] = []

    def make(
        model: int, threads: int, kv_type: KvType = "f16", flash_attention: FlashAttention = "on"
    ) -> Context:
        made.append(
            make_context(
                Backend(NativeLog()),
                models[model],
                1024,
                threads=threads,
                batch_tokens=BATCH,
                sequences=2,
                draft_rows=32,
                kv_type=kv_type,
                flash_attention=flash_attention,
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.free()


def logits(
    context: Context, tokens: Sequence[int], position: int, sequence: int, rows: int
) -> npt.NDArray[np.float32]:
    """The logits of the last `rows` tokens."""
    context.start_batch()
    last = context.add(tokens, position, sequence, logits=rows)
    assert context.decode() == DECODE_OK
    return np.array([context.logits(row) for row in range(last - rows + 1, last + 1)])


def read(context: Context, tokens: Sequence[int], sequence: int = 0) -> npt.NDArray[np.float32]:
    """Read a prompt in batches; the last token's logits."""
    found = np.zeros((0, 0), np.float32)
    for at in range(0, len(tokens), BATCH):
        found = logits(context, tokens[at : at + BATCH], at, sequence, 1)
    return found


PROMPT = [5 + number * 37 % 200 for number in range(DEPTH)]
NEXT = [9, 40, 77, 130, 5]


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_rows_are_what_each_is_alone_with_any_number_of_threads(
    context: Callable[..., Context], kv_type: KvType
) -> None:
    expected = None
    for threads in (1, 2, 3):
        here = context(Q8_0, threads, kv_type)
        # Another reply beside it: its cells are masked.
        read(here, PROMPT[:300], sequence=1)
        whole = read(here, PROMPT)
        alone = [logits(here, [token], DEPTH + place, 0, 1) for place, token in enumerate(NEXT)]
        here.remove(0, DEPTH)
        together = logits(here, NEXT, DEPTH, 0, len(NEXT))
        assert together.tobytes() == np.concatenate(alone).tobytes()
        for rows in ROWS:
            here.remove(0, DEPTH - rows)
            assert logits(here, PROMPT[-rows:], DEPTH - rows, 0, 1).tobytes() == whole.tobytes(), rows
        expected = whole if expected is None else expected
        assert whole.tobytes() == expected.tobytes(), f"{threads} threads"


def test_they_are_close_to_those_without_flash_attention(context: Callable[..., Context]) -> None:
    with_it, without = (read(context(F32, 2, flash_attention=way), PROMPT) for way in ("on", "off"))
    assert np.abs(with_it - without).max() < 2e-3 * np.ptp(without)
    # A q8_0 cache is coarser, and llama.cpp has no other way to use one for values.
    assert np.abs(read(context(F32, 2, "q8_0"), PROMPT) - without).max() < 0.1 * np.ptp(without)
