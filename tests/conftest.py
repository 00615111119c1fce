"""For all tests."""

import gc

import pytest

from app.ui.garbage import collect_due


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # As in the window: engine and telemetry threads of a test must not destroy another test's widgets.
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    collect_due()
