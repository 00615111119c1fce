"""The bundle on computers whose graphics cannot be used: it says why, and answers on the processor.

Drivers and cards are stand-ins, each of which says so. Vulkan's loader is the system's own.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from models.catalogue.starter import starter_file
from tests.support.bundle import answer, run, users_environment
from tests.support.nvml_stand_in import build_nvml_stand_in, stand_in_environment

pytestmark = pytest.mark.bundle

SUPPORT = Path(__file__).parents[1] / "support"
LAVAPIPE = Path("/usr/share/vulkan/icd.d/lvp_icd.json")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No driver at all; each test puts one there."""
    return users_environment(tmp_path) | {"VK_DRIVER_FILES": str(tmp_path / "none.json")}


def compiled(name: str, target: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("the stand-in needs a C compiler")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", target, SUPPORT / name], check=True)
    return target


def vulkan_of(environment: dict[str, str]) -> dict[str, Any]:
    """Return what `doctor` says of Vulkan, after the program has answered without it."""
    question = (
        "chat",
        str(starter_file()),
        "Why is the sky blue?",
        "--temperature",
        "0",
        "--max-tokens",
        "8",
    )
    assert answer(environment, *question)["completion_tokens"] == 8
    found = diagnosis(environment)
    assert {device["backend"] for device in found["backends"]} == {"CPU"}
    (vulkan,) = [library for library in found["libraries"] if library["name"] == "Vulkan"]
    return dict(vulkan)


def diagnosis(environment: dict[str, str]) -> dict[str, Any]:
    done = run(environment, "doctor", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_loader_that_does_not_load_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "libvulkan.so.1").write_text("no library")
    vulkan = vulkan_of(environment | {"LD_LIBRARY_PATH": str(tmp_path)})
    assert not vulkan["loaded"]
    assert "libvulkan.so.1" in vulkan["reason"]


def test_no_driver_is_said(environment: dict[str, str]) -> None:
    vulkan = vulkan_of(environment)
    assert vulkan["reason"] in ("it found no device", "there is no Vulkan driver on this computer")


def test_a_driver_for_another_card_leaves_the_processor(environment: dict[str, str], tmp_path: Path) -> None:
    library = compiled("wrong_driver.c", tmp_path / "libwrong_driver.so")
    described = {
        "file_format_version": "1.0.0",
        "ICD": {"library_path": str(library), "api_version": "1.3.0"},
    }
    (tmp_path / "none.json").write_text(json.dumps(described))
    vulkan = vulkan_of(environment)
    assert vulkan["reason"] in ("it found no device", "there is no Vulkan driver on this computer")


@pytest.mark.skipif(not LAVAPIPE.exists(), reason="needs Mesa's lavapipe as the device behind the stand-in")
def test_a_card_that_is_too_old_leaves_the_processor(environment: dict[str, str], tmp_path: Path) -> None:
    library = compiled("old_gpu.c", tmp_path / "libold_gpu.so")
    vulkan = vulkan_of(environment | {"VK_DRIVER_FILES": str(LAVAPIPE), "LD_PRELOAD": str(library)})
    assert vulkan["reason"] == "it found no device"


def test_a_card_that_only_nvidias_driver_knows_is_said_to_be_unused(
    environment: dict[str, str], tmp_path: Path
) -> None:
    stand_in = stand_in_environment(build_nvml_stand_in(tmp_path), "ok")
    with_card = {name: stand_in[name] for name in ("LD_LIBRARY_PATH", "NVML_STAND_IN_MODE")}
    found = diagnosis(environment | with_card)
    assert [gpu["name"] for gpu in found["gpus"]] == ["Stand-in GPU A", "Stand-in GPU B"]
    assert [gpu["backends"] for gpu in found["gpus"]] == [[], []]
    (problem,) = [problem for problem in found["problems"] if problem["key"] == "gpu_device"]
    assert "Stand-in GPU A" in problem["message"]
    assert "driver" in problem["hint"]


@pytest.mark.parametrize(("mode", "words"), [("fail", "GPU is lost"), ("hang", "does not answer")])
def test_a_driver_that_fails_is_said_to(
    mode: str, words: str, environment: dict[str, str], tmp_path: Path
) -> None:
    stand_in = stand_in_environment(build_nvml_stand_in(tmp_path), mode)
    broken = {name: stand_in[name] for name in ("LD_LIBRARY_PATH", "NVML_STAND_IN_MODE")}
    found = diagnosis(environment | broken)
    assert found["can_run"]
    (problem,) = [problem for problem in found["problems"] if problem["key"] == "nvidia_driver"]
    assert words in problem["message"]
