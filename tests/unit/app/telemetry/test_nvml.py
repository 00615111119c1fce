"""NVML through pynvml, against the C stand-in, each in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.nvml_stand_in import build_nvml_stand_in, stand_in_environment

GIB = 1 << 30

READ = """
import dataclasses, json
from app.telemetry.nvml import NvmlReader
reader = NvmlReader()
reader.read(frozenset({4321}))
print(json.dumps(dataclasses.asdict(reader.read(frozenset({4321})))))
"""

HANG = """
import json
from app.telemetry.nvml_monitor import GpuMonitor
monitor = GpuMonitor(deadline_s=0.2)
states = []
while not states or states[-1] == "pending":
    states.append(monitor.poll(frozenset({4321}), wait_s=0.01).state)
monitor.close()
print(json.dumps(states))
"""


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nvml_stand_in(tmp_path_factory.mktemp("nvml"))


def run(script: str, stand_in: Path, mode: str, pid: int | None = None) -> Any:
    environment = stand_in_environment(stand_in, mode, pid)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def test_reads_every_card_and_this_programs_share(stand_in: Path) -> None:
    reading = run(READ, stand_in, "ok", pid=4321)
    assert reading["state"] == "ok"
    assert reading["driver"] == "580.00.stand-in"
    assert reading["gpus"] == [
        {
            "index": 0,
            "name": "Stand-in GPU A",
            "vram_used_bytes": 6 * GIB,
            "vram_total_bytes": 12 * GIB,
            "own_vram_bytes": 5 * GIB,
            "utilisation_percent": 87,
            "temperature_c": 64,
            "power_w": 142.5,
            "energy_j": pytest.approx(5003.0),
            # An RTX 3060's clock and bus: 360 GB/s by its data sheet.
            "vram_bytes_per_s": pytest.approx(360e9, rel=0.001),
            "pcie": "4.0 x16",
            "throttled": False,
            "compute_capability": [8, 6],
        },
        {
            "index": 1,
            "name": "Stand-in GPU B",
            "vram_used_bytes": GIB,
            "vram_total_bytes": 12 * GIB,
            "own_vram_bytes": 0,
            "utilisation_percent": 0,
            "temperature_c": 35,
            "power_w": 15.0,
            "energy_j": pytest.approx(5004.0),
            "vram_bytes_per_s": pytest.approx(360e9, rel=0.001),
            "pcie": "4.0 x16",
            "throttled": True,
            "compute_capability": [8, 6],
        },
    ]


def test_what_a_card_does_not_tell_is_none(stand_in: Path) -> None:
    first = run(READ, stand_in, "poor", pid=4321)["gpus"][0]
    assert first["vram_used_bytes"] == 6 * GIB
    untold = ("own_vram_bytes", "utilisation_percent", "temperature_c", "power_w", "energy_j")
    assert [first[key] for key in (*untold, "vram_bytes_per_s", "compute_capability")] == [None] * 7
    assert (first["pcie"], first["throttled"]) == ("", False)


def test_an_error_keeps_the_drivers_words(stand_in: Path) -> None:
    reading = run(READ, stand_in, "fail")
    assert (reading["state"], reading["gpus"]) == ("failing", [])
    assert "lost" in reading["native"].lower()


def test_a_driver_without_a_card_says_so(stand_in: Path) -> None:
    reading = run(READ, stand_in, "none")
    assert (reading["state"], reading["driver"]) == ("no_gpu", "580.00.stand-in")


def test_a_hanging_driver_never_holds_the_caller(stand_in: Path) -> None:
    # Each poll came back, the driver never does.
    assert run(HANG, stand_in, "hang")[-1] == "hanging"
