"""A model of another Stillroom in the whole window: asked for once, marked, answering, and let go again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton

from app.audit.reading import newest_entries
from app.bench.run.suite import SUITES
from app.filters.rule import FilterRule
from app.remote.remote_server import ElsewhereServer
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.frame.benchmark_words import model_text
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.benchmark.speed.benchmark_speed_page import BenchmarkSpeedPage
from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.composing.composer import ComposerState
from app.ui.code.code_tab import CodeTab
from app.ui.settings.remote_servers_page import ServersElsewherePage
from app.ui.shell.window_application import WindowApplication
from models.catalogue.starter import starter_file
from tests.support.api import KEY, MODEL, Api, loaded_engine, served
from tests.support.pages.benchmark_page import open_page
from tests.support.waiting import until
from tests.support.widgets import seen_button
from tests.support.window import run_with_window, settle


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with loaded_engine() as client, served(client, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    # A build machine has no key store; the key is then kept until the program ends.
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return tmp_path


async def add_server(application: WindowApplication, api: Api) -> ElsewhereServer:
    dialog = application.dialogs.open_settings_page("servers elsewhere")
    page = dialog.findChild(ServersElsewherePage)
    assert isinstance(page, ServersElsewherePage)
    assert not page.add.isEnabled()
    assert "address" in page.add.toolTip()
    page.address.setText(f"{api.url}/v1/")
    page.key.setText(KEY)
    page.add.click()
    await until(lambda: "only until Stillroom ends" in page.said.text(), "the server")
    assert not page.add.isEnabled()
    [server] = page.servers
    dialog.reject()
    return server


def choose(application: WindowApplication, server: ElsewhereServer) -> None:
    [model] = [model for model in server.models if model.id == MODEL]
    application.window.picker.elsewhere_chosen.emit(server, model)


def answer(application: WindowApplication, words: str) -> None:
    question = application.window.findChild(QMessageBox)
    assert isinstance(question, QMessageBox)
    [button] = [made for made in question.findChildren(QPushButton) if words in made.text()]
    button.click()


async def use_elsewhere(application: WindowApplication, api: Api) -> None:
    await until(lambda: application.session.info is not None, "the starter model")
    choose(application, await add_server(application, api))
    answer(application, "Use it")
    await until(lambda: application.session.answers_elsewhere, "the model elsewhere")


def test_a_server_is_asked_for_once_and_nothing_goes_there_before(qapp: QApplication, api: Api) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        server = await add_server(application, api)
        assert not server.agreed
        choose(application, server)
        answer(application, "Cancel")
        await settle(5)
        assert not application.session.answers_elsewhere
        choose(application, server)
        answer(application, "Use it")
        assert application.session.answers_elsewhere
        [agreed] = application.parts.settings.values.elsewhere
        assert agreed == msgspec.structs.replace(server, agreed=True)
        assert KEY not in (application.parts.paths.settings).read_text()
        application.session.use(str(starter_file()))
        await settle(5)
        assert not application.session.answers_elsewhere
        # Not asked again.
        choose(application, agreed)
        assert application.session.answers_elsewhere
        # One that is removed comes back by undo, with its key.
        dialog = application.dialogs.open_settings_page("servers elsewhere")
        page = dialog.findChildren(ServersElsewherePage)[-1]
        seen_button(page, "Remove").click()
        await until(lambda: not page.servers, "the removal")
        await until(page.undo_button.isVisible, "the way back")
        assert application.parts.server_keys.of(server.id) == ""
        page.undo_button.click()
        assert page.servers == (agreed,)
        await until(lambda: application.parts.server_keys.of(server.id) == KEY, "the key")
        dialog.reject()

    run_with_window(scene)


def test_it_answers_in_both_tabs_and_is_marked_everywhere(qapp: QApplication, api: Api, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        application.parts.settings.update(audit=True)
        application.parts.gate.filters.keep(
            [FilterRule(id="1", name="Number", pattern=r"\d{4,}", action="redact")]
        )
        await use_elsewhere(application, api)
        host = api.url.removeprefix("http://")
        assert host in application.window.picker.accessibleDescription()
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        await until(lambda: tab.composer.state is ComposerState.READY, "the composer")
        tab.send("Name three colours; my number is 123456.")
        await until(lambda: tab.running_view is not None and bool(tab.running_view.answer), "some text")
        tab.stop()
        await until(lambda: tab.running_view is None, "the end")
        assert host in tab.elsewhere_line.words.text()
        assert not tab.elsewhere_line.isHidden()
        question, reply = tab.conversation.branch
        # The filter is for them as for any other model.
        assert question.content == "Name three colours; my number is [removed: Number]."
        assert reply.outcome in ("cancelled", "stop")
        assert reply.content
        assert reply.model == MODEL
        assert reply.stats is not None
        assert reply.stats.ttft_s > 0
        code = application.window.show_page("code")
        assert isinstance(code, CodeTab)
        conversation = code.conversation
        await until(conversation.ask_button.isEnabled, "the question")
        conversation.field.setPlainText("What is a list? One word.")
        conversation.ask("ask")
        await until(
            lambda: bool(conversation.exchanges) and bool(conversation.exchanges[0].reply.answer), "some text"
        )
        conversation.stop()
        await until(lambda: not conversation.running, "the end")

    run_with_window(scene)
    entries = newest_entries(home / "data" / "audit")
    assert [entry.text("source") for entry in entries] == ["code", "code", "chat", "chat"]
    assert entries[-1].fields["model"]["name"] == MODEL


def test_the_benchmark_measures_it_and_its_runs_are_marked(qapp: QApplication, api: Api) -> None:
    async def scene(application: WindowApplication) -> None:
        await use_elsewhere(application, api)
        info, benchmarks = application.session.info, application.parts.benchmarks
        assert info is not None
        application.window.show_page("benchmark")
        page = application.window.findChild(BenchmarkSpeedPage)
        assert isinstance(page, BenchmarkSpeedPage)
        # The whole suite takes as long as it answers; here it only begins.
        page.run()
        await until(lambda: application.session.reserved_for == "benchmark", "the run")
        page.cancel()
        await until(lambda: application.session.reserved_for == "", "its end")
        assert benchmarks.reports() == []
        answers = application.session.unnoted_answers(info)
        elsewhere = application.parts.benchmark_runner.elsewhere(answers)
        report = await asyncio.to_thread(elsewhere.run, info, SUITES["quick"], lambda progress: None)
        page.refresh(select=report.id)
        page.complete()
        host = api.url.removeprefix("http://")
        texts = [shown.text() for shown in page.findChildren(QLabel)]
        assert any(f"over HTTP from {host}, not on this computer" in text for text in texts)
        assert "not measured: it runs elsewhere" in texts
        assert model_text(report) == f"{MODEL}, not on this computer"
        tab = application.window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        quality = open_page(tab, "quality", QualityPage)
        quality.run()
        await until(lambda: application.session.reserved_for == "benchmark", "the suite")
        quality.cancel()
        await until(lambda: application.session.reserved_for == "", "its end")

    run_with_window(scene)


def test_a_line_that_breaks_keeps_the_partial(qapp: QApplication, tmp_path: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        with loaded_engine() as client, served(client, tmp_path / "other") as other:
            await use_elsewhere(application, other)
            tab = application.window.show_page("chat")
            assert isinstance(tab, ChatTab)
            await until(lambda: tab.composer.state is ComposerState.READY, "the composer")
            tab.send("Write a long story about a lighthouse keeper.")
            await until(lambda: tab.running_view is not None and bool(tab.running_view.answer), "some text")
            # Not so that the server could end the reply in order: its engine goes.
            client.close()
            await until(lambda: tab.running_view is None, "the end")
            reply = tab.conversation.branch[-1]
            assert reply.outcome == "failed"
            assert reply.content
            assert "broke off" in reply.error
            # A model on this computer is there as before.
            application.session.use(str(starter_file()))
            await settle(5)
            assert not application.session.answers_elsewhere
            assert tab.elsewhere_line.isHidden()

    run_with_window(scene)
