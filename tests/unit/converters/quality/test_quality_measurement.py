"""Quantising costs as much by our figures as by llama-perplexity's."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from app.base.children import child_command
from converters.process.messages import BuildRequest
from converters.quality import quality_measurement
from converters.quality.divergence import Comparer, Scores, summarise
from converters.quality.measuring_client import measure
from converters.quality.token_progress import TokenProgress
from converters.system.errors import BuildError
from models.system.errors import Cancelled
from models.system.progress import JobContext, Progress
from tests.support.children import running_children
from tests.support.make_quality_reference import PERPLEXITY, TEXT, TYPES, build_small_model
from tests.support.qualities import made_up_quality
from tests.support.recorded_figures import tolerance

COMMAND = child_command("measure")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build_small_model(tmp_path_factory.mktemp("small"))


def test_it_agrees_with_llama_perplexity(files: dict[str, Path]) -> None:
    told: list[Progress] = []
    models = [files[kind] for kind in TYPES[1:]]
    found = measure(files["BF16"], models, COMMAND, JobContext(told.append), text=TEXT)
    expected = json.loads(PERPLEXITY.read_text("utf-8"))
    for kind, one in zip(TYPES[1:], found, strict=True):
        for name, value in expected[kind].items():
            # Three significant digits, or the last digit that llama-perplexity prints.
            rel, least = tolerance(5e-4, elsewhere=2e-2), tolerance(6e-6, elsewhere=3e-4)
            assert getattr(one, name) == pytest.approx(value, rel=rel, abs=least), (kind, name)
        assert one.reference == "BF16"
        assert (one.bytes, one.reference_bytes) == (
            files[kind].stat().st_size,
            files["BF16"].stat().st_size,
        )
        assert one.scored_tokens == one.chunks * 255
        assert min(one.prompt_tok_per_s, one.decode_tok_per_s, one.reference_decode_tok_per_s) > 0
        assert not one.streamed
    assert told[-1].done == told[-1].total == found[0].chunks * 512
    assert told[0].done == 0
    assert told[0].remaining_s is not None  # an estimate before the first chunk
    assert told[-1].remaining_s == 0


def test_a_model_equals_itself(files: dict[str, Path]) -> None:
    [same] = measure(files["Q4_0"], [files["Q4_0"]], COMMAND, text=TEXT, most_chunks=2)
    assert same.same_top > 0.99  # 16-bit steps make some of the nearest logits equal
    assert same.kld_mean < 1e-6
    assert same.accuracy_loss_percent == pytest.approx(0, abs=1e-3)
    assert same.chunks == 2


def test_a_reference_that_does_not_fit_is_streamed_and_says_how_long(files: dict[str, Path]) -> None:
    script = (
        "import sys, psutil\n"
        "memory = type('M', (), {'available': (1 << 30) + (1 << 20)})\n"
        "psutil.virtual_memory = lambda: memory\n"  # stands in for a machine with less memory
        "from app.acquire.measure_worker import main\nsys.exit(main())"
    )
    told: list[Progress] = []
    models = [files["Q4_0"], files["Q8_0"]]
    job = JobContext(told.append)
    command = [sys.executable, "-c", script]
    streamed = measure(files["BF16"], models, command, job, text=TEXT, most_chunks=2)
    first = told[0]
    assert first.done == 0
    assert first.remaining_s is not None
    # One model after the other: the text is read once for each.
    assert first.total == 2 * 2 * 512
    held = measure(files["BF16"], models, COMMAND, text=TEXT, most_chunks=2)
    for one, other in zip(streamed, held, strict=True):
        assert one.streamed
        assert one.kld_mean == pytest.approx(other.kld_mean, rel=0.02)
        assert one.perplexity == pytest.approx(other.perplexity, rel=1e-3)


def test_another_vocabulary_is_refused(
    files: dict[str, Path], checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    from converters.build.build_client import build

    other = build(
        BuildRequest(checkpoints["llama"], ["Q8_0"], tmp_path, "m"), child_command("build")
    ).outputs[0]
    with pytest.raises(BuildError, match="different vocabularies"):
        measure(files["BF16"], [other.path], COMMAND, text=TEXT)


def test_cancel_ends_the_process(files: dict[str, Path]) -> None:
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        measure(
            files["BF16"], [files["Q4_0"]], COMMAND, JobContext(lambda _: cancel.set(), cancel), text=TEXT
        )
    assert not running_children(COMMAND)


def test_a_process_that_dies_is_an_error(files: dict[str, Path]) -> None:
    command = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    with pytest.raises(BuildError, match="ended unexpectedly") as failed:
        measure(files["BF16"], [files["Q4_0"]], command)
    assert failed.value.values["code"] == -signal.SIGKILL


def test_the_process_ends_when_its_stdin_closes() -> None:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(timeout=60) == 1


def by_hand(logits: "np.ndarray", tokens: list[int]) -> "np.ndarray":
    shares = np.exp(logits.astype(np.float64))
    return np.log(shares / shares.sum(axis=1, keepdims=True))


def test_divergence_is_that_of_the_definition() -> None:
    chance = np.random.default_rng(3)
    base = chance.normal(0, 3, (40, 1000)).astype(np.float32)
    other = base + chance.normal(0, 0.3, base.shape).astype(np.float32)
    tokens = chance.integers(0, 1000, 40).tolist()
    comparer, scores = Comparer(2), Scores()
    comparer.compare(other, comparer.compress(base), tokens, scores)
    found = summarise(scores)
    p, q = by_hand(base, tokens), by_hand(other, tokens)
    kld = (np.exp(p) * (p - q)).sum(axis=1)
    nll, base_nll = -q[range(40), tokens], -p[range(40), tokens]
    assert found.kld_mean == pytest.approx(kld.mean(), rel=1e-3)
    assert found.kld_max == pytest.approx(kld.max(), rel=1e-3)
    assert found.kld_median == pytest.approx(np.median(kld), rel=1e-3)
    assert found.perplexity == pytest.approx(np.exp(nll.mean()), rel=1e-4)
    assert found.reference_perplexity == pytest.approx(np.exp(base_nll.mean()), rel=1e-3)
    assert found.log_ratio == pytest.approx((nll - base_nll).mean(), abs=1e-4)
    # Over the paired differences, as the two models read the same tokens.
    assert found.log_ratio_error == pytest.approx((nll - base_nll).std() / np.sqrt(39), rel=0.02)
    assert found.same_top == (p.argmax(axis=1) == q.argmax(axis=1)).mean()
    assert found.scored_tokens == 40


def test_logits_that_are_all_alike_are_kept() -> None:
    comparer, scores = Comparer(1), Scores()
    flat = np.zeros((12, 64), np.float32)
    comparer.compare(flat, comparer.compress(flat), [5] * 12, scores)
    found = summarise(scores)
    assert found.perplexity == pytest.approx(64, rel=1e-6)
    assert found.kld_max == pytest.approx(0, abs=1e-6)


def test_the_loss_is_the_growth_of_perplexity() -> None:
    known = made_up_quality(10.0, log_ratio_error=0.01)
    assert known.accuracy_loss_percent == pytest.approx(10)
    low, high = known.accuracy_loss_interval
    assert low < 10 < high
    assert (high - low) / 2 == pytest.approx(1.96 * 1.1, rel=0.01)


def test_the_time_left_is_that_of_the_steps_so_far() -> None:
    told: list[Progress] = []
    now = 0.0
    progress = TokenProgress(told.append, "measure", 2048, expected_s=99.0, clock=lambda: now)
    now = 10.0
    progress.advance(512)
    now = 20.0
    progress.advance(1536)
    assert [step.remaining_s for step in told] == [99.0, 30.0, 0.0]


def test_the_type_of_a_file_is_that_of_its_matrices(files: dict[str, Path]) -> None:
    assert quality_measurement.type_in_file(files["BF16"]) == "BF16"
