"""One question answered by several models beside each other, on the real engine with the starter model."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import StoredMessage, versions_of
from app.engine.protocol import LoadSettings, Sampling
from app.ui.base.engine_session import EngineSession
from app.ui.base.theme import Theme
from app.ui.chat.comparison.comparison_column import ComparisonColumn, ModelOffer
from app.ui.chat.comparison.comparison_dialog import ComparisonDialog
from app.ui.chat.composing.thinking_effort import ThinkingEffort
from models.store.store import InstalledModel, ModelStore
from tests.support.chat_desk import CONTEXT_TOKENS, ENDLESS, SHORT, Opened
from tests.support.engines import starter_path
from tests.support.held_disk import HANGS_S
from tests.support.pages.comparison_page import (
    all_ended,
    closed,
    open_dialog,
    second_model,
    shown_page,
    shown_reply,
    versions,
)
from tests.support.waiting import until
from tests.support.widgets import all_seen, seen_button, seen_words
from tests.support.window import settle

QUESTION = "Name a colour."
STARTER = "Smollm2 135M 8k Lc100K Mix1 Ep2 · Q4_1"
"""The name in the file."""


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The whole starter: its replies last until somebody stops them."""
    return Path(starter_path())


@pytest.fixture
def second(opened: Opened, tmp_path: Path) -> Iterator[InstalledModel]:
    """The same model under another name, which is on this computer and not loaded."""
    with second_model(opened, tmp_path) as model:
        yield model


def test_two_models_answer_one_question_and_the_kept_answer_is_shown(
    opened: Opened, second: InstalledModel
) -> None:
    async def scenario() -> None:
        opened.tab.composer.set_text(QUESTION)
        page = await open_dialog(opened)
        names = ["Second · Q4_1", STARTER]
        assert [sorted(page.models(number)) for number in (0, 1)] == [sorted(names)] * 2
        assert [column.offer.name for column in page.columns] == names[::-1]
        page.start()
        await all_ended(page, 2)
        assert [column.title.text() for column in page.columns] == names[::-1]
        for column in page.columns:
            assert column.message is not None
            assert column.message.stats is not None
            assert column.figures.startswith(f"{column.message.stats.completion_tokens} tokens · ")
            assert column.figures.endswith(" tok/s")
            assert column.view.answer == column.message.content
        page.keep(1)
        await closed(opened)
        first, kept = versions(opened)
        assert [first.model, kept.model] == names[::-1]
        assert {first.parent_id, kept.parent_id} == {opened.store.branch(first.conversation_id)[0].id}
        await until(lambda: opened.shown() == [QUESTION, kept.content], "both messages")
        assert shown_reply(opened).versions.text == "2 of 2"
        assert opened.tab.composer.text() == ""
        # The chat goes on with the model of the answer that was kept.
        await until(lambda: opened.desk.session.info is not None)
        assert opened.desk.session.info is not None
        assert opened.desk.session.info.path == str(second.path)

    opened.run(scenario())


