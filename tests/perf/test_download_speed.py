"""The processor time of a download, with and without TLS. Prints seconds per gigabyte and their ratio.

The hub is a process of its own, whose time is not counted, and its file lies in memory.
"""

import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.hub.hub_client import HubClient
from models.hub.repository_download import download

REPO = "owner/measured"
NAME = "model.safetensors"
BYTES = 1 << 30
ROUNDS = 3
MOST_FOR_TLS = 2.0

pytestmark = [pytest.mark.perf, pytest.mark.timeout(600)]


@contextmanager
def hub_process(folder: Path, *options: str) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "tests.support.hub",
        str(folder),
        "--repo",
        REPO,
        "--port",
        "0",
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdout is not None
        yield next(word for word in hub.stdout.readline().split() if word.startswith("http"))
        hub.terminate()


def processor_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(endpoint: str, out: Path) -> tuple[float, float]:
    """Seconds of the processor and of the clock for a gigabyte."""
    client = HubClient(endpoint)
    snapshot = client.resolve(REPO)
    used_s, began_s = processor_s(), time.monotonic()
    [file] = download(snapshot, snapshot.files, out, client)
    taken = (processor_s() - used_s) / (BYTES / 1e9), (time.monotonic() - began_s) / (BYTES / 1e9)
    file.path.unlink()
    (out / "download.json").unlink()
    return taken


def test_tls_costs_little_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "loopback.pem"))
    folder = tmp_path / "repository"
    folder.mkdir()
    block = random.Random(17).randbytes(1 << 20)
    with (folder / NAME).open("wb") as file:
        for _ in range(BYTES // len(block)):
            file.write(block)
    plain, secure = [], []
    with hub_process(folder, "--tls", str(tmp_path)) as over_tls, hub_process(folder) as without:
        for number in range(ROUNDS):
            plain.append(measure(without, tmp_path / f"plain-{number}"))
            secure.append(measure(over_tls, tmp_path / f"tls-{number}"))
    plain_s, secure_s = (statistics.median(used for used, _ in values) for values in (plain, secure))
    with capsys.disabled():
        print(
            f"\na gigabyte, medians of {ROUNDS}: {plain_s:.2f} s of the processor without TLS, "
            f"{secure_s:.2f} s with it ({secure_s / plain_s:.2f} times as much); "
            f"{statistics.median(took for _, took in plain):.2f} and "
            f"{statistics.median(took for _, took in secure):.2f} s by the clock"
        )
    assert secure_s <= MOST_FOR_TLS * plain_s
