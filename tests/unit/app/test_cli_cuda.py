"""`stillroom cuda` as a program of its own, with stand-ins for NVIDIA's management library."""

import subprocess
from pathlib import Path

import pytest

from app.cuda.pins import cuda_pins
from tests.support.cli import ROOT, Cli, Ran
from tests.support.nvml_stand_in import build_nvml_stand_in, stand_in_environment


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def run_with_card(cli: Cli, folder: Path, *arguments: str, **nvml: str) -> Ran:
    environment = stand_in_environment(folder, "ok") | cli.environment() | nvml
    environment["LD_LIBRARY_PATH"] = str(folder)
    done = subprocess.run(
        cli.command(*arguments), env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_status_names_the_files_their_sizes_and_the_licence(cli: Cli) -> None:
    found = cli("cuda", "--json").json()
    assert found["cuda"] == "13.0"
    assert "NVIDIA" in found["licence"]
    assert [file["bytes"] for file in found["files"]][:2] == [
        package.wheel.bytes for package in cuda_pins().packages
    ]
    assert (found["installed_bytes"], found["arrived_bytes"]) == (0, 0)
    assert found["message"]


def test_without_a_card_nothing_is_fetched(cli: Cli, tmp_path: Path) -> None:
    folder = build_nvml_stand_in(tmp_path)
    ran = run_with_card(cli, folder, "cuda", "get", NVML_STAND_IN_MODE="none")
    assert ran.code == 1
    assert "There is no NVIDIA card with a working driver" in ran.err
    assert not (tmp_path / "data" / "cuda").exists()


@pytest.mark.parametrize(
    ("nvml", "says"),
    [
        ({"NVML_STAND_IN_CAPABILITY": "6.1"}, "Stand-in GPU A is too old for CUDA 13.0"),
        ({"NVML_STAND_IN_DRIVER": "535.10"}, "The driver 535.10 is too old for CUDA 13.0"),
    ],
)
def test_a_card_or_a_driver_that_is_too_old_is_said(
    nvml: dict[str, str], says: str, cli: Cli, tmp_path: Path
) -> None:
    ran = run_with_card(cli, build_nvml_stand_in(tmp_path), "cuda", "status", **nvml)
    assert ran.code == 0, ran.err
    # A llama.cpp that was compiled for this computer alone takes no CUDA whatever the card is.
    assert says in ran.out or "was compiled for one computer" in ran.out


def test_removing_tells_what_is_free_again(cli: Cli, tmp_path: Path) -> None:
    assert cli("cuda", "remove", "--json").json() == {"freed_bytes": 0}
    runtime = tmp_path / "data" / "cuda" / "runtime"
    runtime.mkdir(parents=True)
    (runtime / "libcudart.so.13").write_bytes(b"x" * 100_000)
    assert cli("cuda", "remove", "--json").json()["freed_bytes"] >= 100_000
    assert not (tmp_path / "data" / "cuda").exists()
    assert "none of NVIDIA's libraries" in cli("cuda", "remove").out
