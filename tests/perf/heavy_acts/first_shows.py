"""Pages and dialogs that are made, as they are first shown."""

from app.bootstrap import StillroomCore
from app.ui.load_settings.load_settings_dialog import LoadSettingsDialog
from app.ui.settings.settings_dialog import SettingsDialog, SettingsPage
from tests.perf.heavy_acts.desk import Act, Desk, Place
from tests.support.waiting import until

PAGES: tuple[SettingsPage, ...] = (
    "this computer",
    "models folder",
    "hugging face",
    "other computers",
    "servers elsewhere",
    "about",
)


def acts(desk: Desk) -> dict[str, Act]:
    """Show each once; those of the settings one after the other in the dialog that is open."""
    dialogs = desk.application.dialogs

    def page_shown(page: SettingsPage) -> None:
        dialog = desk.window.findChild(SettingsDialog)
        assert dialog is not None
        dialog.show_page(page)

    def settings_closed() -> None:
        dialog = desk.window.findChild(SettingsDialog)
        assert dialog is not None
        dialog.close()

    def chat() -> None:
        for each in desk.window.findChildren(LoadSettingsDialog):
            each.close()
        desk.window.show_page("chat")

    async def language() -> None:
        before = desk.window
        desk.change(language="zh_CN")
        await until(lambda: desk.window is not before, "the other window", 20)

    return {
        "models, first": lambda: desk.click("Models"),
        "code, first": lambda: desk.click("Code"),
        "benchmark, first": lambda: desk.click("Benchmark"),
        "quality, first": lambda: desk.click("Quality"),
        "drift, first": lambda: desk.click("Drift"),
        "settings, first": desk.window.settings_asked.emit,
        **{f"settings, {page}": lambda page=page: page_shown(page) for page in PAGES},  # type: ignore[misc] # the default binds each page
        "settings, closed": settings_closed,
        "settings, again": desk.window.settings_asked.emit,
        "settings, closed again": settings_closed,
        "load settings": desk.window.load_settings_asked.emit,
        "chat, again": chat,
        "filter": lambda: desk.trigger("Input filter"),
        "audit log": lambda: desk.trigger("Audit log"),
        "local API": lambda: desk.trigger("Local API"),
        "make room": lambda: dialogs.open_make_room(),
        "palette": desk.application.commands.open_palette,
        "shortcuts": desk.application.commands.open_shortcuts,
        "theme": lambda: desk.change(theme="dark"),
        "theme, back": lambda: desk.change(theme="light"),
        "text larger": lambda: desk.change(zoom_percent=125),
        "language": language,
    }


def _prepare(core: StillroomCore) -> None:
    """Add nothing: the home is new."""


PLACE = Place(_prepare, acts)
