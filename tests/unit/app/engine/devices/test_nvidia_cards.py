"""Which cards CUDA may see: made-up ones, and those of the stand-in for NVML in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.cuda.pins import cuda_pins
from app.engine.devices.cuda_runtime import CudaRuntime, KernelCheck
from app.engine.devices.nvidia_cards import OLDEST, NvidiaCard, capable_cards, visible_devices
from tests.support.nvml_stand_in import build_nvml_stand_in, stand_in_environment

GIB = 1 << 30
RTX = NvidiaCard("GPU-rtx", "RTX 3060", (8, 6), 12 * GIB, 360e9)
FAST = NvidiaCard("GPU-fast", "RTX 3090", (8, 6), 24 * GIB, 936e9)
OLD = NvidiaCard("GPU-old", "GTX 1060", (6, 1), 6 * GIB, 192e9)
SLICE = NvidiaCard("MIG-small", "A100", (8, 0), 10 * GIB, 1555e9, divided=True)
LARGE_SLICE = NvidiaCard("MIG-large", "A100", (8, 0), 20 * GIB, 1555e9, divided=True)

SHOW = """
import json, os
from app.engine.devices.nvidia_cards import nvidia_cards, show_cuda
show_cuda()
print(json.dumps([[card.uuid for card in nvidia_cards()], os.environ.get("CUDA_VISIBLE_DEVICES")]))
"""


def test_a_card_that_is_too_old_is_hidden_and_its_neighbour_is_not() -> None:
    assert visible_devices([OLD, RTX]) == "GPU-rtx"
    assert visible_devices([OLD]) == "-1"


def test_the_fastest_memory_comes_first() -> None:
    assert visible_devices([RTX, FAST]) == "GPU-fast,GPU-rtx"


def test_one_card_that_can_is_left_to_cuda() -> None:
    assert visible_devices([RTX]) is None
    assert visible_devices([]) is None


def test_a_card_that_failed_its_check_is_hidden() -> None:
    assert visible_devices([RTX, FAST], "GPU-fast".__eq__) == "GPU-rtx"


def checked(**kept: Any) -> KernelCheck:
    runtime = CudaRuntime(llama_cpp="1.0", cuda="13.0", libraries=(), back_end="")
    return KernelCheck(runtime=runtime, device="RTX 3060", **kept)


def test_a_card_that_came_after_the_check_is_not_hidden() -> None:
    known = checked(cards=("GPU-rtx",), failed=("GPU-gone",), left_out="It computes wrongly.")
    assert visible_devices([RTX, FAST], known.hides) == "GPU-fast,GPU-rtx"
    both_new = checked(cards=("GPU-1", "GPU-2"))
    assert visible_devices([RTX, FAST], both_new.hides) == "GPU-fast,GPU-rtx"
    assert [both_new.knows(card.uuid) for card in (RTX, FAST)] == [False, False]


def test_a_check_from_before_failures_were_kept_hides_what_did_not_pass() -> None:
    old = checked(cards=("GPU-rtx",), left_out="It computes wrongly.")
    assert visible_devices([RTX, FAST], old.hides) == "GPU-rtx"
    assert visible_devices([RTX, FAST], checked(cards=("GPU-rtx",)).hides) == "GPU-fast,GPU-rtx"
    assert visible_devices([RTX, FAST], checked().hides) == "GPU-fast,GPU-rtx"


def test_of_a_divided_card_the_largest_instance_is_taken_alone() -> None:
    assert visible_devices([SLICE, LARGE_SLICE]) == "MIG-large"
    assert visible_devices([SLICE, LARGE_SLICE, RTX]) == "GPU-rtx"
    assert capable_cards([]) == []


def test_what_is_too_old_is_what_the_pins_say() -> None:
    assert cuda_pins().oldest_compute_capability == OLDEST


def shown(folder: Path, **variables: str) -> tuple[list[str], str | None]:
    environment = stand_in_environment(folder, "ok") | variables
    environment = {name: value for name, value in environment.items() if value}
    said = subprocess.run(
        [sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=True
    )
    cards, visible = json.loads(said.stdout)
    return cards, visible


def test_nvml_says_which_are_shown_unless_the_user_has_said_it(tmp_path: Path) -> None:
    folder = build_nvml_stand_in(tmp_path)
    both = "GPU-stand-in-a,GPU-stand-in-b"
    assert shown(folder) == (both.split(","), both)
    assert shown(folder, NVML_STAND_IN_CAPABILITY="8.6,6.1")[1] == "GPU-stand-in-a"
    assert shown(folder, NVML_STAND_IN_CAPABILITY="6.1")[1] == "-1"
    assert shown(folder, CUDA_VISIBLE_DEVICES="1")[1] == "1"


def test_a_driver_that_answers_wrongly_hides_nothing(tmp_path: Path) -> None:
    folder = build_nvml_stand_in(tmp_path)
    assert shown(folder, NVML_STAND_IN_MODE="fail")[1] is None
    assert shown(folder, NVML_STAND_IN_MODE="none")[1] is None
    assert shown(tmp_path / "nothing", LD_LIBRARY_PATH=os.devnull)[1] is None
