"""A window that gets a model and loads it, over and over: `python -m tests.support.get_child SEED`.

In `STILLROOM_HOME`, from the hub of `HF_ENDPOINT`, which serves each repository of the catalogue. First it
compares what is shown of the recommended model with what is on the disk, goes on with what an earlier run
left, loads the model, compares, deletes it and compares; then it does all of it "again" and waits. The Models
tab is opened at once, or once what an earlier run left has come to its end, by SEED. It prints a line for
each step ("step") and for each comparison ("agrees" or "differs", with what was seen as JSON), and ends by a
kill.
"""

import asyncio
import json
import random
import sys
from dataclasses import asdict, dataclass

from PySide6.QtWidgets import QLabel, QPushButton

from app.acquire.jobs import JobView
from app.base.shutdown import end_at_once
from app.bootstrap import build_core
from app.engine.protocol import LoadSettings
from app.machine import measurements
from app.machine.memory_speed import SpeedReading
from app.ui.models.job_card import JobCard
from app.ui.models.list.models_table import ON_DISK
from app.ui.models.models_tab import ModelsTab
from app.ui.shell import program
from app.ui.shell.window_application import WindowApplication
from app.window_bootstrap import program_parts
from models.catalogue.catalogue import CatalogueModel, catalogue
from models.store.store import InstalledModel
from models.system.notices import NoticeInbox
from tests.support.waiting import until
from tests.support.widgets import all_seen

MEMORY_BYTES_PER_S = 47e9
"""Not measured anew in each home: it says which model is recommended."""

AGREES_S = 20.0
LOAD = LoadSettings(context_tokens=512, batch_tokens=32, threads=1)


@dataclass(frozen=True)
class Shown:
    """The words of each part of the window for the model, and what is on the disk."""

    on_disk: list[str]
    jobs: list[str]
    table: str
    cards: list[str]
    recommendation: str
    picker: list[str]

    @property
    def agrees(self) -> bool:
        goes_on = any(state in ("waiting", "running") for state in self.jobs)
        has_stopped = any(state in ("paused", "failed") for state in self.jobs)
        states = {"On its way": goes_on, "Stopped": has_stopped and not goes_on}
        return (
            all(kind in self.table for kind in self.on_disk)
            and (("getting" in self.table) == goes_on)
            and len(self.cards) == len(self.jobs)
            and not any("Done" in card for card in self.cards)
            and self.picker == self.on_disk
            and all((self.recommendation == words) == is_so for words, is_so in states.items())
            and (bool(self.jobs) or self.recommendation in (("Load", "Loaded") if self.on_disk else ("Get",)))
        )


class Getting:
    """Gets and compares."""

    def __init__(self, application: WindowApplication) -> None:
        self._application = application
        self._parts = application.parts

    @property
    def tab(self) -> ModelsTab:
        tab = self._application.window.content_of("models")
        assert isinstance(tab, ModelsTab)
        return tab

    def open_tab(self) -> None:
        self._application.window.show_page("models")

    def wanted(self) -> tuple[CatalogueModel, str] | None:
        """The model and the type that the recommendation names, once it does."""
        name, _, kind = _title(self.tab).partition(" · ")
        return next(((model, kind) for model in catalogue() if model.title == name and kind), None)

    def shown(self, model: CatalogueModel, kind: str) -> Shown:
        parts, tab = self._parts, self.tab
        row = tab.table.number_of(model.key)
        folder = parts.store.folder_of(model.name)
        menu = self._application.window.picker.menu()
        menu.aboutToShow.emit()
        picked = [action.text().partition("\t")[0] for action in menu.actions()]
        return Shown(
            sorted(file.stem for file in folder.glob("*.gguf"))
            if (folder / "manifest.json").exists()
            else [],
            [view.state for view in parts.jobs.jobs() if view.title == model.name and view.state != "done"],
            str(tab.table.data(tab.table.index(row, ON_DISK))),
            [" ".join(label.text() for label in all_seen(card, QLabel)) for card in _cards(tab)],
            _state(tab),
            sorted(text.rpartition(" · ")[2] for text in picked if text.startswith(f"{model.name} · ")),
        )

    async def compare(self, model: CatalogueModel, kind: str) -> None:
        """Say whether all agree; what is on its way to the screen may take a moment."""
        self.open_tab()
        try:
            await until(lambda: self.shown(model, kind).agrees, "agreement", AGREES_S, 0.05)
        except TimeoutError:
            tell("differs", asdict(self.shown(model, kind)))
        else:
            tell("agrees", asdict(self.shown(model, kind)))

    async def get(self, model: CatalogueModel, kind: str) -> InstalledModel:
        jobs = self._parts.jobs
        if not jobs.jobs() and not self._parts.store.find(model.key, kind):
            jobs.add(model.key, [kind])
        await until(lambda: self._parts.store.find(model.key, kind), "the model", 300)
        await until(lambda: all(view.state == "done" for view in jobs.jobs()), "the job's end", 60)
        return self._parts.store.find(model.key, kind)[0]


