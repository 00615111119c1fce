"""The Benchmark tab as somebody sees it."""

from typing import TypeVar

from PySide6.QtWidgets import QWidget

from app.ui.benchmark.benchmark_tab import BenchmarkTab
from tests.support.widgets import seen

Page = TypeVar("Page", bound=QWidget)


def open_page(tab: BenchmarkTab, key: str, kind: type[Page]) -> Page:
    """Bring a page to the front."""
    tab.show_page(key)
    return seen(tab, kind)
