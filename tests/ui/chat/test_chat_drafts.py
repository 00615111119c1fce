"""Drafts in the Chat tab, with a real store."""

from tests.support.chat_desk import ENDLESS, Opened, until


def test_drafts_belong_to_their_chats_and_survive(opened: Opened) -> None:
    async def scenario() -> None:
        one = opened.store.create_conversation(title="one")
        two = opened.store.create_conversation(title="two")
        opened.tab.open_chat(one.id)
        opened.tab.composer.set_text("for one")
        opened.tab.open_chat(two.id)
        assert opened.tab.composer.text() == ""
        await until(lambda: opened.store.conversation(one.id).draft == "for one")
        opened.tab.open_chat(one.id)
        assert opened.tab.composer.text() == "for one"
        opened.tab.open_chat(None)
        opened.tab.composer.set_text("not sent anywhere")
        await until(lambda: "not sent anywhere" in [chat.draft for chat in opened.store.conversations()])
        assert opened.tab.chat is not None
        assert len(opened.store.conversations()) == 4

    opened.run(scenario())


def test_what_is_typed_is_kept_when_the_program_ends(opened: Opened) -> None:
    opened.tab.open_chat(None)
    opened.tab.composer.set_text("typed a moment ago")
    opened.tab.close_down()()
    assert "typed a moment ago" in [chat.draft for chat in opened.store.conversations()]


def test_a_draft_of_a_new_chat_is_kept_while_another_chat_answers(opened: Opened) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        await opened.first_words()
        answering = opened.tab.chat
        assert answering is not None
        opened.tab.open_chat(None)
        opened.tab.composer.set_text("a thought meanwhile")
        opened.tab.open_chat(answering.id)
        await until(lambda: "a thought meanwhile" in [chat.draft for chat in opened.store.conversations()])
        opened.tab.stop()
        await opened.idle()

    opened.run(scenario())


def test_a_new_chat_is_made_once_however_quickly_it_is_left(opened: Opened) -> None:
    async def scenario() -> None:
        one = opened.store.create_conversation(title="one")
        before = len(opened.store.conversations())
        opened.tab.open_chat(None)
        opened.tab.composer.set_text("half a")
        # The timer's turn, and the click that follows at once.
        opened.tab.drafts.keep()
        opened.tab.composer.set_text("half a thought")
        opened.tab.open_chat(one.id)
        await until(lambda: "half a thought" in [chat.draft for chat in opened.store.conversations()])
        assert len(opened.store.conversations()) == before + 1
        # Back before anything is on the disk.
        opened.tab.composer.set_text("for one")
        opened.tab.open_chat(None)
        opened.tab.open_chat(one.id)
        assert opened.tab.composer.text() == "for one"

    opened.run(scenario())
