"""What every test of the window leaves behind is gone before the next one begins."""

import gc
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent

from tests.support.chat_desk import desk, opened

__all__ = ["desk", "opened"]


@pytest.fixture(autouse=True)
def no_widgets_left() -> Iterator[None]:
    """Collect the widgets of the test: each new theme would go through all that are left."""
    yield
    gc.collect()
    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
