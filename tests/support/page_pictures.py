"""Pictures of all pages and their dialogs in one look, on a real display.

`python -m tests.support.page_pictures prepare HOME` makes the models and runs that they show, some minutes;
`python -m tests.support.page_pictures HOME FOLDER WIDTHxHEIGHT THEME LANGUAGE` takes them on `DISPLAY` with a
copy of that home; behind the language may stand the parts to take, of `PARTS`. Models,
hub, engine and figures are real; what lies on the hub is made of the starter's weights.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from PySide6.QtCore import QItemSelectionModel
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QPushButton,
    QScrollArea,
    QTableView,
    QWidget,
)

from app.base.paths import app_paths
from app.bench.drift.golden import golden_set
from app.bench.drift.store import DriftStore
from app.bench.quality.store import QualityStore
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import ModelFacts, Report, report_from_json
from app.bootstrap import build_core
from app.chat.store.store import ChatStore
from app.settings import SettingsFile
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.frame.run_history_view import RunHistoryView
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.models.models_tab import ModelsTab
from app.ui.shell.window_application import WindowApplication
from models.catalogue.starter import starter_file
from tests.support.camera import Camera
from tests.support.checkpoints import rebuild_starter
from tests.support.cli import ROOT, Cli
from tests.support.desk_pictures import take_chat, take_code, take_commands, take_replies
from tests.support.golden_runs import run as golden_run
from tests.support.golden_runs import several
from tests.support.hub import LoopbackHub
from tests.support.qualities import made_up_quality
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.window import run_with_window, settle
from tests.support.written_chats import handbook, write_chats
from tests.unit.app.bench.quality.test_comparison import RUN, maths, part, solved

REPO = "stillroom/starter-checkpoint"
SLOW_BYTES_PER_S = 6e6
PARTS = ("desk", "replies", "models", "benchmark", "dialogs")
LOSSES = {"Q3_K_M": 0.11, "Q4_K_M": 0.04, "Q4_K_S": 0.05, "Q8_0": 0.001}
"""Types of the model, and how much they lose."""
SELECT = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
CARDS = {
    "stillroom/tiny-GGUF": {
        "downloads": 120_345,
        "likes": 321,
        "tags": ["gguf", "license:mit"],
        "gguf": {"total": 1_500_000_000, "architecture": "qwen2", "context_length": 131_072},
    },
    "a-very-long-owner-of-models/tiny-model-with-a-name-that-goes-on-and-on-Instruct-GGUF": {
        "downloads": 1000,
        "likes": 30,
        "tags": ["gguf", "license:cc-by-nc-sa-4.0"],
        "gguf": {"total": 70_000_000_000, "architecture": "llama", "context_length": 8192},
    },
    "somebody/tiny-odd": {
        "tags": ["safetensors"],
        "config": {"architectures": ["BertModel"]},
        "safetensors": {"total": 100_000_000},
    },
}


@contextmanager
def small_hub(work: Path, bytes_per_s: float = 0.0) -> Iterator[LoopbackHub]:
    """The starter as original weights, and small files of other kinds."""
    starter = starter_file()
    assert starter is not None, "the starter model is installed by `make`"
    checkpoint = work / "checkpoint"
    if not checkpoint.is_dir():
        rebuild_starter(starter, checkpoint, shards=2)
    files = work / "files"
    files.mkdir(exist_ok=True)
    write_tiny_gguf(files / "tiny.Q8_0.gguf", 3 << 20)
    write_tiny_gguf(files / "tiny.Q4_K_M.gguf", 2 << 20)
    with LoopbackHub(bytes_per_s=bytes_per_s) as hub:
        hub.add(REPO, checkpoint).card = {
            "downloads": 52_000,
            "likes": 12,
            "tags": ["safetensors", "license:apache-2.0"],
            "config": {
                "architectures": json.loads((checkpoint / "config.json").read_text())["architectures"]
            },
            "safetensors": {"total": 135_000_000},
        }
        for name, card in CARDS.items():
            hub.add(name, files).card = dict(card)
        yield hub


def prepare(home: Path) -> None:
    """Make types of one model; its losses and runs are made up, speeds are those of docs/benchmark."""
    home.mkdir(parents=True, exist_ok=True)
    with small_hub(home / "hub") as hub:
        cli = Cli(home / "stillroom", hub.endpoint)
        types = [part for kind in LOSSES for part in ("--type", kind)]
        command = cli.command("build", REPO, *types, "--type", "BF16", "--imatrix", "off")
        subprocess.run(command, env=cli.environment(), cwd=ROOT, check=True)
    os.environ["STILLROOM_HOME"] = str(home / "stillroom")
    core = build_core()
    for model in core.store.find(REPO):
        if model.type in LOSSES:
            loss = LOSSES[model.type]
            quality = made_up_quality(
                20 * loss,
                text="WikiText-103 validation",
                bytes=model.bytes,
                kld_mean=loss,
                kld_mean_error=loss / 30,
                kld_p99=5 * loss,
                same_top=1 - loss,
            )
            core.store.record_quality(model, quality)
    real = report_from_json((ROOT / "docs" / "benchmark" / "starter.json").read_bytes())
    history = BenchmarkHistory(app_paths().benchmarks)
    sizes = {model.type: model.bytes for model in core.store.find(REPO)}
    for day, kind in enumerate([*LOSSES, *LOSSES], start=11):
        facts = msgspec.structs.replace(
            real.model,
            name=REPO,
            quantisation=kind,
            file=f"{kind}.gguf",
            size_bytes=sizes[kind],
            sha256=f"{sizes[kind]:064x}",
        )
        history.add(_slower(real, f"run-{day}", f"2026-11-{day}T09:30:00Z", facts))
    history.add(real)
    history.close()
    runs = QualityStore(app_paths().quality)
    for day, (kind, loss) in enumerate([*LOSSES.items(), ("Q3_K_M", 0.11)], start=11):
        facts = msgspec.structs.replace(real.model, name=REPO, quantisation=kind, file=f"{kind}.gguf")
        run = msgspec.structs.replace(
            RUN, id=f"quality-{day}", started_at=f"2026-11-{day}T10:00:00Z", model=facts, machine=real.machine
        )
        runs.begin(run, run.id)
        [answered] = solved(412)
        asked = [
            msgspec.structs.replace(each, turns=answered.turns)
            for each in maths("rwrrrwrrr"[day - 11 :] + "r" * 12)
        ]
        for result in [*asked, *part(3 + 10 * loss)]:
            runs.add(run.id, result)
        runs.end(run.id, run.started_at)
    runs.close()


def _slower(real: Report, run_id: str, started_at: str, facts: ModelFacts) -> Report:
    """The run of another file: as much slower as the file is larger."""
    share = real.model.size_bytes / facts.size_bytes
    measures = [
        msgspec.structs.replace(
            measure,
            samples=[
                msgspec.structs.replace(sample, value=sample.value * share) for sample in measure.samples
            ],
            mean=measure.mean * share,
            low=None if measure.low is None else measure.low * share,
            high=None if measure.high is None else measure.high * share,
        )
        if measure.unit == "tok/s"
        else measure
        for measure in real.measures
    ]
    return msgspec.structs.replace(real, id=run_id, started_at=started_at, model=facts, measures=measures)


def _keep_drift(path: Path) -> None:
    """Two checks of the model at `path`, whose answers differ."""
    checks = DriftStore(app_paths().drift)
    for day, text, tokens in ((12, "a b c", [1, 2, 3]), (13, "a b d", [1, 2, 4])):
        answers = [
            msgspec.structs.replace(answer, id=question.id, question=question.text, tokens=tokens)
            for answer, question in zip(several(text=text), golden_set(), strict=True)
        ]
        made = golden_run(f"drift-{day}", answers, f"2026-11-{day}T12:00:00Z")
        checks.add(msgspec.structs.replace(made, path=str(path), name=REPO, baseline_id="drift-12"))
    checks.close()


async def take_models(camera: Camera, hub: LoopbackHub) -> None:
    """The list, a model with types and losses, one to be got, the hub, a running job."""
    application = camera.application
    tab = application.window.show_page("models")
    assert isinstance(tab, ModelsTab)
    await settle(40)
    await camera.take_all("models", tab)
    rows = [tab.table.row(number) for number in range(tab.table.rowCount())]
    own = next(row.key for row in rows if row.installed and not row.installed[0].bundled)
    tab.select(own)
    for fold in tab.recommendation.findChildren(QPushButton):
        if fold.isCheckable():
            fold.setChecked(True)
    await camera.take_all("models-own", tab)
    tab.select("r1-qwen-1.5b")
    await settle()
    boxes = {box.text(): box for box in tab.detail.findChildren(QCheckBox)}
    for kind in ("Q4_K_M", "Q8_0"):
        boxes[kind].setChecked(True)
    tab.detail.size_choice.box.setChecked(True)
    await camera.take_all("models-get", tab)
    tab.verticalScrollBar().setValue(0)
    application.parts.settings.update(hub_mirror=hub.endpoint)
    tab.ensureWidgetVisible(tab.search)
    tab.search.field.setFocus()
    tab.search.field.setText("tiny")
    tab.search.field.returnPressed.emit()
    await until(lambda: len(tab.search.table.rows) == len(CARDS), "what is found")
    tab.ensureWidgetVisible(tab.search)
    await camera.take("hub-found")
    tab.search.view.setFocus()
    tab.search.view.selectRow(0)
    tab.search.view.activated.emit(tab.search.table.index(0, 0))
    await until(lambda: tab.search.panel.isVisible(), "the repository")
    await settle()
    tab.ensureWidgetVisible(tab.search.panel)
    await camera.take("hub-repository")
    tab.search.field.setText("zzzz")
    tab.search.field.returnPressed.emit()
    await settle(40)
    tab.ensureWidgetVisible(tab.search)
    await camera.take("hub-nothing")
    tab.add_card.field.setText("nobody/nothing-of-the-kind")
    tab.add_card.field.returnPressed.emit()
    await settle(60)
    tab.ensureWidgetVisible(tab.add_card)
    await camera.take("other-model-refused")
    job = application.parts.jobs.add(REPO, ["Q6_K", "Q5_K_M"])
    await until(
        lambda: any(view.progress and view.progress.done > 20e6 for view in application.parts.jobs.jobs()),
        "the download",
    )
    tab.verticalScrollBar().setValue(0)
    await camera.take("getting")
    application.parts.jobs.pause(job.id)
    await settle(40)
    await camera.take("getting-paused")
    application.parts.jobs.cancel(job.id)
    await settle(20)


async def compare_two(page: QWidget) -> None:
    """Choose the first two runs of a page's history and lay them side by side."""
    history = page.findChild(RunHistoryView)
    assert history is not None
    view = history.findChild(QTableView)
    assert view is not None
    for row in range(2):
        view.selectionModel().select(view.model().index(row, 0), SELECT)
    history.compare_asked.emit()
    await settle(20)


