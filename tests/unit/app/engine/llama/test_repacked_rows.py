"""Some tokens at once are to the last bit what each of them is alone, also where weights are repacked, and a
prompt is the same with any number of threads: a guess changes no greedy reply."""

import platform
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.llama.context import DECODE_OK
from app.engine.llama.model import Model
from converters.build.build_run import run_build
from converters.process.messages import BuildRequest
from models.system.progress import ignore_progress
from tests.support.columns import rows_context
from tests.support.contexts import load_model, make_context
from tests.support.tiny_models import make_tiny_model

if platform.machine().lower() not in ("x86_64", "amd64"):
    pytest.skip("written for x86-64 only", allow_module_level=True)

Logits = Callable[[int, int], bytes]
"""The last row's, by how many tokens the prompt has and how many threads there are."""


@pytest.fixture(scope="module", params=["Q4_K_M", "Q8_0", "Q6_K", "Q5_K_M", "Q3_K_M", "IQ4_XS"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    source = make_tiny_model("llama", folder)
    wanted = BuildRequest(source=source, types=[request.param], out_dir=folder, name="tiny")
    (built,) = run_build(wanted, ignore_progress, None)
    return built.path


@pytest.fixture
def load(path: Path) -> Iterator[Callable[[bool], Logits]]:
    backend = Backend(NativeLog())
    models: list[Model] = []

    def as_kept(as_in_file: bool) -> Logits:
        model = load_model(backend, path, as_in_file=as_in_file)
        models.append(model)

        def logits(tokens: int, threads: int) -> bytes:
            context = make_context(backend, model, 512, threads=threads, draft_rows=0)
            context.start_batch()
            row = context.add([5 + number % 200 for number in range(tokens)], 0, 0, logits=1)
            assert context.decode() == DECODE_OK
            found = context.logits(row).tobytes()
            context.free()
            return found

        return logits

    yield as_kept
    for model in models:
        model.free()


def test_a_prompt_is_the_same_with_any_number_of_threads(path: Path, load: Callable[[bool], Logits]) -> None:
    repacked = load(False)
    if path.name.endswith("Q4_K_M.gguf"):
        assert repacked(7, 1) != load(True)(7, 1), "nothing was repacked"
    for tokens in (32, 33, 64, 257, 300):
        one = repacked(tokens, 1)
        for threads in (2, 3):
            assert repacked(tokens, threads) == one, f"{tokens} tokens, {threads} threads"


@pytest.mark.parametrize("rows", [2, 3, 4, 8, 11, 17, 31])
def test_some_tokens_at_once_are_what_each_is_alone(path: Path, rows: int) -> None:
    backend = Backend(NativeLog())
    model = load_model(backend, path)
    context = rows_context(backend, model)

    def logits(tokens: range) -> list[bytes]:
        context.start_batch()
        context.add(tokens, tokens.start, 0, logits=len(tokens))
        assert context.decode() == DECODE_OK
        return [context.logits(row).tobytes() for row in range(len(tokens))]

    alone = [row for token in range(rows) for row in logits(range(token, token + 1))]
    context.remove(0, 0)
    assert logits(range(rows)) == alone
    context.free()
    model.free()
