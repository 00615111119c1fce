"""Building against llama.cpp's converter and llama-quantize, and from a hub. Prints ratios.

The checkpoint has r1-qwen-1.5b's true shape (`STILLROOM_PERF_SHAPE` names another catalogue model) and lies
in `STILLROOM_PERF_FOLDER`, or in a temporary folder: 15 GB must be free there. The reference needs
llama-quantize and llama.cpp's source (`python -m tests.perf.build_llama_tools llama-quantize`), and a Python
with torch and transformers, named by `STILLROOM_REFERENCE_PYTHON`. The hub sends as much as a gigabit line
carries, `STILLROOM_PERF_BYTES_PER_S` is another speed (0: no limit; both sides then share the processor).
"""

import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.acquire.acquirer import Acquirer
from app.acquire.build_options import Order
from app.acquire.quality_build import Commands
from app.base.children import child_command
from converters.build.build_client import build
from converters.process.messages import BuildRequest
from models.catalogue.catalogue import find
from models.catalogue.reference import parse_reference
from models.hub.hub_client import HubClient
from models.store.store import ModelStore
from tests.perf.build_llama_tools import llama_tool, tools_folder
from tests.support.large_checkpoint import make_large_checkpoint
from tests.support.make_reference import PATCHED_CONVERTER

SHAPE = os.environ.get("STILLROOM_PERF_SHAPE", "r1-qwen-1.5b")
ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "3"))
SHARDS = 8
REPO = "owner/measured"
SAMPLE_S = 0.05
MOST_MEMORY_BYTES = 600e6
SMALL_FILES_BYTES = 16 << 20
"""Journals, headers and the checkpoint's texts."""
LINE_BYTES_PER_S = os.environ.get("STILLROOM_PERF_BYTES_PER_S", "112e6")

pytestmark = [pytest.mark.perf, pytest.mark.timeout(7200)]


@dataclass(frozen=True, slots=True)
class Measured:
    seconds: float
    memory_bytes: int = 0
    disk_bytes: int = 0


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = os.environ.get("STILLROOM_PERF_FOLDER")
    return Path(chosen) if chosen else tmp_path_factory.mktemp("perf")


def checkpoint_in(room: Path, shards: int) -> Path:
    model = find(SHAPE)
    assert model is not None
    folder = room / f"{shards}" / model.name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        make_large_checkpoint(folder, SHAPE, shards)
    return folder