async def take_benchmark(camera: Camera) -> None:
    """The three pages with runs, a comparison, and a run that goes on."""
    application = camera.application
    tab = application.window.show_page("benchmark")
    assert isinstance(tab, BenchmarkTab)
    await settle(60)
    await camera.take_all("benchmark", tab.speed)
    await compare_two(tab.speed)
    await camera.take_all("benchmark-comparison", tab.speed)
    tab.show_page("quality")
    quality = tab.findChild(QualityPage)
    assert quality is not None
    await settle(40)
    await camera.take_all("quality", quality)
    await compare_two(quality)
    await camera.take_all("quality-comparison", quality)
    tab.show_page("drift")
    await settle(20)
    drift = next(area for area in tab.findChildren(QScrollArea) if area.isVisible())
    await camera.take_all("drift", drift)
    tab.show_page("speed")
    await until(lambda: application.session.info is not None, "the model")
    tab.run()
    await until(lambda: bool(application.session.reserved_for), "the benchmark")
    await settle(250)
    tab.speed.verticalScrollBar().setValue(0)
    await camera.take("benchmark-running")
    tab.speed.cancel()
    await until(lambda: not application.session.reserved_for, "its end")
    await settle(40)
    await camera.take("benchmark-stopped")


async def take_dialogs(camera: Camera) -> None:
    """Settings, load settings, filter, audit log, API, room on the disk; menus."""
    application = camera.application
    dialogs = application.dialogs
    await until(lambda: application.session.info is not None, "the model")
    settings = dialogs.open_settings_page("general")
    for name in settings.titles:
        settings.show_page(name)
        page = settings.page_of(name)
        await settle(10)
        if name == "this computer":
            await settle(400)
        area = page if isinstance(page, QScrollArea) else page.findChild(QScrollArea)
        called = f"settings-{name.replace(' ', '-')}"
        if isinstance(area, QScrollArea):
            await camera.take_all(called, area)
        else:
            await camera.take(called)
    settings.close()
    await settle()
    for name, open_it in (
        ("load-settings", dialogs.open_load_settings),
        ("filter", dialogs.open_filters),
        ("audit", dialogs.open_audit),
        ("api", dialogs.open_server),
        ("make-room", dialogs.open_make_room),
    ):
        made: QDialog = open_it()
        await settle(40)
        area = next((area for area in made.findChildren(QScrollArea) if area.isVisible()), None)
        if area is not None:
            await camera.take_all(f"dialog-{name}", area)
        else:
            await camera.take(f"dialog-{name}")
        made.close()
        await settle()
    picker = application.window.picker
    picker.open_menu()
    await camera.take("picker-menu")
    picker.menu().close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arguments", nargs="+")
    arguments: list[str] = parser.parse_args().arguments
    if arguments[0] == "prepare":
        prepare(Path(arguments[1]))
        return
    home, folder = Path(arguments[0]), Path(arguments[1])
    width, height = map(int, arguments[2].split("x"))
    theme, language = arguments[3:5]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        own = Path(work) / "home"
        shutil.copytree(home / "stillroom", own, copy_function=_link_models)
        os.environ["STILLROOM_HOME"] = str(own)
        with small_hub(home / "hub", SLOW_BYTES_PER_S) as hub:
            os.environ["HF_ENDPOINT"] = hub.endpoint
            SettingsFile(app_paths().settings).update(theme=theme, language=language, first_run_over=True)
            _keep_drift(app_paths().models / "stillroom--starter-checkpoint" / "Q3_K_M.gguf")
            store = ChatStore(app_paths().chats)
            chats = write_chats(store)
            store.close()
            paper = Path(work) / "handbook.md"
            paper.write_text(handbook(), encoding="utf-8")

            async def scene(application: WindowApplication) -> None:
                application.window.setGeometry(0, 0, width, height)
                await until(lambda: application.session.info is not None, "the model")
                camera = Camera(application, folder)
                for part in arguments[5:] or PARTS:
                    match part:
                        case "desk":
                            await take_chat(camera, chats, paper)
                            await take_code(camera)
                            await take_commands(camera)
                        case "replies":
                            await take_replies(camera)
                        case "models":
                            await take_models(camera, hub)
                        case "benchmark":
                            await take_benchmark(camera)
                        case "dialogs":
                            await take_dialogs(camera)

            run_with_window(scene)


def _link_models(source: str, target: str) -> None:
    if source.endswith(".gguf"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


if __name__ == "__main__":
    main()
