"""Pictures of the window: `python -m tests.support.screenshots FOLDER`, or `--ask QUESTION FILE` for one.

The window, its engine, its benchmark, its runs and its build are real. The chats with thinking, with a
document and with more than the context holds are written examples (`written_chats.py`), because the starter
model does not think: they have no speed under them.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QApplication, QDialog, QTableView

from app.base.paths import app_paths
from app.chat.store.records import Conversation
from app.chat.store.store import ChatStore
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.frame.run_history_view import RunHistoryView
from app.ui.benchmark.quality.quality_comparison import QualityComparisonCard
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.chat.chat_tab import ChatTab
from app.ui.code.code_tab import CodeTab
from app.ui.reply.reply_view import ReplyView
from app.ui.shell.window_application import WindowApplication
from models.catalogue.starter import starter_file
from tests.end2end.main_job import REPO
from tests.support.checkpoints import rebuild_starter
from tests.support.hub import LoopbackHub
from tests.support.kept_runs import keep_runs
from tests.support.waiting import until
from tests.support.window import ask, grab, run_with_window, settle
from tests.support.written_chats import STORY_NEXT, handbook, write_chats

SIZE = (1420, 880)
SLOW_BYTES_PER_S = 12e6
COLOURS = 255
FIX_CHARACTERS = 300
SCENES = ("chat", "code", "benchmark", "quality", "models", "settings")

CODE = '''"""Durations such as 1h30m."""

import re

UNITS = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> int:
    """Seconds in '1h30m', '45s', ..."""
    total = 0
    for number, unit in re.findall(r"(\\d+)([hms])", text):
        total += int(number) * UNITS[unit]
    return total
'''

CODE_TESTS = """import pytest

assert parse_duration("1h30m") == 5400
assert parse_duration("45s") == 45


def test_junk_is_refused():
    with pytest.raises(ValueError):
        parse_duration("abc")
"""

STRICTER = """    if not re.fullmatch(r"(\\d+[hms])+", text):
        raise ValueError(f"not a duration: {text!r}")
    total = 0