def _tell_of(view: JobView) -> None:
    progress = view.progress
    tell("step", [view.state] if progress is None else [progress.stage, progress.done, progress.total])


def _cards(tab: ModelsTab) -> list[JobCard]:
    return [card for card in tab.findChildren(JobCard) if card.isVisibleTo(tab)]


def _title(tab: ModelsTab) -> str:
    labels = [label.text() for label in all_seen(tab.recommendation, QLabel)]
    return next((text for text in labels if " · " in text), "")


def _state(tab: ModelsTab) -> str:
    """Read what the recommendation offers or says."""
    buttons = [button for button in all_seen(tab.recommendation, QPushButton) if not button.isCheckable()]
    texts = [button.text().partition(" ")[0] for button in buttons]
    labels = [label.text() for label in all_seen(tab.recommendation, QLabel)]
    return next((text for text in labels if text in ("On its way", "Stopped", "Loaded")), "".join(texts))


def tell(what: str, value: object) -> None:
    print(what, json.dumps(value), flush=True)


async def scene(application: WindowApplication, opens_late: bool) -> None:
    getting = Getting(application)
    wanted: list[tuple[CatalogueModel, str]] = []
    if opens_late:
        jobs = application.parts.jobs
        await until(lambda: application.session.ready is not None, "the engine")
        await until(lambda: all(view.state == "done" for view in jobs.jobs()), "the end of what goes on", 300)
    getting.open_tab()
    await until(lambda: wanted or wanted.extend(filter(None, [getting.wanted()])), "the recommendation")
    await getting.compare(*wanted[0])
    model, kind = wanted[0]
    application.parts.jobs.observe(_tell_of)
    installed = await get_and_load(application, getting, model, kind)
    await getting.compare(model, kind)
    await application.session.unload(str(installed.path))
    await asyncio.to_thread(application.parts.store.erase, installed)
    getting.tab.reload()
    await getting.compare(model, kind)
    tell("again", None)
    await get_and_load(application, getting, model, kind)
    await asyncio.sleep(600)


async def get_and_load(
    application: WindowApplication, getting: Getting, model: CatalogueModel, kind: str
) -> InstalledModel:
    installed = await getting.get(model, kind)
    tell("step", ["got"])
    load = asyncio.ensure_future(application.session.load(installed.path, LOAD, installed.name))
    await until(
        lambda: load.done() or bool(application.session.loading_path), "the load's start", turn_s=0.002
    )
    tell("step", ["loading"])
    await load
    tell("step", ["loaded"])
    return installed


def main() -> None:
    opens_late = random.Random(int(sys.argv[1])).random() < 0.5
    measurements.read_memory_speed = lambda threads: SpeedReading(MEMORY_BYTES_PER_S, is_quiet=True)
    core = build_core()
    core.settings.update(first_run_over=True, load=LOAD)
    told = NoticeInbox()
    kept: list[asyncio.Future[None]] = []

    def begin(application: WindowApplication) -> None:
        kept.append(asyncio.ensure_future(scene(application, opens_late)))

    end_at_once(program.run_window(lambda: program_parts(core, told), core.paths.data, (), begin))


if __name__ == "__main__":
    main()
