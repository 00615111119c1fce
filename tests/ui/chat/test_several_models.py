"""Two models in one window: switching, a chat's own model, unloading one."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QMenu

from app.chat.library.reply_choices import ReplyChoices
from app.engine.protocol import LoadSettings, Sampling
from app.ui.chat.chat_tab import ChatTab
from app.ui.reply.reply_view import ReplyView
from app.ui.shell.window_application import WindowApplication
from models.catalogue.starter import starter_file
from tests.support.waiting import until
from tests.support.window import run_with_window, settle

SETTINGS = LoadSettings(context_tokens=1024, threads=1, sequences=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """The starter model under another name."""
    starter = starter_file()
    assert starter is not None
    path = tmp_path / "second.gguf"
    path.symlink_to(starter)
    return path


def menu_of(application: WindowApplication) -> QMenu:
    """The picker's menu as it is when it opens."""
    menu = application.window.picker.menu()
    menu.aboutToShow.emit()
    return menu


async def load_both(application: WindowApplication, second: Path) -> tuple[str, str]:
    session = application.session
    await until(lambda: session.info is not None, "the starter model")
    assert session.info is not None
    first = session.info.path
    await session.load(second, SETTINGS, "Second")
    assert [info.path for info in session.models] == [first, str(second)]
    return first, str(second)


def test_a_model_that_is_loaded_is_chosen_without_loading_it_again(qapp: QApplication, second: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        first, _ = await load_both(application, second)
        session = application.session
        loads: list[str] = []
        session.loading.connect(lambda path, _: loads.append(path))
        action = next(action for action in menu_of(application).actions() if "\tloaded" in action.text())
        assert action.text().endswith(("MB", "GB")), "what it takes of the memory"
        assert not action.isChecked()
        action.trigger()
        await settle(5)
        assert session.info is not None
        assert session.info.path == first
        assert application.window.picker.accessibleDescription() == "SmolLM2-135M-Instruct · Q4_1"
        assert loads == []
        assert len(session.models) == 2

    run_with_window(scene)


def test_one_of_two_is_unloaded(qapp: QApplication, second: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        first, _ = await load_both(application, second)
        session = application.session
        unloads = next(
            action.menu() for action in menu_of(application).actions() if action.menu() is not None
        )
        assert isinstance(unloads, QMenu)
        names = [action.text() for action in unloads.actions() if action.text()]
        assert names == ["SmolLM2-135M-Instruct · Q4_1", "Second · Q4_1", "All models"]
        unloads.actions()[1].trigger()
        await until(lambda: len(session.models) == 1, "the unloading")
        await until(lambda: session.info is not None and session.info.path == first, "the other model")

    run_with_window(scene)


async def ask(tab: ChatTab, text: str) -> int:
    """Ask in the open chat and wait for the answer; the chat's number."""
    tab.send(text)
    await until(lambda: tab.running_view is not None, "the reply's start")
    await until(lambda: tab.running_view is None, "the reply's end")
    assert tab.chat is not None
    return tab.chat.id


def test_a_chat_keeps_its_own_model(qapp: QApplication, second: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        first, other = await load_both(application, second)
        session = application.session
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        chats = {}
        for path in (first, other):
            tab.open_chat(application.parts.chats.create_conversation(choices=ReplyChoices(max_tokens=4)).id)
            assert session.use(path)
            chats[path] = await ask(tab, "Say yes.")
        for path in (first, other, first):
            tab.open_chat(chats[path])
            assert session.info is not None
            assert session.info.path == path
            await ask(tab, "Say no.")
        models = [message.model for message in application.parts.chats.messages(chats[first])]
        assert models == ["", "SmolLM2-135M-Instruct · Q4_1"] * 3

    run_with_window(scene)


def test_the_model_chosen_for_a_chat_is_its_own_before_anything_is_sent(
    qapp: QApplication, second: Path
) -> None:
    async def scene(application: WindowApplication) -> None:
        first, other = await load_both(application, second)
        session, store = application.session, application.parts.chats
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        one, two = (store.create_conversation(title=title) for title in ("One", "Two"))
        tab.open_chat(one.id)
        assert session.use(first)
        await until(lambda: bool(store.conversation(one.id).model), "the choice is kept")
        tab.open_chat(two.id)
        assert session.use(other)
        await until(lambda: store.conversation(two.id).model.startswith("Second"), "the choice is kept")
        tab.open_chat(one.id)
        await until(lambda: session.info is not None and session.info.path == first, "its own model")

    run_with_window(scene)


def test_another_model_answers_in_the_place_of_a_reply(qapp: QApplication, second: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        await load_both(application, second)
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        tab.open_chat(None)
        tab.choices.show_choices(ReplyChoices(max_tokens=4), Sampling(temperature=0.0))
        tab.send("Name a colour.")
        await until(lambda: tab.running_view is not None, "the reply")
        await until(lambda: tab.exchange.here is None, "its end")
        reply = tab.conversation.messages()[-1]
        assert isinstance(reply, ReplyView)
        assert reply.foot.origin.startswith("Second · Q4_1 · ")
        [again] = [entry for entry in reply.foot.menu().actions() if entry.text().startswith("Answer again")]
        assert again.text() == "Answer again with SmolLM2-135M-Instruct · Q4_1"
        again.trigger()
        await until(lambda: tab.exchange.here is not None, "the other model's reply")
        await until(lambda: tab.exchange.here is None, "its end")
        reply = tab.conversation.messages()[-1]
        assert isinstance(reply, ReplyView)
        assert reply.foot.origin.startswith("SmolLM2-135M-Instruct · Q4_1")
        assert reply.versions.text == "2 of 2"

    run_with_window(scene)
