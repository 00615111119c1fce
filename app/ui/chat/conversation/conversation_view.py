"""The messages of the branch that is shown, as widgets in the column."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.chat.documents.retrieval import Passage
from app.chat.markdown.block_text import Selectable
from app.chat.markdown.text_selection import Part, TextKey
from app.chat.store.records import CUT_OFF, Attachment, StoredMessage
from app.chat.store.summary import Summary
from app.ui.base.slices import NEXT_TURN, Slices
from app.ui.base.theme import Theme
from app.ui.chat.conversation import conversation_texts
from app.ui.chat.conversation.empty_chat import EmptyChat
from app.ui.chat.conversation.left_out import mark_left_out
from app.ui.chat.conversation.message_mark import MessageMark
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.chat.conversation.summary_card import SummaryCard
from app.ui.reply.chat_column import ChatColumn
from app.ui.reply.reply_foot import OtherModels
from app.ui.reply.reply_view import ReplyView
from app.ui.reply.selectable_text import ShownText
from app.ui.reply.selection_area import BlockSource

NO_EDITS: Mapping[int, str] = MappingProxyType({})
SHOWN_MESSAGES = 12
AT_ONCE = 1
"""So many of the last messages are made at once; others when the window has had its turn. What was there is
seen until all that is seen has come."""


class ConversationView(ChatColumn):
    """Shows a branch: the newest messages first made, as many as are seen, some before them in the next turns
    of the event loop, and earlier ones on demand. GUI thread."""

    to_code_requested = Signal(str, str)
    another_requested = Signal(object)
    """Another reply is wanted in place of this `StoredMessage`."""
    another_with_requested = Signal(object, str)
    """As `another_requested`, by the model of this path."""
    compare_requested = Signal(object)
    """Other answers are to come beside this `StoredMessage`."""
    continue_requested = Signal(object)
    """This `StoredMessage` was cut off and is to go on."""
    continuing_changed = Signal(bool)
    """Whether the last reply was cut off and can go on now."""
    reply_edited = Signal(object, str)
    """This `StoredMessage` of the model is to stand in other words."""
    fork_requested = Signal(object)
    """The chat up to this `StoredMessage` is to go on in a new one."""
    load_settings_requested = Signal()
    """The model is to be loaded with a larger context."""
    edit_requested = Signal(object, str)
    """This `StoredMessage` of the user is to be asked again in other words."""
    edit_typed = Signal(int, str)
    """The words of this message while it is changed; empty where it is not changed any more."""
    document_requested = Signal(object, object, object)
    """An `Attachment`, the passages of it that were used, and the one to show, or None."""
    summary_changed = Signal(object, str)
    """This `Summary` is to say that from now on."""
    summary_typed = Signal(int, str)
    """The words of this summary while it is changed; empty where it is not changed any more."""
    summary_removed = Signal(object)
    summary_cancelled = Signal()
    """The summary that is being written is not wanted."""
    editing_ended = Signal()
    """A field in it that had the keyboard is gone."""
    version_requested = Signal(int)
    """The branch of this message is to be shown in place of the present one."""
    earlier_made = Signal()
    """Messages before those that were shown have widgets now."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._branch: list[StoredMessage] = []
        self._versions: Mapping[int, Sequence[int]] = {}
        self._edits = NO_EDITS
        self._offers_editing = False
        self._why_not = self._why_not_continue = ""
        self._can_edit = True
        self._other_models: OtherModels = tuple
        self._live: tuple[int, ReplyView] | None = None
        self._left_out: frozenset[int] = frozenset()
        self._summary: SummaryCard | None = None
        self._summed_up = 0
        self._empty = EmptyChat()
        self._about_to_go_on: set[int] = set()
        """The replies of which it is not said how they ended."""
        self._wanted = 0
        """So many of the last messages are to have widgets."""
        self._later = Slices(self)
        self._target = 0
        """The message to go to once it has a widget; 0 for none."""
        self.earlier_requested.connect(self._show_earlier)

    @property
    def branch(self) -> Sequence[StoredMessage]:
        """The messages from the first to the last, as they were when they were read."""
        return self._branch

    def show_branch(
        self,
        branch: Sequence[StoredMessage],
        live: tuple[int, ReplyView] | None,
        versions: Mapping[int, Sequence[int]],
        edits: Mapping[int, str] = NO_EDITS,
    ) -> None:
        """Show a branch from its end on. `live` is the reply that is coming in, if any, with its message;
        `versions` are the messages in the place of each, as `app.chat.store.records.versions_of` gives them;
        `edits` the words of those that are being changed.
        """
        self._later.stop()
        self.begin_filling()
        for widget in self.clear():
            if self._live is not None and widget is self._live[1]:
                # It goes on coming in, and is shown again with its chat.
                widget.setParent(None)
            elif widget is not self._empty:
                widget.deleteLater()
        self._branch = list(branch)
        self._summary, self._summed_up = None, 0
        self._left_out = frozenset()
        self._versions = versions
        self._edits = edits
        self._live = live
        self._wanted = SHOWN_MESSAGES
        if not self._branch:
            self._target = 0
            self.add(self._empty)
            self.end_filling()
            self.continuing_changed.emit(False)
            return
        for _ in range(AT_ONCE):
            if self._screen_lacks_some and not conversation_texts.takes_steps(self._branch[self._first - 1]):
                self._make_earlier()
        if not self._screen_lacks_some:
            self.end_filling()
        self._offer_another()
        self.go_to_end()
        self._make_the_others()

    def add_question(self, message: StoredMessage) -> None:
        """Put the user's new message at the end."""
        if not self._branch:
            self.remove(self._empty)
        self._branch.append(message)
        self.add(self._make_question(message))
        self._offer_another()
        self.go_to_end()

    def add_reply(self, message: StoredMessage) -> None:
        """Put a reply that is whole at the end."""
        self._branch.append(message)
        self.add(self._widget_for(message))
        self._offer_another()

    def go_on_with(self, message: StoredMessage, question: StoredMessage) -> ReplyView:
        """Let a reply to `question` that was cut off come in again, in its own widget where it is shown."""
        view = next((widget for kept, widget in self.shown() if kept.id == message.id), None)
        if not isinstance(view, ReplyView):
            view = self._kept_reply(message, question)
        elif self._branch[-1].id == message.id:
            self._live = (message.id, view)
        return view

    def hold_back_end(self, message_id: int, held: bool) -> None:
        """Set whether nothing is said of how a reply ended, as it is about to go on; also where it is shown
        later."""
        if held:
            self._about_to_go_on.add(message_id)
        elif message_id in self._about_to_go_on:
            self._about_to_go_on.discard(message_id)
        else:
            return
        for message, widget in self.shown():
            if message.id == message_id and isinstance(widget, ReplyView):
                widget.hold_back_end(held)

    def add_live_reply(self, message: StoredMessage, view: ReplyView) -> None:
        """Put a reply that is coming in at the end."""
        self._branch.append(message)
        self._live = (message.id, view)
        self.add(view)
        self._offer_another()
        self.go_to_end()

    def end_live_reply(self, message: StoredMessage, view: ReplyView) -> None:
        """End a reply that was coming in, here or in another chat; `message` is what was kept of it."""
        if self._live is None or self._live[1] is not view:
            view.deleteLater()
            return
        self._live = None
        view.show_origin(message.model, message.created_at, self._other_models)
        if self._branch and self._branch[-1].id == message.id:
            self._branch[-1] = message

    def show_versions(self, versions: Mapping[int, Sequence[int]]) -> None:
        """Show which version each message is, after the branches have changed."""
        self._versions = versions
        for message, widget in self.shown():
            if isinstance(widget, QuestionCard | ReplyView):
                widget.show_versions(versions.get(message.id, ()), message.id)

    def show_summary(self, summary: Summary | None, words: str = "") -> None:
        """Show what stands for the oldest messages, where it ends; None where they stand for themselves.
        `words` are those to which it is being changed, if it is."""
        places = [
            place
            for place, message in enumerate(self._branch)
            if summary is not None and message.id == summary.last_id
        ]
        if summary is None or not places:
            self._drop_summary()
            return
        self._summary_card(places[0] + 1).show_summary(summary, places[0] + 1, words)

    def begin_summary(self, count: int) -> None:
        """Begin to show the summary of the first `count` messages."""
        self._summary_card(count).begin(count)

    def add_summary_text(self, text: str) -> None:
        """Add text to the summary that is being written, if it is still shown."""
        if self._summary is not None:
            self._summary.add(text)

    def mark_left_out(self, left_out: Iterable[int]) -> None:
        """Strike through the messages that the model would not see."""
        before, self._left_out = self._left_out, frozenset(left_out)
        if self._left_out != before:
            for message, widget in self.shown():
                mark_left_out(widget, message.id in self._left_out)

    @property
    def left_out(self) -> frozenset[int]:
        """The messages that are struck through."""
        return self._left_out

    @property
    def summary(self) -> SummaryCard | None:
        """The card of the summary of the oldest messages, if there is one."""
        return self._summary

    def _summary_card(self, count: int) -> SummaryCard:
        if self._summary is None:
            self._summary = card = SummaryCard(self._theme)
            card.changed.connect(self.summary_changed)
            card.typed.connect(lambda summary, text: self.summary_typed.emit(summary.id, text))
            card.removed.connect(self.summary_removed)
            card.editing_ended.connect(self.editing_ended)
            card.cancel_requested.connect(self.summary_cancelled)
        self._summed_up = count
        self._place_summary()
        return self._summary

    def _place_summary(self) -> None:
        """Before the first message that goes to the model itself, or above what is shown."""
        if self._summary is None:
            return
        widgets = self.messages()
        place = max(0, self._summed_up - (len(self._branch) - len(widgets)))
        self.add_note(self._summary, widgets[place] if place < len(widgets) else None)

    def _drop_summary(self) -> None:
        if self._summary is not None:
            self.remove(self._summary)
            self._summary.deleteLater()
            self._summary = None

    def offer_models(self, others: OtherModels) -> None:
        """Name the models that can answer in the place of another one."""
        self._other_models = others

    def offer_replies(self, why_not: str, why_not_continue: str, *, can_edit: bool) -> None:
        """Set why no other reply can be asked for now, and why none goes on; empty where that can be done."""
        self._why_not, self._why_not_continue, self._can_edit = why_not, why_not_continue, can_edit
        for widget in self.messages():
            if isinstance(widget, ReplyView):
                widget.offer(why_not, why_not_continue, can_edit=can_edit)
        self.continuing_changed.emit(self.can_continue)

    def offer_editing(self, offered: bool) -> None:
        """Set whether a question can be asked again now."""
        self._offers_editing = offered
        for widget in self.messages():
            if isinstance(widget, QuestionCard):
                widget.offer_editing(offered)

    def show_message(self, message_id: int) -> bool:
        """Scroll to a message and mark it for a moment; False where it is not in this branch."""
        place = self._place_of(message_id)
        if place is None:
            return False
        self._wanted = max(self._wanted, len(self._branch) - place)
        if place >= self._first and not self.is_filling:
            self._go_to_message(message_id)
        else:
            self._target = message_id
            self._make_the_others()
        return True

    def go_to_end(self) -> None:
        """Show the end, and follow it; a message that is still to be shown is not wanted any more."""
        self._target = 0
        super().go_to_end()

    def _place_of(self, message_id: int) -> int | None:
        """The place of a message in the branch."""
        return next((at for at, message in enumerate(self._branch) if message.id == message_id), None)

    def _go_to_message(self, message_id: int) -> None:
        for message, widget in self.shown():
            if message.id == message_id:
                self.go_to(widget)
                MessageMark(widget, self._page, self._theme)

    def ask_for_another(self) -> None:
        """Ask for another reply in place of the last one."""
        if self._branch and self._branch[-1].role == "assistant" and self._live is None:
            self.another_requested.emit(self._branch[-1])

    @property
    def can_continue(self) -> bool:
        """Tell whether the last reply was cut off and can go on now."""
        if not self._branch or self._live is not None or self._why_not or self._why_not_continue:
            return False
        last = self._branch[-1]
        return last.outcome in CUT_OFF and bool((last.content + last.thinking).strip())

    def ask_to_continue(self) -> None:
        """Ask for more of the last reply, if it was cut off."""
        if self.can_continue:
            self.continue_requested.emit(self._branch[-1])

    def edit_last_reply(self) -> None:
        """Change the last reply in its place."""
        reply = self._last_reply()
        if reply is not None and self._can_edit:
            # Before it is scrolled to: its blocks would be made for that, and hidden then.
            reply.start_editing()
            self.go_to(reply)

    def edit_last(self) -> None:
        """Change the last question in its place."""
        questions = [message.id for message in self._branch if message.role == "user"]
        if questions and self._offers_editing:
            self._edit(questions[-1])

    def edit_message(self, message_id: int, text: str) -> None:
        """Go on changing a question that could not be sent as `text`."""
        self._edit(message_id, text)

    def _edit(self, message_id: int, text: str = "") -> None:
        """Change a question, from `text` on where it was changed before."""
        place = self._place_of(message_id)
        while place is not None and place < self._first:
            self._make_earlier()
        for message, widget in self.shown():
            if message.id == message_id and isinstance(widget, QuestionCard):
                self.go_to(widget)
                widget.start_editing(text)

    def copy_last(self, *, with_thinking: bool = False) -> None:
        """Put the last reply on the clipboard."""
        if (reply := self._last_reply()) is not None:
            reply.copy(with_thinking=with_thinking)

    def toggle_thinking(self) -> None:
        """Show or fold the thinking of the last reply."""
        reply = self._last_reply()
        if reply is not None and reply.thinking.text:
            reply.thinking.set_open(not reply.thinking.is_open)

    def answer_now(self) -> None:
        """End the thinking of the reply that comes in."""
        if self._live is not None:
            self._live[1].thinking.ask_for_answer()

    def shown_texts(self) -> list[ShownText]:
        """The texts that have widgets, from the top."""
        if not self._branch:
            return []
        widgets = self.messages()
        first = len(self._branch) - len(widgets)
        numbered = list(enumerate(widgets, first))
        if self._summary is not None:
            at = max(0, self._summed_up - first)
            numbered.insert(at, (first + at, self._summary))
        return conversation_texts.shown_texts(numbered)

    def text_keys(self) -> Sequence[TextKey]:
        """All texts of the branch in their order."""
        earlier = self._branch[: len(self._branch) - len(self.messages())] if self._branch else []
        keys = [conversation_texts.key_of(number, message) for number, message in enumerate(earlier)]
        return keys + [shown.key for shown in self.shown_texts()]

    def blocks_of(self, key: TextKey) -> Sequence[Selectable]:
        """The blocks of a text, also where it has no widgets."""
        if key.message < len(self._branch) - len(self.messages()) and key.part is not Part.NOTE:
            return conversation_texts.blocks_of(self._branch[key.message])
        return super().blocks_of(key)

    def source_of(self, key: TextKey) -> BlockSource:
        """Return what parses a message without widgets."""
        if key.part is not Part.NOTE:
            return partial(conversation_texts.blocks_of, self._branch[key.message])
        return super().source_of(key)

    def _last_reply(self) -> ReplyView | None:
        replies = [widget for widget in self.messages() if isinstance(widget, ReplyView)]
        return replies[-1] if replies else None

    def shown(self) -> list[tuple[StoredMessage, QWidget]]:
        """The messages that have widgets, with them."""
        widgets = self.messages()
        return list(zip(self._branch[len(self._branch) - len(widgets) :], widgets, strict=True))

    def _make_question(self, message: StoredMessage) -> QuestionCard:
        card = QuestionCard(self._theme, message.content, self._column)
        card.edited.connect(lambda text: self.edit_requested.emit(message, text))
        card.editing_ended.connect(self.editing_ended)
        card.version_chosen.connect(self.version_requested)
        card.show_versions(self._versions.get(message.id, ()), message.id)
        card.offer_editing(self._offers_editing)
        card.typed.connect(lambda text: self.edit_typed.emit(message.id, text))
        if message.id in self._edits:
            card.go_on_editing(self._edits[message.id])
        if message.attachments:
            card.attachments.show_attachments(message.attachments)
            card.attachments.opened.connect(lambda which: self._open_document(message, which, None))
        return card

    def _open_document(self, question: StoredMessage, which: Attachment, place: Passage | None) -> None:
        used = [
            passage
            for passage in question.passages or ()
            if question.attachments[passage.document].id == which.id
        ]
        self.document_requested.emit(which, used, place)

    def remove_after(self, parent_id: int | None) -> None:
        """Take away what follows the message `parent_id`."""
        while self._branch and self._branch[-1].id != parent_id:
            self._branch.pop()
            if widgets := self.messages():
                self.remove(widgets[-1])
                widgets[-1].deleteLater()
        self._make_the_others()

    def make_reply(self, message: StoredMessage, question: StoredMessage | None) -> ReplyView:
        """A view for a reply to `question`, of this conversation or of one that is not shown now."""
        view = ReplyView(self._theme, self._column)
        view.to_code_requested.connect(self.to_code_requested)
        view.regenerate_requested.connect(lambda: self.another_requested.emit(message))
        view.continue_requested.connect(lambda: self.continue_requested.emit(message))
        view.load_settings_requested.connect(self.load_settings_requested)
        view.edited.connect(lambda text: self.reply_edited.emit(message, text))
        view.edit_typed.connect(lambda text: self.edit_typed.emit(message.id, text))
        view.editing_ended.connect(self.editing_ended)
        view.foot.again_with_requested.connect(lambda path: self.another_with_requested.emit(message, path))
        view.foot.compare_requested.connect(lambda: self.compare_requested.emit(message))
        view.foot.fork_requested.connect(lambda: self.fork_requested.emit(message))
        view.show_origin(message.model, message.created_at, self._other_models)
        view.offer(self._why_not, self._why_not_continue, can_edit=self._can_edit)
        view.version_chosen.connect(self.version_requested)
        view.selected_by_keys.connect(self.select_by_keys)
        view.thinking.toggled.connect(self.show_selection)
        view.show_versions(self._versions.get(message.id, ()), message.id)
        view.follow_schema(message.json_schema)
        if question is not None:
            view.sources.show_passages(question.attachments, question.passages)
            view.sources.opened.connect(lambda which, place: self._open_document(question, which, place))
        return view

    def show_model(self, name: str, host: str = "", *, is_loading: bool = False) -> None:
        """Name the model that answers, and its host if not this computer; an empty name means none yet."""
        self._empty.show_model(name, host, is_loading=is_loading)

    def welcome(self, page: QWidget) -> None:
        """Show `page` in an empty chat, below who answers."""
        self._empty.offer(page)

    @property
    def _first(self) -> int:
        """The place in the branch of the first message that has a widget."""
        return len(self._branch) - len(self.messages())

    @property
    def _misses_some(self) -> bool:
        """Tell whether messages before those that are shown are to have widgets, too."""
        return len(self.messages()) < min(self._wanted, len(self._branch))

    def _show_earlier(self) -> None:
        self._wanted = max(self._wanted, len(self.messages())) + SHOWN_MESSAGES
        self._make_the_others()

    @property
    def _screen_lacks_some(self) -> bool:
        """Tell whether messages are missing that would be seen."""
        return self._misses_some and not self.is_full

    def _make_the_others(self) -> None:
        """Make what is missing in the next turns: what is seen first, which is shown as a whole."""

        def steps() -> Iterator[object]:
            while self._misses_some:
                if self.is_filling and not self._screen_lacks_some:
                    # All that is seen is laid out.
                    yield NEXT_TURN
                    if self.is_filling:
                        self._show_filled()
                    yield None
                    continue
                message = self._branch[self._first - 1]
                yield from conversation_texts.steps_of(message)
                for text in (message.thinking, message.content):
                    yield from self._theme.letters.steps(text, self.font())
                # Some may have gone meanwhile.
                if self._misses_some:
                    self._make_earlier()
                yield None
            if self.is_filling:
                yield NEXT_TURN
            if self.is_filling:
                self._show_filled()
                yield None
            self.earlier_made.emit()
            if self._target:
                self._go_to_target()

        if self._misses_some:
            self._later.begin(steps())

    def _show_filled(self) -> None:
        """Show what has come, from the message on that is to be gone to where that has come, too."""
        place = self._place_of(self._target)
        if place is not None and place >= self._first:
            self._go_to_target()
        else:
            self.end_filling()

    def _go_to_target(self) -> None:
        target, self._target = self._target, 0
        self._go_to_message(target)

    def _make_earlier(self) -> None:
        """Make the message before those that are shown."""
        message = self._branch[self._first - 1]
        widget = self._widget_for(message)
        self.offer_earlier(self._first > 1)
        self.add_first(widget)
        self._place_summary()
        if message.id in self._left_out:
            mark_left_out(widget, left_out=True)
        if isinstance(widget, ReplyView):
            widget.offer_ways_on(message is self._branch[-1])

    def _widget_for(self, message: StoredMessage) -> QWidget:
        if message.role == "user":
            return self._make_question(message)
        if self._live is not None and self._live[0] == message.id:
            return self._live[1]
        question = next((kept for kept in self._branch if kept.id == message.parent_id), None)
        return self._kept_reply(message, question)

    def _kept_reply(self, message: StoredMessage, question: StoredMessage | None) -> ReplyView:
        view = self.make_reply(message, question)
        view.show_kept(message.content, message.thinking, message.outcome, message.stats, message.error)
        if message.id in self._about_to_go_on:
            view.hold_back_end(True)
        if message.id in self._edits:
            view.go_on_editing(self._edits[message.id])
        return view

    def _offer_another(self) -> None:
        """Only the last reply can go on: what follows an earlier one answers that one."""
        widgets = self.messages()
        for widget in widgets:
            if isinstance(widget, ReplyView):
                widget.offer_ways_on(widget is widgets[-1])
        self.continuing_changed.emit(self.can_continue)
