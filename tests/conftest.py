"""For all tests."""

import gc
import os
from collections.abc import Iterator

import pytest

from app.ui.shell.garbage import collect_due
from models.system.errors import StillroomError
from models.system.notices import NoticeInbox


def pytest_configure(config: pytest.Config) -> None:
    # Speed is measured with everything that the processor has.
    if config.getoption("markexpr") == "perf":
        return
    # Tests run side by side, on more threads than there are processors. OpenMP's threads would turn in a loop
    # for one that does not run: up to eight times as long. It is read when llama.cpp's libraries are loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if config.getoption("markexpr") == "rpc":
        # Computers without a graphics card help each other; `test_vulkan_devices.py` has one with a card.
        os.environ |= {"GGML_VK_VISIBLE_DEVICES": "", "CUDA_VISIBLE_DEVICES": "-1"}


@pytest.fixture(scope="module", autouse=True)
def frozen_heap() -> None:
    """Keep what was there before a file's first test out of its collections: all that is imported, and five
    thousand tests. Each collection would walk through it, for a quarter of a second.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # As in the window: engine and telemetry threads of a test must not destroy another test's widgets.
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    collect_due()


@pytest.fixture
def told() -> Iterator[list[StillroomError]]:
    """Collect what the user is told of damaged files while the test runs."""
    heard: list[StillroomError] = []
    with NoticeInbox() as inbox:
        inbox.observe(heard.append)
        yield heard