@contextmanager
def sampled_disk(*folders: Path) -> Iterator[list[int]]:
    """Sample what the files in `folders` take of the disk; the peak is the list's last item at the end."""
    peak = [0]
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_S):
            peak[0] = max(peak[0], sum(allocated(folder) for folder in folders))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def allocated(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total


def empty(folder: Path) -> None:
    """Remove what an earlier case left, whose disk this one needs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def run_measured(command: Sequence[object]) -> Measured:
    """Seconds and peak memory of a program."""
    started_s = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Measured(time.monotonic() - started_s, usage.ru_maxrss * 1024)


def reference(checkpoint: Path, kind: str, out: Path) -> Measured:
    """convert_hf_to_gguf.py, then llama-quantize."""
    python, quantize = os.environ.get("STILLROOM_REFERENCE_PYTHON"), llama_tool("llama-quantize")
    sources = sorted((tools_folder() / "source").glob("llama_cpp_python-*/vendor/llama.cpp"))
    if python is None or quantize is None or not sources:
        pytest.skip("no reference converter here; the module's docstring says what it needs")
    empty(out)
    script = out / "patched.py"
    script.write_text(
        PATCHED_CONVERTER.format(llama_cpp=str(sources[-1]), pretokenizer="deepseek-r1-qwen"), "utf-8"
    )
    full, quantised = out / "full.gguf", out / f"{kind}.gguf"
    with sampled_disk(out) as disk:
        steps = [
            run_measured([python, script, "--outtype", "bf16", "--outfile", full, checkpoint]),
            run_measured([quantize, full, quantised, kind]),
        ]
    full.unlink()
    return Measured(sum(step.seconds for step in steps), max(step.memory_bytes for step in steps), disk[0])


def ours(checkpoint: Path, kind: str, out: Path) -> Measured:
    empty(out)
    with sampled_disk(out) as disk:
        started_s = time.monotonic()
        result = build(BuildRequest(checkpoint, [kind], out, "ours"), child_command("build"))
        seconds = time.monotonic() - started_s
    return Measured(seconds, result.peak_memory_bytes, disk[0])


def median(values: Sequence[Measured]) -> Measured:
    return Measured(
        statistics.median(value.seconds for value in values),
        max(value.memory_bytes for value in values),
        max(value.disk_bytes for value in values),
    )


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_K_M"])
def test_one_pass_against_the_reference(kind: str, room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = checkpoint_in(room, 1)
    us, them = [], []
    for _ in range(ROUNDS):
        them.append(reference(checkpoint, kind, room / "reference"))
        us.append(ours(checkpoint, kind, room / "ours"))
    file = room / "ours" / f"ours-{kind}.gguf"
    mine, its = median(us), median(them)
    with capsys.disabled():
        print(
            f"\n{SHAPE} to {kind}, medians of {ROUNDS}: {mine.seconds:.1f} s against {its.seconds:.1f} s "
            f"({its.seconds / mine.seconds:.2f} times faster); memory {mine.memory_bytes / 1e6:.0f} MB "
            f"against {its.memory_bytes / 1e6:.0f} MB; disk beyond the output "
            f"{(mine.disk_bytes - file.stat().st_size) / 1e6:.1f} MB against "
            f"{(its.disk_bytes - file.stat().st_size) / 1e6:.0f} MB"
        )
    assert mine.memory_bytes <= MOST_MEMORY_BYTES
    assert mine.disk_bytes - file.stat().st_size <= SMALL_FILES_BYTES


@pytest.fixture
def endpoint(room: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A hub in a process of its own, as a real one is."""
    monkeypatch.setenv("HF_TOKEN", "")
    folder = checkpoint_in(room, SHARDS)
    command = [sys.executable, "-m", "tests.support.hub", str(folder), "--repo", REPO]
    command += ["--port", "0", "--bytes-per-s", LINE_BYTES_PER_S]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdout is not None
        yield next(word for word in hub.stdout.readline().split() if word.startswith("http"))
        hub.terminate()


def in_memory(folder: Path) -> None:
    """Read the files, so that the hub need not: its disk, and what reading costs, are another machine's."""
    for path in folder.iterdir():
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def timed(work: Callable[[], object]) -> float:
    started_s = time.monotonic()
    work()
    return time.monotonic() - started_s


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_K_M"])
def test_a_hub_build_against_its_parts(
    kind: str, endpoint: str, room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference_ = parse_reference(REPO)
    store = ModelStore(tmp_path / "models")
    commands = Commands(child_command("build"), child_command("measure"))
    acquirer = Acquirer(HubClient(endpoint), store, tmp_path / "checkpoints", commands)
    checkpoint = checkpoint_in(room, SHARDS)
    largest = max(file.stat().st_size for file in checkpoint.glob("*.safetensors"))
    HubClient(endpoint).resolve(REPO)  # the hub hashes its files once
    downloads, quantisations, builds, peaks = [], [], [], []
    for number in range(ROUNDS):
        folder = tmp_path / f"pulled-{number}"
        in_memory(checkpoint)
        downloads.append(timed(lambda folder=folder: acquirer.pull(reference_, out=folder)))
        for file in folder.iterdir():
            file.unlink()
        quantisations.append(ours(checkpoint, kind, tmp_path / "local").seconds)
        out = tmp_path / f"built-{number}"
        in_memory(checkpoint)
        with sampled_disk(out, tmp_path / "checkpoints") as disk:
            builds.append(timed(lambda out=out: acquirer.get(Order(reference_, [kind], out=out))))
        [file] = out.glob("*.gguf")
        peaks.append((disk[0] - file.stat().st_size) / largest)
        file.unlink()
    download_s, quantise_s, build_s = map(statistics.median, (downloads, quantisations, builds))
    with capsys.disabled():
        print(
            f"\n{SHAPE} in {SHARDS} files from a hub to {kind}, medians of {ROUNDS}: {build_s:.1f} s; "
            f"download alone {download_s:.1f} s, quantising alone {quantise_s:.1f} s: "
            f"{build_s / max(download_s, quantise_s):.3f} times the longer one; peak disk: the output and "
            f"{max(peaks):.2f} of the largest weight file"
        )
    assert max(peaks) <= 2 + SMALL_FILES_BYTES / largest
