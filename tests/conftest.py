"""For all tests."""

import gc
import os

import llama_cpp
import pytest

from app.engine.llama.model import KEEPS_ORDER
from app.ui.garbage import collect_due


def pytest_configure(config: pytest.Config) -> None:
    # Speed is measured with everything that the processor has.
    if b"AMX_INT8 = 1" in llama_cpp.llama_print_system_info() and config.getoption("markexpr") != "perf":
        os.environ.setdefault(KEEPS_ORDER, "1")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # As in the window: engine and telemetry threads of a test must not destroy another test's widgets.
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    collect_due()
