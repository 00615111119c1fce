"""The plot of divergence against size: each name is read whole."""

from itertools import combinations
from pathlib import Path

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.models.quality.quality_plot import QualityPlot
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.points_plot import BEAM_PX, POINT_PX
from models.store.store import InstalledModel
from tests.support.qualities import made_up_quality

FILES = [
    ("Q3_K_M", 920, 0.11),
    ("MIX_940M", 940, 0.08),
    ("MIX_1000M", 1000, 0.05),
    ("Q4_K_M", 1117, 0.04),
    ("MIX_1120M", 1120, 0.03),
    ("Q8_0", 1890, 0.001),
]


def installed(kind: str, megabytes: int, divergence: float) -> InstalledModel:
    quality = made_up_quality(
        bytes=megabytes * 1_000_000, kld_mean=divergence, kld_mean_error=divergence / 50
    )
    return InstalledModel("A", kind, Path(f"{kind}.gguf"), megabytes * 1_000_000, quality=quality)


def names(plot: QualityPlot) -> dict[str, QRectF]:
    """Each name of the plot and its place in the picture, without the empty rim of its text."""
    texts = [item for item in plot.plot.items() if isinstance(item, plot.pyqtgraph.TextItem)]
    rim = texts[0].textItem.document().documentMargin() if texts else 0.0
    return {
        text.toPlainText(): text.mapRectToScene(text.boundingRect()).adjusted(rim, rim, -rim, -rim)
        for text in texts
    }


def test_a_point_at_zero_is_drawn_whole(qtbot: QtBot, qapp: QApplication) -> None:
    plot = QualityPlot(Theme(qapp, "light"), PlotLibrary(Bridge(lambda error: None)))
    qtbot.addWidget(plot)
    plot.resize(760, 200)
    plot.show_models([installed("Q3_K_M", 920, 0.11), installed("BF16", 3554, 0.0)])
    plot.show()
    qtbot.waitUntil(lambda: plot.plot is not None and len(names(plot)) == 2, timeout=30_000)
    view = plot.plot.getViewBox()
    qtbot.waitUntil(lambda: view.height() > 100, timeout=30_000)
    shown = view.viewRect()
    assert -shown.top() / shown.height() * view.height() > POINT_PX / 2


@pytest.mark.parametrize("width", [420, 700, 1000])
def test_no_name_is_cut_off_or_covered(qtbot: QtBot, qapp: QApplication, width: int) -> None:
    plot = QualityPlot(Theme(qapp, "light"), PlotLibrary(Bridge(lambda error: None)))
    qtbot.addWidget(plot)
    plot.resize(760, 200)
    plot.show_models([installed(*file) for file in FILES])
    plot.show()
    qtbot.waitUntil(lambda: plot.plot is not None and len(names(plot)) == len(FILES), timeout=30_000)
    plot.resize(width, 200)
    view = plot.plot.getViewBox()
    qtbot.waitUntil(lambda: view.width() < width, timeout=30_000)

    def is_whole() -> bool:
        area = view.sceneBoundingRect()
        places = list(names(plot).values())
        inside = all(area.contains(place) for place in places)
        return inside and not any(one.intersects(other) for one, other in combinations(places, 2))

    qtbot.waitUntil(is_whole, timeout=30_000)


def test_the_ends_of_bars_are_as_wide_in_any_window(qtbot: QtBot, qapp: QApplication) -> None:
    """No name is reached by the bar of its own point."""
    plot = QualityPlot(Theme(qapp, "light"), PlotLibrary(Bridge(lambda error: None)))
    qtbot.addWidget(plot)
    plot.resize(420, 200)
    plot.show_models([installed(*file) for file in FILES])
    plot.show()
    qtbot.waitUntil(lambda: plot.plot is not None and len(names(plot)) == len(FILES), timeout=30_000)
    view = plot.plot.getViewBox()
    [bars] = [item for item in plot.plot.items() if isinstance(item, plot.pyqtgraph.ErrorBarItem)]

    def beam_px() -> float:
        left, right = view.viewRange()[0]
        return float(bars.opts["beam"] / (right - left) * view.width())

    for width in (420, 1000):
        plot.resize(width, 200)
        qtbot.waitUntil(lambda: abs(beam_px() - BEAM_PX) < 0.1, timeout=30_000)
    qtbot.waitUntil(lambda: view.width() > 800, timeout=30_000)
    assert abs(beam_px() - BEAM_PX) < 0.1
