"""Quality that quantising cost: the card alone, and the Models tab's part that measures."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import qasync
from PySide6.QtWidgets import QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.acquire.measurer import Measurer
from app.base.children import child_command
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.models.list.model_rows import ModelRow
from app.ui.models.quality.model_quality import ModelQuality
from app.ui.models.quality.quality_card import QualityCard
from app.ui.models.quality.quality_plot import QualityPlot
from app.ui.models.quality.quality_table import LOSS, SAME_TOP
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext
from converters.quality import measuring_client
from models.store.manifest import BuiltFile
from models.store.store import InstalledModel, ModelStore
from models.system.progress import Progress
from tests.support.event_loop import run_step
from tests.support.make_quality_reference import TEXT, build_small_model
from tests.support.qualities import made_up_quality
from tests.support.waiting import until
from tests.support.widgets import double_click, seen_button

MODELS = [
    InstalledModel("A", "Q4_0", Path("q4.gguf"), 1, quality=made_up_quality(3.5, bytes=90_000_000)),
    InstalledModel("A", "Q8_0", Path("q8.gguf"), 2, quality=made_up_quality(0.1, bytes=144_000_000)),
    InstalledModel("A", "Q6_K", Path("q6.gguf"), 2),
]


@pytest.fixture
def card(qtbot: QtBot, theme: Theme) -> QualityCard:
    card = QualityCard(theme, PlotLibrary(Bridge(lambda error: None)))
    qtbot.addWidget(card)
    card.resize(900, 600)
    card.show()
    return card


def texts(card: QWidget) -> str:
    return "\n".join(made.text() for made in card.findChildren(QLabel) if made.isVisibleTo(card))


def visible_button(card: QWidget) -> QPushButton:
    [found] = [made for made in card.findChildren(QPushButton) if made.isVisibleTo(card)]
    return found


def test_it_says_what_it_cost_in_plain_words(card: QualityCard) -> None:
    card.show_models(MODELS, 2.3, possible=True, download_bytes=0)
    assert "Q4_0 answers the same next word as BF16 97.1% of the time (± 0.5), at 33% of its size." in texts(
        card
    )
    assert "The perplexity of Q4_0 grows by more than the 2.3% that you allow." in texts(card)
    assert "4,080 tokens of a text" in texts(card)
    # What that is for answers stands beside it.
    assert "Some sentences are worded otherwise" not in texts(card)
    assert texts(card).count("A difference in its answers is hard to notice.") == 2
    assert visible_button(card).text() == "Measure again"
    assert card.table.rowCount() == 2
    cells = [card.table.data(card.table.index(1, column)) for column in range(card.table.columnCount())]
    assert "120 (60.0)" in cells
    assert not any("e-" in cell for cell in cells)
    assert card.table.data(card.table.index(0, 0)) == "Q8_0"
    assert card.table.data(card.table.index(1, SAME_TOP)) == "97.1% ± 0.5"
    assert card.table.data(card.table.index(1, LOSS)).startswith("+3.50% ±")


def test_a_loss_within_the_limit_is_no_warning(card: QualityCard) -> None:
    card.show_models(MODELS, 5.0, possible=True, download_bytes=0)
    assert "that you allow" not in texts(card)


@pytest.mark.parametrize(
    ("possible", "download_bytes", "text", "action"),
    [
        (True, 0, "Not measured yet. This model and its original read the same text", "Measure"),
        (True, 3_550_000_000, "is downloaded for that", "Measure · 3.5 GB to download"),
        (False, 0, "neither here nor known where to get", "Measure"),
    ],
)
def test_where_nothing_is_measured_it_says_what_that_takes(
    possible: bool, download_bytes: int, text: str, action: str, card: QualityCard
) -> None:
    card.show_models(MODELS[2:], 2.3, possible=possible, download_bytes=download_bytes)
    assert text in texts(card)
    assert visible_button(card).text() == action
    assert visible_button(card).isEnabled() == possible


def test_progress_says_how_long_it_takes_and_can_be_stopped(card: QualityCard, qtbot: QtBot) -> None:
    card.show_models(MODELS, 2.3, possible=True, download_bytes=0)
    card.show_progress(Progress("measure", 0, 0, unit="tokens"))
    assert "working out how long it takes" in texts(card)
    card.show_progress(Progress("measure", 512, 2048, remaining_s=200, unit="tokens"))
    assert "3 min 20 s left" in texts(card)
    with qtbot.waitSignal(card.cancel_asked):
        visible_button(card).click()
    card.show_progress(None)
    assert visible_button(card).text() == "Measure again"


class Desk:
    """A store with a real small model, and the part of the tab that measures it."""

    def __init__(self, qtbot: QtBot, theme: Theme, root: Path) -> None:
        self.errors: list[BaseException] = []
        self.bridge = Bridge(self.errors.append)
        self.store = ModelStore(root / "models")
        files = build_small_model(root)
        new = [BuiltFile(kind, files[kind], "ab", files[kind].stat().st_size) for kind in ("BF16", "Q4_0")]
        self.store.add("small", new)
        self.host = QWidget()
        qtbot.addWidget(self.host)
        self.notices = Notices(self.host, lambda: "")

        def no_hub() -> Any:
            raise AssertionError("everything is here")

        ui = UiContext(
            None,  # type: ignore[arg-type]  # nothing here asks an engine
            SettingsFile(root / "settings.json"),
            theme,
            self.bridge,
            self.notices,
            PlotLibrary(self.bridge),
        )
        self.quality = ModelQuality(ui, Measurer(self.store, no_hub, child_command("measure")), self.host)
        self.quality.measured.connect(self.show)
        self.show()

    def show(self) -> None:
        models = self.store.listing().models
        self.quality.show_row(ModelRow("disk:small", "small", None, models, None))


@pytest.fixture
def desk(qtbot: QtBot, theme: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(measuring_client, "held_out_text", lambda: TEXT)
    return Desk(qtbot, theme, tmp_path)


def run(loop: qasync.QEventLoop, work: Coroutine[Any, Any, None]) -> None:
    run_step(loop, work, 250)


def test_measuring_fills_the_card_and_the_manifest(loop: qasync.QEventLoop, desk: Desk) -> None:
    async def scene() -> None:
        visible_button(desk.quality.card).click()
        await until(lambda: "same next word" in texts(desk.quality.card) or bool(desk.errors))

    run(loop, scene())
    assert not desk.errors
    [known] = [model for model in desk.store.listing().models if model.type == "Q4_0"]
    assert known.quality is not None
    assert known.quality.reference == "BF16"
    assert "Q4_0 answers the same next word as BF16" in texts(desk.quality.card)


def test_cancel_is_silent_and_leaves_nothing(loop: qasync.QEventLoop, desk: Desk) -> None:
    async def scene() -> None:
        visible_button(desk.quality.card).click()
        await asyncio.sleep(0)
        visible_button(desk.quality.card).click()
        await until(lambda: visible_button(desk.quality.card).text() == "Measure")

    run(loop, scene())
    assert not desk.errors
    assert all(model.quality is None for model in desk.store.listing().models)


def test_a_build_that_lost_more_than_allowed_is_told(desk: Desk) -> None:
    desk.quality.warn((MODELS[0], MODELS[1]))
    told = (
        "The perplexity of A Q4_0 is 3.5% higher than its original's, more than the 2.3% that you allow. "
        "A larger size stays closer to it."
    )
    assert told in texts(desk.notices)


def test_a_line_goes_through_the_mixtures_that_were_chosen_for_a_size(
    loop: qasync.QEventLoop, qtbot: QtBot, theme: Theme
) -> None:
    mixtures = [
        InstalledModel("A", kind, Path(f"{size}.gguf"), 2, quality=made_up_quality(bytes=size, kld_mean=loss))
        for kind, size, loss in (("MIX_120M", 120_000_000, 0.01), ("MIX_100M", 100_000_000, 0.03))
    ]
    plot = QualityPlot(theme, PlotLibrary(Bridge(pytest.fail)))
    qtbot.addWidget(plot)
    plot.resize(700, 300)
    plot.show_models([*MODELS, *mixtures])
    plot.show()
    run(loop, until(lambda: plot.plot is not None, "the plot"))
    [line] = [item for item in plot.plot.getPlotItem().items if type(item) is plot.pyqtgraph.PlotCurveItem]
    x, y = line.getData()
    assert (list(x), list(y)) == ([0.1, 0.12], [0.03, 0.01])
    plot.show_models(MODELS)
    x, _ = line.getData()
    assert x is None or not len(x)


def test_a_double_click_on_measure_does_not_cancel_it(card: QualityCard) -> None:
    card.show_models(MODELS, 2.3, possible=True, download_bytes=0)
    told: list[str] = []
    card.measure_asked.connect(
        lambda: (told.append("measure"), card.show_progress(Progress("measure", 0, 9)))
    )
    card.cancel_asked.connect(lambda: told.append("cancel"))
    double_click(seen_button(card, "Measure again"))
    assert told == ["measure"]
