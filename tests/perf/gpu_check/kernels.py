"""Stages about the back end: kernels cold and warm, the tests for cards, one card as two devices."""

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from app.base.children import child_command
from app.engine.devices.kernel_check import KernelRequest, check_cards
from tests.perf.build_llama_tools import llama_tool
from tests.perf.gpu_check.card import CACHES, WAIT_S, loaded
from tests.perf.gpu_check.check_context import Check
from tests.perf.gpu_check.points import Figures
from tests.perf.gpu_check.speed import measured
from tests.support.engines import GREEDY

ROOT = Path(__file__).parents[3]
MODEL = "STILLROOM_GPU_MODEL"
"""The variable by which `tests/end2end/test_gpu.py` takes another model than the starter."""

TWICE = {"Vulkan": {"GGML_VK_VISIBLE_DEVICES": "0,0"}, "CUDA": {"GGML_CUDA_DEVICES": "2"}}
"""By these ggml's back ends list one card as two devices; CUDA gives each half of its memory."""

OPERATIONS = {
    "MUL_MAT": r"type_a=(f32|f16|q4_0|q8_0|q4_K|q6_K),",
    "FLASH_ATTN_EXT": r"hsk=128,hsv=128,.*type_K=(f16|q8_0|q4_0),",
}
"""The parameters of those cases that R1 models are computed with: all of them take a quarter of an hour."""
OPERATIONS_KEY = "llama.cpp's test-backend-ops, {operation}"


def kernels_cold_and_warm(check: Check) -> None:
    """Time the kernel check with an empty cache of the driver's, and again with what that left."""
    caches = check.work / "driver-caches"
    for state in ("cold", "warm"):
        check.points.measure("kernels", state, partial(_timed, check, caches, state))


def _timed(check: Check, caches: Path, state: str) -> Figures:
    if state == "cold":
        shutil.rmtree(caches, ignore_errors=True)
    request = KernelRequest(backend=check.card.backend)
    with _caches_in(caches):
        began_s = time.monotonic()
        checked = check_cards(child_command("kernel_check"), request, longest_s=WAIT_S)
        took_s = time.monotonic() - began_s
    return {
        "seconds": took_s,
        "card": checked.device,
        "left out": " ".join(str(error) for error in checked.left_out),
        "cache MB": sum(file.stat().st_size for file in caches.rglob("*") if file.is_file()) / 1e6,
    }


@contextmanager
def _caches_in(folder: Path) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in CACHES}
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= dict.fromkeys(CACHES, str(folder))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def tests_of_the_back_end(check: Check) -> None:
    """Run llama.cpp's own tests of the operations that R1 models are made of, where its tool was built."""
    tool = llama_tool("test-backend-ops")
    if tool is None:
        return
    for operation in OPERATIONS:
        key = OPERATIONS_KEY.format(operation=operation)
        check.points.measure("operations", key, partial(_counted, check, tool, operation))


def _counted(check: Check, tool: Path, operation: str) -> Figures:
    command = [str(tool), "test", "-b", check.card.device, "-o", operation, "-p", OPERATIONS[operation]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)
    last = [line.strip() for line in done.stdout.splitlines() if "tests passed" in line]
    if done.returncode or not last:
        raise RuntimeError(f"ended with {done.returncode}: {' '.join(last) or done.stderr.strip()[-300:]}")
    return {"passed": last[-1]}


def tests_for_cards(check: Check) -> None:
    """Run the tests that are marked for the card's back end, with models of the check."""
    mark = {"CUDA": "cuda", "Vulkan": "vulkan"}.get(check.card.backend)
    if mark is None:
        return
    # Over lavapipe the tests make a smaller one: each of its shaders takes seconds.
    names = ("",) if check.card.stands_in else check.scale.models
    for name in names:
        check.points.measure(
            "tests",
            f"marked {mark}, {name or 'their own model'}",
            partial(_pytest, check, mark, check.model(name) if name else None),
        )


def _pytest(check: Check, mark: str, model: Path | None) -> Figures:
    """Run them by a configuration of their own: the project's needs Qt, which nothing here does."""
    said = check.work / f"tests-{mark}.xml"
    own = Path(__file__).with_name("card_tests.ini")
    command = [sys.executable, "-m", "pytest", "-c", str(own), "--rootdir", str(ROOT), "--noconftest"]
    command += ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-m", mark, f"--junitxml={said}"]
    environment = os.environ | ({MODEL: str(model)} if model is not None else {})
    done = subprocess.run(
        [*command, str(ROOT / "tests" / "end2end" / "test_gpu.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment,
        timeout=WAIT_S,
    )
    if not said.exists():
        raise RuntimeError((done.stdout + done.stderr).strip()[-300:])
    suite = next(ElementTree.parse(said).getroot().iter("testsuite"))
    said.unlink()
    failed = [
        case.get("name", "")
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = int(suite.get("skipped", "0"))
    passed = int(suite.get("tests", "0")) - len(failed) - skipped
    if failed or not passed:
        raise RuntimeError(f"{passed} passed, {skipped} skipped, failed: {', '.join(failed) or 'none'}")
    return {"passed": passed, "skipped": skipped}


def two_devices(check: Check) -> None:
    """Share a model over one card that is listed twice, as CUDA and Vulkan can."""
    if check.card.backend not in TWICE:
        return
    for use in ("auto", "one", "all"):
        check.points.measure("two devices", f"cards: {use}", partial(_shared, check, use))


def _shared(check: Check, use: str) -> Figures:
    settings = check.settings(context_tokens=check.scale.contexts[0], sequences=1, card_use=use)
    prompt = max(check.scale.prompts)
    backend = check.card.backend
    with loaded(check.model(), settings, TWICE[backend]) as (client, info):
        devices = client.list_devices().result(WAIT_S).devices
        listed = [device.name for device in devices if device.backend == backend]
        if len(listed) < 2:
            raise RuntimeError(f"listed once only: {', '.join(listed)}")
        reply = client.generate(tokens=[200], sampling=GREEDY, max_tokens=4, ignore_eog=True)
        return {
            "listed": ", ".join(listed),
            "layers": info.gpu_layers,
            "MB by device": ", ".join(
                f"{name} {size / 1e6:.1f}"
                for name, size in info.buffers.items()
                if name.startswith(backend) and "Host" not in name
            ),
            "tokens": reply.future.result(WAIT_S).stats.completion_tokens,
            "step": info.batch_tokens,
            f"pp{prompt}": measured(client, info.plan, prompt=prompt, rounds=check.scale.rounds),
        }
