"""Searching the hub in the whole window, with a hub on loopback."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTableView, QWidget

from app.acquire.repository_offers import RepositoryOffers, offers
from app.machine.advisor import Advisor
from app.ui.models.models_tab import ModelsTab
from app.ui.shell.window_application import WindowApplication
from models.catalogue.catalogue import catalogue
from models.memory.fit import Memory
from tests.support.hub import LoopbackHub
from tests.support.pages.search_page import SearchPage
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import seen, seen_button, seen_words
from tests.support.window import run_with_window, settle

FILES = "somebody/tiny-GGUF"
WEIGHTS = "somebody/tiny-weights"
ODD = "somebody/tiny-odd"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("models.hub.hub_client.get_token", lambda: None)
    return tmp_path


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LoopbackHub]:
    files, weights = tmp_path / "files", tmp_path / "weights"
    files.mkdir()
    weights.mkdir()
    write_tiny_gguf(files / "tiny.Q8_0.gguf", 3 << 20)
    write_tiny_gguf(files / "tiny.Q4_K_M.gguf", 2 << 20)
    (weights / "config.json").write_text(json.dumps({"architectures": ["Qwen2ForCausalLM"]}))
    (weights / "tokenizer.json").write_text("{}")
    (weights / "model.safetensors").write_bytes(b"\0" * 100_000)
    with LoopbackHub() as server:
        server.add(FILES, files).card = {
            "downloads": 2000,
            "likes": 3,
            "tags": ["gguf", "license:mit"],
            "gguf": {"total": 1_500_000_000, "architecture": "llama", "context_length": 4096},
        }
        server.add(WEIGHTS, weights).card = {
            "downloads": 1000,
            "likes": 30,
            "tags": ["safetensors", "license:<b>evil</b>"],
            "config": {"architectures": ["Qwen2ForCausalLM"]},
            "safetensors": {"total": 7_000_000_000},
        }
        server.add(ODD, weights).card = {
            "tags": ["safetensors"],
            "config": {"architectures": ["BertModel"]},
            "safetensors": {"total": 100_000_000},
        }
        yield server


def open_search(application: WindowApplication, endpoint: str) -> SearchPage:
    application.parts.settings.update(hub_mirror=endpoint, first_run_over=True)
    tab = application.window.show_page("models")
    assert isinstance(tab, ModelsTab)
    tab.ensureWidgetVisible(tab.search)
    return SearchPage(tab.search)


def test_what_is_typed_is_found_with_its_facts(qapp: QApplication, hub: LoopbackHub) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        assert "is sent to Hugging Face, and nothing else" in page.words
        page.type("tiny")
        await until(lambda: len(page.found()) == 3, "the repositories")
        names = [row[0] for row in page.found()]
        assert names == [FILES, WEIGHTS, ODD]
        assert page.found()[0][1:5] == ["1.50 billion", "MIT", "2,000", "3"]
        assert page.found()[1][2] == "<b>evil</b>"
        await until(lambda: "About" in page.found()[0][5], "the verdict")
        assert page.found()[2][5] == "Its kind cannot be used"
        searches = [address for _, address, _ in hub.requests if "/api/models?" in address]
        assert len(searches) == 1

    run_with_window(scene)


def test_a_file_of_a_repository_is_chosen_and_got(qapp: QApplication, hub: LoopbackHub) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        page.type("tiny GGUF")
        await until(lambda: bool(page.found()), "the repository")
        page.open(FILES)
        await until(lambda: len(page.offered()) == 2, "its files")
        assert "licence: MIT" in page.words
        assert page.offered()[0][:2] == ["tiny.Q4_K_M.gguf", "finished file"]
        page.choose("tiny.Q8_0.gguf")
        page.press("Get Q8_0 · 3.1 MB to download")
        await until(lambda: bool(application.parts.store.find(FILES, "Q8_0")), "the model on the disk")

    run_with_window(scene)


def test_original_weights_are_made_into_a_chosen_type(qapp: QApplication, hub: LoopbackHub) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        page.type("tiny-weights")
        await until(lambda: bool(page.found()), "the repository")
        page.open(WEIGHTS)
        await until(lambda: bool(page.offered()), "its types")
        assert [row[0] for row in page.offered()][:1] == ["Q4_K_M"]
        page.choose("BF16")
        page.press("Get BF16 · 100 kB to download")
        await until(lambda: bool(application.parts.jobs.jobs()), "the job")
        [job] = application.parts.jobs.jobs()
        assert (job.model, job.types) == (WEIGHTS, ("BF16",))

    run_with_window(scene)


def test_liked_and_recent_ones_are_there_at_the_next_start(qapp: QApplication, hub: LoopbackHub) -> None:
    async def like(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        page.type("tiny")
        await until(lambda: len(page.found()) == 3, "the repositories")
        page.open(WEIGHTS)
        await until(lambda: bool(page.offered()), "its types")
        page.press("Like")
        await until(lambda: application.parts.settings.values.hub_liked == (WEIGHTS,), "the like")
        page.open(FILES)
        await until(lambda: page.offered()[0][0] == "tiny.Q4_K_M.gguf", "the other one")
        await until(lambda: application.parts.settings.values.hub_recent == (FILES, WEIGHTS), "both")

    async def look(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        assert "Liked, and opened lately" in page.words
        assert [row[0] for row in page.found()] == [f"★ {WEIGHTS}", FILES]
        page.open(WEIGHTS)
        await until(lambda: bool(page.offered()), "its types")
        page.press("Liked")
        await until(lambda: application.parts.settings.values.hub_liked == (), "the like's end")

    run_with_window(like)
    run_with_window(look)


def test_without_a_network_it_says_so_and_goes_on_later(qapp: QApplication, hub: LoopbackHub) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, "http://127.0.0.1:9")
        page.type("tiny")
        await until(lambda: "cannot be reached" in page.words, "the reason")
        assert "Models on disk work without." in page.words
        application.parts.settings.update(hub_mirror=hub.endpoint)
        page.press("Search")
        await until(lambda: len(page.found()) == 3, "the repositories")
        assert "cannot be reached" not in page.words

    run_with_window(scene)


def test_only_the_newest_search_is_shown_and_one_can_be_stopped(qapp: QApplication, hub: LoopbackHub) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        busy = hub.fail("metadata", status=429, times=1000, headers={"Retry-After": "60"})
        page.type("tiny-weights")
        await until(lambda: busy.times < 1000, "the first question")
        page.press("Stop")
        assert "Searching" not in page.words
        busy.times = 0
        page.type("tiny-GGUF")
        await until(lambda: [row[0] for row in page.found()] == [FILES], "the newest")
        page.field.clear()
        await until(lambda: not page.found(), "nothing searched for")

    run_with_window(scene)


def test_words_that_became_too_short_end_the_search_for_the_longer_ones(
    qapp: QApplication, hub: LoopbackHub
) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        busy = hub.fail("metadata", status=429, times=1000, headers={"Retry-After": "60"})
        page.type("tiny")
        await until(lambda: busy.times < 1000, "the first question")
        for _ in "iny":
            QTest.keyClick(page.field, Qt.Key.Key_Backspace)
        await until(lambda: "two letters or more" in page.words, "the advice")
        assert seen_button(page.card, "Search")

    run_with_window(scene)


def test_what_is_found_and_what_a_repository_holds_comes_into_sight(
    qapp: QApplication, hub: LoopbackHub
) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        application.window.resize(1000, 700)
        await settle()
        page.field.setFocus()
        page.type("tiny")
        await until(lambda: len(page.found()) == 3, "the repositories")
        await until(lambda: whole(page.card, "Models that were found"), "the table in sight")
        page.open(FILES)
        await until(lambda: len(page.offered()) == 2, "its files")
        await until(lambda: whole(page.card, "Files and types of the repository"), "its files in sight")

    run_with_window(scene)


def test_the_keyboard_stays_at_the_search_when_a_repository_is_closed(
    qapp: QApplication, hub: LoopbackHub
) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        page.type("tiny")
        await until(lambda: len(page.found()) == 3, "the repositories")
        table = seen(page.card, QTableView, "Models that were found")
        page.open(FILES)
        await until(lambda: len(page.offered()) == 2, "its files")
        seen_button(page.card, "Close the repository").setFocus()
        page.press("Close the repository")
        await until(lambda: application.window.focusWidget() is table, "the keyboard in the table")
        page.open(FILES)
        await until(lambda: len(page.offered()) == 2, "its files again")
        seen(page.card, QTableView, "Files and types of the repository").setFocus()
        page.type("nothing-of-the-kind")
        await until(lambda: "Nothing was found" in page.words, "the end of the search")
        assert application.window.focusWidget() is page.field

    run_with_window(scene)


def whole(card: QWidget, name: str) -> bool:
    """Tell whether all of a table can be seen."""
    view = seen(card, QTableView, name)
    return view.visibleRegion().boundingRect().size() == view.size()


def test_that_there_are_more_than_the_most_downloaded_is_said(qapp: QApplication, hub: LoopbackHub) -> None:
    async def scene(application: WindowApplication) -> None:
        folder = hub.repos[FILES].folder
        for number in range(40):
            hub.add(f"many/many-{number}", folder)
        page = open_search(application, hub.endpoint)
        page.type("many")
        await until(lambda: len(page.found()) == 30, "the repositories")
        assert "The 30 most downloaded models" in page.words

    run_with_window(scene)


def test_a_double_click_asks_once(qapp: QApplication, hub: LoopbackHub) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        page.type("tiny-GGUF")
        await until(lambda: bool(page.found()), "the repository")
        page.double_click(FILES)
        await until(lambda: len(page.offered()) == 2, "its files")
        page.double_click(FILES)
        page.open(FILES)
        page.type("tiny-weights")
        await until(lambda: [row[0] for row in page.found()] == [WEIGHTS], "another search")
        asked = [address for _, address, _ in hub.requests if f"/api/models/{FILES}" in address]
        assert len(asked) == 1

    run_with_window(scene)


def test_a_surprise_leaves_no_question_open(
    qapp: QApplication, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    surprises = []

    def surprise(*asked: object, **_: object) -> None:
        surprises.append(asked)
        raise ValueError("a surprise")

    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        monkeypatch.setattr(application.parts.jobs, "search", surprise)
        page.type("tiny")
        await until(lambda: bool(surprises), "the failure")
        await until(lambda: "Searching" not in page.words, "the end")
        monkeypatch.undo()
        page.press("Search")
        await until(lambda: len(page.found()) == 3, "the repositories")

    run_with_window(scene)


def test_files_are_judged_beside_the_window_and_shown_anew_only_where_they_say_another_thing(
    qapp: QApplication, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def watched(*arguments: Any) -> RepositoryOffers:
        threads.append(threading.current_thread().name)
        return offers(*arguments)

    monkeypatch.setattr("app.ui.models.search.search_card.offers", watched)

    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        page.type("tiny-GGUF")
        await until(lambda: bool(page.found()), "the repository")
        page.open(FILES)
        await until(lambda: len(page.offered()) == 2, "its files")
        painted: list[str] = []
        # The advice of this computer keeps away.
        show_advice = page.card.show_advice
        monkeypatch.setattr(page.card, "show_advice", lambda _: None)
        for table in (page.card.table, page.card.panel.table):
            table.dataChanged.connect(lambda *_: painted.append("again"))

        async def judge(ram_bytes: int) -> None:
            before = len(threads)
            show_advice(Advisor(catalogue(), Memory(ram_bytes, (), 40e9)))
            await until(lambda: len(threads) > before, "the judging")
            await settle()

        await judge(16 * 10**9)
        painted.clear()
        await judge(16 * 10**9 + 1000)
        assert not painted
        await judge(10**9)
        assert "Too large" in page.offered()[0][3]
        assert painted
        assert not [name for name in threads if name == threading.main_thread().name]

    run_with_window(scene)


def test_more_files_than_are_listed_are_said(
    qapp: QApplication, hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.acquire.repository_offers.MOST_FILES", 1)

    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        page.type("tiny-GGUF")
        await until(lambda: bool(page.found()), "the repository")
        page.open(FILES)
        await until(lambda: len(page.offered()) == 1, "the smallest file")
        assert "1 larger files are not listed" in page.words

    run_with_window(scene)


def test_the_window_closes_while_the_hub_is_asked(qapp: QApplication, hub: LoopbackHub) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_search(application, hub.endpoint)
        busy = hub.fail("metadata", status=429, times=1000, headers={"Retry-After": "60"})
        page.type("tiny")
        await until(lambda: busy.times < 1000, "the question")
        assert "Searching" in seen_words(page.card)

    run_with_window(scene)