"""


def take_answer(question: str, path: Path) -> None:
    """Ask in the chat and save the whole window."""

    async def scene(application: WindowApplication) -> None:
        await ask(application, question)
        await settle()
        grab(application.window, path)

    run_with_window(scene)


class Album:
    """Where the pictures go, and the language of their names: "code-dark.png", "code-zh-dark.png"."""

    def __init__(self, application: WindowApplication, folder: Path, language: str = "") -> None:
        self.application = application
        self._folder = folder
        self._language = language

    async def take(self, name: str, dialog: QDialog | None = None) -> None:
        """The window, with a dialog in front of it, in both themes."""
        for theme in ("dark", "light"):
            self.application.parts.settings.update(theme=theme)
            await self._changed()
            await settle()
            self.take_one(f"{name}-{theme}", dialog)

    async def _changed(self) -> None:
        """Wait for the end of a change of the theme or the size, which takes longer on a busy machine."""
        for window in QApplication.topLevelWidgets():
            if window.isVisible():
                await until(window.updatesEnabled, "the theme")

    def take_one(self, name: str, dialog: QDialog | None = None) -> None:
        """The window as it is."""
        window = self.application.window
        *words, theme = name.split("-")
        path = self._folder / f"{'-'.join([*words, *filter(None, [self._language]), theme])}.png"
        picture = window.grab()
        if dialog is not None:
            painter = QPainter(picture)
            place = QRect(window.mapFromGlobal(dialog.mapToGlobal(QPoint(0, 0))), dialog.size())
            painter.drawPixmap(place.topLeft(), dialog.grab())
            # What a desktop's own frame would show.
            painter.setPen(dialog.palette().color(QPalette.ColorRole.Mid))
            painter.drawRect(place)
            painter.end()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not picture.save(str(path)):
            raise OSError(f"could not write {path}")
        shrink(path)


def shrink(path: Path) -> None:
    """A third of the size in as many colours as a window has, where ImageMagick is there."""
    if shutil.which("convert"):
        subprocess.run(
            ["convert", path, "+dither", "-colors", str(COLOURS), "-strip", f"png8:{path}"], check=True
        )


def take_all(folder: Path, only: Sequence[str] = SCENES, size: tuple[int, int] = SIZE) -> None:
    """The pictures of the documentation in both themes and languages, from an empty home of its own.

    `size` is that of the window, in pixels.
    """
    starter = starter_file()
    assert starter is not None, "the starter model is installed by `make`"
    with tempfile.TemporaryDirectory() as home, LoopbackHub(bytes_per_s=SLOW_BYTES_PER_S) as hub:
        hub.add(REPO, rebuild_starter(starter, Path(home) / "checkpoint", shards=2))
        os.environ |= {"STILLROOM_HOME": f"{home}/stillroom", "HF_ENDPOINT": hub.endpoint}
        store = ChatStore(app_paths().chats)
        chats = write_chats(store)
        store.close()
        if "quality" in only:
            keep_runs(Path(home) / "stillroom")
        paper = Path(home) / "handbook.md"
        paper.write_text(handbook(), encoding="utf-8")

        async def scenes(application: WindowApplication) -> None:
            application.window.resize(*size)
            await until(lambda: application.session.info is not None, "the starter model")
            for language, name in (("en", ""), ("zh_CN", "zh")):
                application.parts.settings.update(language=language)
                await settle(60)
                application.window.resize(*size)
                album = Album(application, folder, name)
                for scene in only:
                    match scene:
                        case "chat":
                            await take_chat(album, chats, paper)
                            await take_commands(album)
                        case "code":
                            await take_code(album)
                        case "benchmark":
                            await take_benchmark(album)
                        case "quality":
                            await take_quality(album)
                        case "models":
                            await take_models(album)
                        case "settings":
                            await take_settings(album)

        run_with_window(scenes)


async def take_chat(album: Album, chats: dict[str, Conversation], paper: Path) -> None:
    """The first run, thinking folded and open, a document with its passages, what outgrows the context."""
    tab = album.application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    tab.open_chat(None)
    await settle(100)
    await album.take("first-run")
    tab.open_chat(chats["series"].id)
    await settle()
    tab.conversation.verticalScrollBar().setValue(0)
    await album.take("chat")
    for view in tab.findChildren(ReplyView):
        view.thinking.set_open(True)
    await settle()
    tab.conversation.verticalScrollBar().setValue(0)
    await album.take("chat-thinking")
    tab.composer.settings.setChecked(True)
    await album.take("chat-behaviour")
    tab.composer.settings.setChecked(False)
    tab.open_chat(chats["handbook"].id)
    if not tab.attachments.waiting:
        await tab.attachments.attach([paper])
    tab.composer.set_text("And in Vienna?")
    await until(lambda: bool(tab.composer.meter.text), "the tokens")
    await album.take("chat-document")
    tab.open_chat(chats["story"].id)
    tab.composer.set_text(STORY_NEXT)
    await until(lambda: bool(tab.conversation.left_out), "what does not fit")
    seen = [
        widget for message, widget in tab.conversation.shown() if message.id not in tab.conversation.left_out
    ]
    tab.conversation.go_to(seen[0])
    bar = tab.conversation.verticalScrollBar()
    bar.setValue(bar.value() - 180)
    await album.take("context-choice")
    tab.composer.set_text("")
    tab.open_chat(None)
    await ask(album.application, "Explain how rainbows form, in three sentences.")
    await album.take("chat-reply")
    await take_comparison(album)


async def take_comparison(album: Album) -> None:
    """One question, answered in two ways by the only model that is there."""
    tab = album.application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    tab.open_chat(None)
    tab.composer.set_text("Name three things that make a good lighthouse.")
    tab.comparison.open()
    dialog = tab.comparison.dialog
    assert dialog is not None
    dialog.start()
    await until(lambda: all(column.can_be_kept for column in dialog.columns), "the answers")
    await album.take("chat-compare", dialog)
    dialog.reject()
    await until(lambda: tab.comparison.dialog is None, "the end of the dialog")


async def take_commands(album: Album) -> None:
    """The command palette in front of the chat."""
    dialog = album.application.commands.open_palette()
    await settle()
    await album.take("commands", dialog)
    dialog.close()
    sheet = album.application.commands.open_shortcuts()
    await settle()
    await album.take("shortcuts", sheet)
    sheet.close()


async def take_code(album: Album) -> None:
    """The editor with code in it, its tests after they were run, and a written change to accept."""
    tab = album.application.window.show_page("code")
    assert isinstance(tab, CodeTab)
    await settle()
    if tab.editor.text() != CODE:
        tab.take_code(CODE, "python")
        await until(lambda: tab.editor.text() == CODE, "the code")
    if CODE_TESTS.strip() not in tab.run_card.tests.text():
        tab.run_card.take_tests(CODE_TESTS, "python")
    tab.run_card.test_button.click()
    await until(lambda: bool(tab.run_card.problem), "the tests")
    await album.take("code")
    tab.card.propose(CODE.replace("    total = 0\n", STRICTER))
    await album.take("code-changes")
    tab.card.proposal_view.left.emit()
    # What the starter model makes of the failed test, in its first round.
    tab.run_card.fix_button.click()
    await until(
        lambda: any(len(each.reply.answer) > FIX_CHARACTERS for each in tab.conversation.exchanges), "code"
    )
    await album.take("code-fix")
    tab.fixer.stop()
    await until(lambda: not tab.fixer.running, "the end of the round")


async def take_benchmark(album: Album) -> None:
    """A benchmark of the starter model, before, meanwhile and after."""
    application = album.application
    tab = application.window.show_page("benchmark")
    assert isinstance(tab, BenchmarkTab)
    await settle()
    if not application.parts.benchmarks.reports():
        tab.run()
        await until(lambda: bool(application.session.reserved_for), "the benchmark's start")
        await settle(200)
        album.take_one("benchmark-running-light")
        await until(lambda: not application.session.reserved_for, "the benchmark's end", 900)
    await album.take("benchmark")


async def take_quality(album: Album) -> None:
    """The newest quality run, it and the others side by side, and the newest check for drift."""
    application = album.application
    tab = application.window.show_page("benchmark")
    assert isinstance(tab, BenchmarkTab)
    tab.show_page("quality")
    page = tab.findChild(QualityPage)
    assert page is not None
    await settle()
    page.verticalScrollBar().setValue(0)
    await album.take("quality")
    history, card = page.findChild(RunHistoryView), page.findChild(QualityComparisonCard)
    assert history is not None
    assert card is not None
    table = history.findChild(QTableView)
    assert table is not None
    table.selectAll()
    history.compare_asked.emit()
    await until(card.isVisible, "the comparison")
    await album.take("quality-comparison")
    card.closed.emit()
    tab.show_page("drift")
    await album.take("drift")


async def take_models(album: Album) -> None:
    """The catalogue, and a build while its weights are being downloaded."""
    application = album.application
    application.window.show_page("models")
    await album.take("models")
    job = application.parts.jobs.add(REPO, ["Q4_K_M", "Q8_0"])
    await until(
        lambda: any(view.progress.done > 40e6 for view in application.parts.jobs.jobs() if view.progress),
        "the download",
    )
    await album.take("models-building")
    application.parts.jobs.cancel(job.id)


async def take_settings(album: Album) -> None:
    """The settings, and the page about this computer."""
    dialog = album.application.dialogs.open_settings_page("this computer")
    await settle(150)
    album.take_one("doctor-light", dialog)
    dialog.show_page("general")
    await settle()
    album.take_one("settings-light", dialog)
    dialog.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("scenes", nargs="*", default=list(SCENES), help=" ".join(SCENES))
    parser.add_argument("--ask", default="")
    parser.add_argument("--size", default="x".join(map(str, SIZE)), help="WIDTHxHEIGHT of the window")
    arguments = parser.parse_args()
    if arguments.ask:
        take_answer(arguments.ask, arguments.target)
    else:
        width, height = map(int, arguments.size.split("x"))
        # The runs to compare need a second model, which the other pictures are not to show.
        for scenes in ([s for s in arguments.scenes if s != "quality"], ["quality"]):
            if set(scenes) & set(arguments.scenes):
                take_all(arguments.target, scenes, (width, height))


if __name__ == "__main__":
    main()
