"""The last words of a full disk give way to what is kept after them."""

from contextlib import closing
from pathlib import Path

from app.chat.store.full_disk_drafts import LastWord
from app.chat.store.store import ChatStore


def test_what_was_saved_later_is_not_put_back_by_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    with closing(ChatStore(path)) as store:
        chat, other = store.create_conversation(), store.create_conversation()
        question = store.add_message(chat.id, None, "user", "Why?")
        reply = store.add_message(chat.id, question.id, "assistant", model="m", outcome="running")
        store.write_again()
        assert store.keep_last(LastWord(message=reply.id, content="Be", outcome="cancelled"))
        assert store.keep_last(LastWord(chat=chat.id, draft="old"))
        assert store.keep_last(LastWord(chat=other.id, draft="refused"))
        store.save_reply(reply.id, "Because.", "", outcome="stop")
        store.save_draft(chat.id, "newer")
    with closing(ChatStore(path)) as store:
        drafts = {kept.id: kept.draft for kept in store.conversations()}
        assert drafts == {chat.id: "newer", other.id: "refused"}
        [answer] = [message for message in store.messages(chat.id) if message.role == "assistant"]
        assert (answer.content, answer.outcome) == ("Because.", "stop")
