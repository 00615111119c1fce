"""A Models tab with 200 models on the disk."""

import shutil

from PySide6.QtWidgets import QScrollArea, QTableView

from app.bootstrap import StillroomCore
from app.ui.models.list.models_view import ModelsView
from app.ui.models.models_tab import ModelsTab
from app.ui.shell.commands.command_palette import CommandPalette
from tests.perf.heavy_acts.desk import Act, Desk, Place
from tests.support.tiny_gguf import write_tiny_gguf

MODELS = 200


def prepare(core: StillroomCore) -> None:
    """Put folders into the store, as they are copied there by hand."""
    root = core.store.root
    root.mkdir(parents=True, exist_ok=True)
    first = root / "tiny.gguf"
    write_tiny_gguf(first, 1 << 16)
    for number in range(MODELS):
        folder = root / f"somebody--Model-{number:03}-Instruct"
        folder.mkdir()
        for kind in ("Q4_K_M", "Q8_0"):
            shutil.copy(first, folder / f"Model-{number:03}-{kind}.gguf")
    first.unlink()


def acts(desk: Desk) -> dict[str, Act]:
    """Show the list, and choose in it."""

    def tab() -> ModelsTab:
        shown = desk.window.show_page("models")
        assert isinstance(shown, ModelsTab)
        return shown

    def view() -> QTableView:
        found = tab().findChild(ModelsView)
        assert found is not None
        return found

    def scroll(share: float) -> None:
        area: QScrollArea = tab()
        area.verticalScrollBar().setValue(round(share * area.verticalScrollBar().maximum()))

    def palette() -> CommandPalette:
        found = desk.window.findChild(CommandPalette)
        assert found is not None
        return found

    return {
        "models, first": lambda: desk.click("Models"),
        "models, scrolled": lambda: scroll(0.5),
        "models, the tenth": lambda: view().selectRow(10),
        "models, the hundredth": lambda: view().selectRow(100),
        "models, read again": lambda: tab().reload(),
        "models, theme": lambda: desk.change(theme="dark"),
        "models, theme back": lambda: desk.change(theme="light"),
        "models, all commands": desk.application.commands.open_palette,
        "models, commands closed": lambda: palette().reject(),
        "models, left": lambda: desk.window.show_page("chat"),
        "models, again": lambda: desk.click("Models"),
        "all commands": lambda: (desk.window.show_page("chat"), desk.application.commands.open_palette()),
        "commands closed": lambda: palette().reject(),
        "models, the menu": lambda: desk.window.picker.open_menu(),
        "models, the menu closed": lambda: desk.window.picker.menu().close(),
        "a question written": lambda: (desk.window.show_page("chat"), desk.field.setPlainText("Why?")),
        "models, compared": lambda: desk.tab.comparison.open(),
    }


PLACE = Place(prepare, acts)
