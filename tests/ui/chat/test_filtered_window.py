"""The input filter and the audit log in the whole window, with the real engine and the starter model."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDialog, QPushButton

from app.audit.reading import newest_entries
from app.audit.verification import verify
from app.chat.library.reply_choices import ReplyChoices
from app.filters.rule import FilterRule
from app.ui.base.add_action import commands_of
from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.composing.composer import ComposerState
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.code.code_tab import CodeTab
from app.ui.settings.audit_dialog import AuditDialog
from app.ui.settings.filters_dialog import FiltersDialog
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import ask, run_with_window, settle, told

SHORT = 12
RULES = [
    FilterRule(id="1", name="Number", pattern=r"\d{4,}", action="redact"),
    FilterRule(id="2", name="Code name", pattern="bluebird", action="block"),
    FilterRule(id="3", name="Polite", pattern="please", action="flag"),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


async def begin(application: WindowApplication) -> ChatTab:
    parts = application.parts
    parts.settings.update(audit=True, audit_content=True)
    parts.gate.filters.keep(RULES)
    chat = parts.chats.create_conversation(choices=ReplyChoices(max_tokens=SHORT))
    tab = application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    tab.open_chat(chat.id)
    await until(lambda: tab.composer.state is ComposerState.READY, "the model")
    return tab


async def shown(application: WindowApplication, kind: type[QDialog]) -> QDialog:
    await until(lambda: any(each.isVisible() for each in application.window.findChildren(kind)), "the dialog")
    [dialog] = application.window.findChildren(kind)
    return dialog


async def pages_open(application: WindowApplication) -> None:
    """Both pages, by the command palette and by the settings."""
    pages: tuple[tuple[str, type[QDialog]], ...] = (
        ("Input filter", FiltersDialog),
        ("Audit log", AuditDialog),
    )
    for title, kind in pages:
        [command] = [made for made in commands_of(application.window) if made.title == title]
        command.run()
        dialog = await shown(application, kind)
        assert dialog.windowTitle() == title
        dialog.reject()
        await settle(5)
        settings = application.dialogs.open_settings_page("general")
        [made] = [made for made in settings.findChildren(QPushButton) if made.text() == f"{title}…"]
        made.click()
        assert settings.isHidden()
        dialog = await shown(application, kind)
        dialog.reject()
        await settle(5)


def test_a_chat_goes_through_the_rules_and_into_the_log(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        tab = await begin(application)
        # Blocked: the text stays, and the notice names the rule and what it found.
        tab.send("Tell me about bluebird.")
        await until(lambda: bool(tab.filter_notice.text), "the notice")
        assert tab.filter_notice.text == (
            "Not sent: the filter rule “Code name” found “bluebird”. Your message stays below."
        )
        assert tab.composer.text() == "Tell me about bluebird."
        assert tab.conversation.branch == []
        # Redacted: what was sent is what the chat shows, and it is said.
        tab = await ask(application, "Say 123456, please. One word.")
        question, reply = tab.conversation.branch
        assert question.content == "Say [removed: Number], please. One word."
        assert reply.outcome in ("stop", "length")
        assert tab.filter_notice.text.splitlines() == [
            "Sent without what the rule “Number” took out (1).",
            "The rule “Polite” found something. The message was sent as it is.",
        ]
        # Changed to what a rule forbids: the words are still there to be changed.
        await until(lambda: tab.composer.state is ComposerState.READY, "the end of the exchange")
        card = next(widget for widget in tab.conversation.messages() if isinstance(widget, QuestionCard))
        card.edited.emit("Now with bluebird.")
        await until(lambda: card.is_editing, "the question to be edited")
        assert len(tab.conversation.branch) == 2
        # An earlier message that a new rule forbids keeps the next one in.
        application.parts.gate.filters.keep(
            [FilterRule(id="4", name="Words", pattern="One word", action="block")]
        )
        tab.send("And now?")
        await until(lambda: "an earlier message" in tab.filter_notice.text, "the notice")
        assert tab.composer.text() == "And now?"
        tab.filter_notice.findChildren(QPushButton)[0].click()
        dialog = await shown(application, FiltersDialog)
        assert isinstance(dialog, FiltersDialog)
        dialog.reject()
        # Without it, all goes as it is.
        application.parts.gate.filters.keep([])
        await ask(application, "And now?")
        assert tab.filter_notice.text == ""

    run_with_window(scene)
    entries = newest_entries(home / "data" / "audit")[::-1]
    assert [(entry.text("kind"), entry.text("outcome")) for entry in entries] == [
        ("request", "blocked"),
        ("request", ""),
        ("reply", entries[2].text("outcome")),
        ("request", "blocked"),
        ("request", "blocked"),
        ("request", ""),
        ("reply", entries[-1].text("outcome")),
    ]
    assert {entry.text("outcome") for entry in (entries[2], entries[-1])} <= {"stop", "length"}
    assert {entry.text("source") for entry in entries} == {"chat"}
    assert "123456" not in "\n".join(entries[1].values())
    assert entries[1].fields["fingerprint"].startswith(("sha256:", "sample:"))
    assert entries[2].fields["content"]["answer"]
    assert verify(home / "data" / "audit").intact


def test_code_goes_through_the_rules_too(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        await begin(application)
        tab = application.window.show_page("code")
        assert isinstance(tab, CodeTab)
        conversation = tab.conversation
        await until(conversation.ask_button.isEnabled, "the question")
        conversation.field.setPlainText("What is bluebird?")
        conversation.ask("ask")
        await until(lambda: bool(told(application)) and not conversation.running, "the refusal")
        assert conversation.field.toPlainText() == "What is bluebird?"
        assert conversation.exchanges == []
        conversation.field.setPlainText("What is 123456? One word.")
        conversation.ask("ask")
        await until(
            lambda: bool(conversation.exchanges) and bool(conversation.exchanges[0].reply.answer), "some text"
        )
        conversation.stop()
        await until(lambda: not conversation.running, "the end")
        assert "[removed: Number]" in conversation.exchanges[0].asked.question.prompt
        await pages_open(application)

    run_with_window(scene)
    entries = newest_entries(home / "data" / "audit", source="code")[::-1]
    assert [entry.text("kind") for entry in entries] == ["request", "request", "reply"]
    assert "123456" not in "\n".join(entries[1].values())