def test_one_model_answers_in_three_ways(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.composer.set_text(QUESTION)
        page = await open_dialog(opened)
        page.add_column()
        assert len(page.columns) == 3
        page.take_away(2)
        assert len(page.columns) == 2
        page.add_column()
        page.set_temperature(1, 0.7)
        page.set_temperature(2, 1.5)
        page.start()
        await all_ended(page, 3)
        assert page.columns[2].message is not None
        QTest.keyClick(page.dialog, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
        await closed(opened)
        assert opened.shown()[-1] == versions(opened)[-1].content
        assert shown_reply(opened).versions.text == "3 of 3"
        # The chat's own settings are as they were.
        assert opened.tab.chat is not None
        assert opened.tab.chat.sampling is None

    opened.run(scenario())


def test_stop_ends_the_answer_of_its_column_only(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.open_chat(None)
        opened.unlimited()
        opened.tab.composer.set_text(ENDLESS)
        page = await open_dialog(opened)
        page.start()
        await until(lambda: all(column.is_running and column.view.answer for column in page.columns))
        page.stop(0)
        await until(lambda: page.offers_keeping(0), "the stopped answer")
        assert page.columns[1].is_running
        assert page.keep_button(0).hasFocus()
        page.stop(1)
        await all_ended(page, 2)
        page.close()
        await closed(opened)
        assert [reply.outcome for reply in versions(opened)] == ["cancelled", "cancelled"]

    opened.run(scenario())


def test_closing_in_the_middle_keeps_what_has_come(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.open_chat(None)
        opened.unlimited()
        opened.tab.composer.set_text(ENDLESS)
        page = await open_dialog(opened)
        page.start()
        await until(lambda: all(column.is_running and column.view.answer for column in page.columns))
        page.close()
        await closed(opened)
        replies = versions(opened)
        assert [reply.outcome for reply in replies] == ["cancelled", "cancelled"]
        assert all(reply.content for reply in replies)
        await until(lambda: opened.shown() == [ENDLESS, replies[0].content], "both messages")
        assert shown_reply(opened).versions.text == "1 of 2"
        assert opened.tab.exchange.busy == frozenset()

    opened.run(scenario())


def test_escape_stops_the_answers_and_then_closes(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.open_chat(None)
        opened.unlimited()
        opened.tab.composer.set_text(ENDLESS)
        page = await open_dialog(opened)
        page.start()
        await until(lambda: all(column.is_running and column.view.answer for column in page.columns))
        assert page.dialog.hint == "Esc stops the answers."
        page.escape()
        await all_ended(page, 2)
        assert page.dialog.isVisible()
        assert [reply.outcome for reply in versions(opened)] == ["cancelled", "cancelled"]
        page.escape()
        assert page.dialog.isHidden()
        await closed(opened)

    opened.run(scenario())


def test_a_window_that_closes_in_the_middle_keeps_all_answers(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.open_chat(None)
        opened.unlimited()
        opened.tab.composer.set_text(ENDLESS)
        page = await open_dialog(opened)
        page.start()
        await until(lambda: all(column.is_running and column.view.answer for column in page.columns))
        opened.tab.close_down()()
        opened.tab.deleteLater()
        await until(lambda: not shiboken6.isValid(opened.tab))
        await opened.bridge.finish()

    opened.desk.run(scenario())
    assert opened.desk.problems == []
    replies = [message for message in newest_chat(opened) if message.role == "assistant"]
    assert [(reply.outcome, bool(reply.content)) for reply in replies] == [("interrupted", True)] * 2
    # As after a restart: both are versions of one reply.
    assert versions_of(replies)[replies[0].id] == tuple(reply.id for reply in replies)


def test_the_engine_dies_under_two_answers(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.open_chat(None)
        opened.unlimited()
        opened.tab.composer.set_text(ENDLESS)
        page = await open_dialog(opened)
        page.start()
        await until(lambda: all(column.is_running and column.view.answer for column in page.columns))
        pid = opened.desk.session.client.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await all_ended(page, 2)
        assert all(column.view.notice_text for column in page.columns)
        page.keep(1)
        await closed(opened)
        assert [reply.outcome for reply in versions(opened)] == ["failed", "failed"]
        assert shown_reply(opened).versions.text == "2 of 2"

    opened.run(scenario())
    # For the tests after this one.
    settings = LoadSettings(context_tokens=CONTEXT_TOKENS, threads=1)
    opened.run(opened.desk.session.load(Path(starter_path()), settings))


def newest_chat(opened: Opened) -> list[StoredMessage]:
    """The messages of the chat that was changed last."""
    return opened.store.messages(opened.store.conversations()[0].id)


def test_another_answer_comes_beside_one_that_is_there(opened: Opened, second: InstalledModel) -> None:
    async def scenario() -> None:
        await opened.reply_to(QUESTION)
        [there] = versions(opened)
        menu = shown_reply(opened).foot.menu()
        [entry] = [action for action in menu.actions() if action.text().startswith("Compare with")]
        entry.trigger()
        page = await shown_page(opened)
        assert page.columns[0].view.answer == there.content
        assert page.columns[1].offer.name == "Second · Q4_1"
        page.start()
        await all_ended(page, 2)
        page.close()
        await closed(opened)
        # Nothing was chosen: the chat shows what it showed, with the other one as a version.
        await until(lambda: opened.shown() == [QUESTION, there.content], "both messages")
        assert shown_reply(opened).versions.text == "1 of 2"
        assert opened.desk.session.info is not None
        assert opened.desk.session.info.path != str(second.path)
        # With an empty message field the same is compared by the shortcut.
        page = await open_dialog(opened)
        assert page.columns[0].message is not None
        assert page.columns[0].message.id == there.id
        page.close()
        await closed(opened)
        assert len(versions(opened)) == 2

    opened.run(scenario())


def test_a_model_that_cannot_be_loaded_says_so_and_the_other_one_answers(
    opened: Opened, second: InstalledModel
) -> None:
    async def scenario() -> None:
        opened.tab.composer.set_text(QUESTION)
        page = await open_dialog(opened)
        page.choose(0, "Second · Q4_1")
        page.choose(1, STARTER)
        second.path.unlink()
        second.path.write_bytes(b"no model")
        page.start()
        await all_ended(page, 1)
        assert not page.columns[0].is_running
        assert page.columns[0].state
        assert page.columns[0].message is None
        page.keep(1)
        await closed(opened)
        [reply] = versions(opened)
        await until(lambda: opened.shown() == [QUESTION, reply.content], "both messages")

    opened.run(scenario())


def test_nothing_is_asked_when_the_dialog_is_left_before(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.composer.set_text(QUESTION)
        page = await open_dialog(opened)
        page.close()
        await closed(opened)
        assert versions(opened) == []
        assert opened.tab.composer.text() == QUESTION

    opened.run(scenario())


def test_a_column_whose_context_is_too_small_says_so(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.composer.set_text("word " * 3000)
        page = await open_dialog(opened)
        page.start()
        await until(lambda: all(column.state.startswith("The chat is too long") for column in page.columns))
        page.close()
        await closed(opened)
        assert versions(opened) == []
        assert opened.tab.composer.text().startswith("word")

    opened.run(scenario())


def test_the_buttons_say_why_nothing_can_be_compared(opened: Opened, qapp: QApplication) -> None:
    button = seen_button(opened.tab, "Compare answers (Ctrl+Shift+M)")
    assert not button.isEnabled()
    assert button.toolTip() == "Nothing is written yet"
    opened.tab.composer.set_text(QUESTION)
    assert button.isEnabled()
    assert button.toolTip() == "Compare answers (Ctrl+Shift+M)"


def test_no_key_looks_for_models_on_the_disk(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def installed() -> list[InstalledModel]:
        looks.append(1)
        return []

    opened.tab.comparison.offer_models(installed)
    monkeypatch.setattr(opened.desk.session, "info", None)
    monkeypatch.setattr(EngineSession, "known_models", ())
    opened.tab.composer.set_text(QUESTION)
    assert looks == []
    opened.tab.comparison.open()
    assert looks == [1]
    assert opened.tab.comparison.dialog is None
    assert "There is no model on this computer yet" in seen_words(opened.notices)


@pytest.fixture
def late_listing(opened: Opened, tmp_path: Path) -> Callable[[], None]:
    """Hold the first listing of the models on the disk until it is called."""
    store = ModelStore(tmp_path / "models", Path(starter_path()))
    gate = threading.Event()

    def listing() -> None:
        assert gate.wait(HANGS_S)
        store.listing()

    opened.tab.comparison.offer_models(lambda: store.present.models if store.is_listed else None, listing)
    return gate.set


def test_the_first_listing_of_the_models_is_waited_for(
    opened: Opened, late_listing: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EngineSession, "known_models", ())
    monkeypatch.setattr("app.ui.chat.comparison.chat_comparison.TOLD_AFTER_S", 0.0)

    async def scenario() -> None:
        opened.tab.composer.set_text(QUESTION)
        for _ in range(2):
            opened.tab.comparison.open()
            await until(lambda: "are still being looked for" in seen_words(opened.notices), "the notice")
        assert opened.tab.comparison.dialog is None
        late_listing()
        page = await shown_page(opened)
        assert set(page.models(0)) == {"SmolLM2-135M-Instruct · Q4_1"}
        page.close()
        await closed(opened)
        assert "There is no model" not in seen_words(opened.notices)

    opened.run(scenario())


def test_no_dialog_comes_once_another_chat_is_open(opened: Opened, late_listing: Callable[[], None]) -> None:
    async def scenario() -> None:
        opened.tab.composer.set_text(QUESTION)
        opened.tab.comparison.open()
        opened.tab.open_chat(None)
        late_listing()
        opened.tab.composer.set_text("Another question.")
        await settle(20)
        assert opened.tab.comparison.dialog is None

        def is_asked_for() -> bool:
            opened.tab.comparison.open()
            return opened.tab.comparison.dialog is not None

        await until(is_asked_for, "the dialog that is asked for here")
        page = await shown_page(opened)
        page.close()
        await closed(opened)

    opened.run(scenario())


def test_a_reply_is_compared_where_the_chat_shown_ends_in_a_question(opened: Opened) -> None:
    async def scenario() -> None:
        await opened.reply_to(QUESTION)
        [there] = versions(opened)
        opened.store.add_message(there.conversation_id, there.id, "user", "And another?")
        opened.tab.open_chat(None)
        opened.tab.open_chat(there.conversation_id)
        assert opened.shown()[-1] == "And another?"
        opened.tab.conversation.compare_requested.emit(there)
        (await shown_page(opened)).close()
        await closed(opened)

    opened.run(scenario())


def test_the_choices_of_a_column_take_the_place_of_the_chats(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.composer.set_text(QUESTION)
        page = await open_dialog(opened)
        page.set_temperature(1, 0.9)
        usual = Sampling(temperature=0.0, seed=1)
        of_chat = ReplyChoices(max_tokens=SHORT)
        assert page.columns[0].choices(of_chat, usual) == of_chat
        assert page.columns[1].choices(of_chat, usual) == ReplyChoices(
            max_tokens=SHORT, sampling=Sampling(temperature=0.9, seed=1)
        )
        nameless = [
            each for each in all_seen(page.dialog, QPushButton) if not each.text() + each.accessibleName()
        ]
        assert nameless == []
        page.close()
        await closed(opened)

    opened.run(scenario())


def test_a_column_is_made_where_it_stands(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[QEvent.Type] = []

    def on_change(column: ComparisonColumn, event: QEvent) -> None:
        if event.type() == QEvent.Type.ParentChange:
            moved.append(event.type())

    monkeypatch.setattr(ComparisonColumn, "changeEvent", on_change)
    window = QWidget()
    qtbot.addWidget(window)
    offers = [ModelOffer("one.gguf", "One"), ModelOffer("two.gguf", "Two")]
    dialog = ComparisonDialog(QUESTION, offers, ReplyChoices(), Sampling(), theme, window)
    dialog.ask_for_columns(["one.gguf", "two.gguf"])
    dialog.show()
    assert [column.offer.name for column in dialog.columns] == ["One", "Two"]
    assert not moved


def test_the_words_of_the_fields_stand_below_each_other(qtbot: QtBot, theme: Theme) -> None:
    column = ComparisonColumn(theme, [ModelOffer("Hill", "/hill.gguf")])
    qtbot.addWidget(column)
    column.resize(400, 500)
    column.show()
    model, effort = column.findChild(QComboBox), column.findChild(ThinkingEffort)
    assert model is not None
    assert effort is not None
    effort.setText("Hill")

    def words_at(field: QWidget) -> int:
        picture = field.grab().toImage()
        middle, ground = picture.height() // 2, picture.pixelColor(4, picture.height() // 2)
        return next(x for x in range(4, picture.width()) if picture.pixelColor(x, middle) != ground)

    assert words_at(model) == words_at(effort)
