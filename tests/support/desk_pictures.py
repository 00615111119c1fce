"""Pictures of Chat, Code, the command palette and the shortcuts, for `page_pictures`."""

from pathlib import Path

from app.chat.store.records import Conversation
from app.ui.chat.chat_tab import ChatTab
from app.ui.code.code_tab import CodeTab
from app.ui.reply.reply_view import ReplyView
from tests.support.camera import Camera
from tests.support.screenshots import CODE, CODE_TESTS, FIX_CHARACTERS, STRICTER
from tests.support.waiting import until
from tests.support.window import ask, settle
from tests.support.written_chats import STORY_NEXT


async def take_chat(camera: Camera, chats: dict[str, Conversation], paper: Path) -> None:
    """An empty chat, thinking folded and open, a document, what outgrows the context."""
    tab = camera.application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    tab.open_chat(None)
    await settle(60)
    await camera.take("chat-empty")
    tab.open_chat(chats["series"].id)
    await settle(40)
    tab.conversation.verticalScrollBar().setValue(0)
    await camera.take("chat")
    for view in tab.findChildren(ReplyView):
        view.thinking.set_open(True)
    await settle()
    await camera.take_all("chat-thinking", tab.conversation)
    tab.composer.settings.setChecked(True)
    await camera.take("chat-behaviour")
    tab.composer.settings.setChecked(False)
    tab.open_chat(chats["handbook"].id)
    if not tab.attachments.waiting:
        await tab.attachments.attach([paper])
    tab.composer.set_text("And in Vienna?")
    await until(lambda: bool(tab.composer.meter.text), "the tokens")
    await camera.take("chat-document")
    tab.open_chat(chats["story"].id)
    tab.composer.set_text(STORY_NEXT)
    await settle(60)
    await camera.take("chat-long")
    tab.composer.set_text("")


async def take_replies(camera: Camera) -> None:
    """A reply, two side by side, and one about code; as slow as the model."""
    tab = camera.application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    tab.open_chat(None)
    await ask(camera.application, "Explain how rainbows form, in three sentences.")
    await camera.take("chat-reply")
    tab.open_chat(None)
    tab.composer.set_text("Name three things that make a good lighthouse.")
    tab.comparison.open()
    dialog = tab.comparison.dialog
    assert dialog is not None
    await camera.take("chat-compare-before")
    dialog.start()
    await until(lambda: all(column.can_be_kept for column in dialog.columns), "the answers")
    await camera.take("chat-compare")
    dialog.reject()
    await until(lambda: tab.comparison.dialog is None, "the end of the dialog")
    code = camera.application.window.show_page("code")
    assert isinstance(code, CodeTab)
    code.run_card.fix_button.click()
    await until(
        lambda: any(len(each.reply.answer) > FIX_CHARACTERS for each in code.conversation.exchanges), "code"
    )
    await camera.take("code-fix")
    code.fixer.stop()
    code.conversation.stop()
    await until(lambda: not code.fixer.running, "the end of the round")
    await camera.take("code-stopped")


async def take_commands(camera: Camera) -> None:
    """The command palette and the list of shortcuts."""
    palette = camera.application.commands.open_palette()
    await settle()
    await camera.take("commands")
    palette.close()
    sheet = camera.application.commands.open_shortcuts()
    await settle()
    await camera.take("shortcuts")
    sheet.close()


async def take_code(camera: Camera) -> None:
    """The empty editor, code and its failed tests, a change to accept."""
    tab = camera.application.window.show_page("code")
    assert isinstance(tab, CodeTab)
    await settle(40)
    await camera.take("code-empty")
    tab.take_code(CODE, "python")
    await until(lambda: tab.editor.text() == CODE, "the code")
    tab.run_card.take_tests(CODE_TESTS, "python")
    tab.run_card.test_button.click()
    await until(lambda: bool(tab.run_card.problem), "the tests")
    await camera.take("code")
    tab.card.propose(CODE.replace("    total = 0\n", STRICTER))
    await camera.take("code-changes")
    tab.card.proposal_view.left.emit()
