"""The Models tab in a window of 1000 by 700: nothing is cut off, and the page ends with its last card."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QCheckBox, QTableView

from app.base.paths import app_paths
from app.settings import SettingsFile
from app.ui.models.list.elided_parts_delegate import NameDelegate
from app.ui.models.list.models_table import HERE, MODEL, SCORE
from app.ui.models.models_tab import MARGIN_PX, ModelsTab
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.card import Card
from models.store.manifest import BuiltFile
from models.store.store import ModelStore
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.window import run_with_window, settle

PADDING_PX = 32
TYPES = ("Q3_K_M", "Q4_K_S", "Q4_K_M", "Q8_0", "BF16")


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_everything_of_the_models_is_seen(
    language: str, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    SettingsFile(app_paths().settings).update(language=language, first_run_over=True)
    files = []
    for kind in TYPES:
        write_tiny_gguf(tmp_path / f"{kind}.gguf")
        files.append(BuiltFile(kind, tmp_path / f"{kind}.gguf", "ab" * 32, 2 << 20))
    ModelStore(app_paths().models).add("somebody/model-with-a-name", files)

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1000, 700)
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        await until(lambda: tab.table.number_of("disk:somebody/model-with-a-name") >= 0, "the models")
        tab.select("r1-qwen-1.5b")
        for box in tab.detail.findChildren(QCheckBox):
            box.setChecked(True)
        await settle()
        page = tab.widget()
        assert page.minimumSizeHint().width() <= tab.viewport().width()
        view = tab.findChild(QTableView)
        assert view is not None
        for row in range(6):
            name, here = (tab.table.index(row, column) for column in (MODEL, HERE))
            assert view.sizeHintForIndex(name).width() <= view.columnWidth(MODEL), name.data()
            # Speed, memory and type; that it runs on the processor may be cut off, and of which type it is
            # that it is too large.
            figures = [part for part in here.data().split(" · ") if any(map(str.isdigit, part))][:3]
            if any(colon in here.data() for colon in ":："):
                figures = []
            told = view.fontMetrics().horizontalAdvance(" · ".join(figures)) if len(figures) > 1 else 0
            assert told + PADDING_PX <= view.columnWidth(HERE), here.data()
        # Of a name that has no room the owner goes first.
        own = tab.table.index(tab.table.number_of("disk:somebody/model-with-a-name"), MODEL)
        delegate = view.itemDelegateForIndex(own)
        assert isinstance(delegate, NameDelegate)
        room_px = view.columnWidth(MODEL) - PADDING_PX
        assert delegate.fitting(own.data(), view.fontMetrics(), room_px).endswith("model-with-a-name")
        last = max(
            card.mapTo(page, card.rect().bottomLeft()).y()
            for card in tab.findChildren(Card)
            if card.isVisible()
        )
        assert page.height() <= max(last + 2 * MARGIN_PX, tab.viewport().height())
        assert view.isColumnHidden(SCORE)
        application.window.resize(1440, 900)
        await settle()
        header = view.horizontalHeader()
        for column in range(header.count()):
            assert header.sectionSize(column) >= header.sectionSizeHint(column), "its title is read whole"

    run_with_window(scene)
