"""The actions of the Chat tab, for the keyboard and the command palette."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.ui.base import shortcuts
from app.ui.base.add_action import add_action
from app.ui.chat.composing.chat_attachments import ChatAttachments
from app.ui.chat.composing.chat_prompts import ChatPrompts
from app.ui.chat.composing.composer import Composer
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.chat.list.chat_list import ChatList


class ChatActions(QObject):
    """Gives the tab its actions. GUI thread.

    `stop` is for the tab to switch on while there is something to stop: Escape means other things elsewhere.
    `go_on` is on while the last reply was cut off and can go on.
    """

    def __init__(
        self,
        tab: QWidget,
        chats: ChatList,
        conversation: ConversationView,
        composer: Composer,
        attachments: ChatAttachments,
        prompts: ChatPrompts,
        *,
        stop: Callable[[], None],
        open_new_chat: Callable[[], None],
        ask_for_schema: Callable[[], None],
        running: Callable[[], bool],
        why_not: Callable[[], str],
        compare: tuple[Callable[[], None], Callable[[], str]],
    ) -> None:
        """`running` tells whether a reply is on its way, `why_not` why no other one can be asked for,
        empty where it can. `compare` opens the comparison, and says why it cannot be done now."""
        super().__init__(tab)
        self._conversation = conversation
        self._running = running
        self._why_not = why_not
        for text, keys, slot, refusal in (
            (self.tr("Stop the reply"), shortcuts.STOP, stop, self._nothing_runs),
            (self.tr("New chat"), shortcuts.NEW_CHAT, open_new_chat, None),
            (self.tr("Next chat"), shortcuts.NEXT_CHAT, lambda: chats.choose_next(1), None),
            (self.tr("Previous chat"), shortcuts.CHAT_BEFORE, lambda: chats.choose_next(-1), None),
            (self.tr("Go to the end of the chat"), shortcuts.END_OF_CHAT, conversation.go_to_end, None),
            (self.tr("Search all chats"), shortcuts.SEARCH_CHATS, chats.begin_search, None),
            (self.tr("Attach files"), shortcuts.ATTACH, attachments.ask_for_files, None),
            (self.tr("Model behaviour"), shortcuts.BEHAVIOUR, composer.settings.toggle, None),
            (
                self.tr("Regenerate the reply"),
                shortcuts.REGENERATE,
                conversation.ask_for_another,
                self._no_other,
            ),
            (self.tr("Continue the reply"), "", conversation.ask_to_continue, self._no_other),
            (self.tr("Edit the last reply"), "", conversation.edit_last_reply, self._no_end),
            (self.tr("Edit the last message"), shortcuts.EDIT_MESSAGE, conversation.edit_last, self._no_end),
            (self.tr("Copy the last reply"), shortcuts.COPY_REPLY, conversation.copy_last, self._no_reply),
            (
                self.tr("Copy the last reply with its thinking"),
                shortcuts.COPY_WITH_THINKING,
                lambda: conversation.copy_last(with_thinking=True),
                self._no_reply,
            ),
            (
                self.tr("Show or fold the thinking"),
                shortcuts.FOLD_THINKING,
                conversation.toggle_thinking,
                self._no_reply,
            ),
            (self.tr("Answer now"), shortcuts.ANSWER_NOW, conversation.answer_now, self._nothing_runs),
            (self.tr("Compare answers…"), shortcuts.COMPARE, *compare),
            (self.tr("Prompt library"), shortcuts.PROMPTS, prompts.open_library, None),
            (self.tr("Structured answers"), "", ask_for_schema, None),
        ):
            action = add_action(tab, text, keys, slot, refusal)
            if slot is stop:
                self.stop = action
            elif slot == conversation.ask_to_continue:
                self.go_on = action

    def _nothing_runs(self) -> str:
        return "" if self._running() else self.tr("No reply is being written")

    def _no_reply(self) -> str:
        there = any(message.role == "assistant" for message in self._conversation.branch)
        return "" if there else self.tr("This chat has no reply yet")

    def _no_end(self) -> str:
        return self._why_not() if self._running() else self._no_reply()

    def _no_other(self) -> str:
        return self._no_end() or self._why_not()
