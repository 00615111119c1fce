"""A message and what goes along with it, put through the input filter before it is sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.chat.prompting.context import ContextPlan
from app.chat.prompting.prompt import ChatMessage, ChatTemplate
from app.engine.protocol import ModelInfo
from app.filters.screen import Screened
from app.filters.verdict import BlockedError, Hit
from app.ui.base.engine_session import EngineSession
from app.ui.chat.composing.filter_notice import FilterNotice


@dataclass(frozen=True, slots=True)
class Sendable:
    """A screened message: the question's own words, and the whole prompt; `hits` is what the rules found."""

    text: str
    context: ContextPlan
    hits: tuple[Hit, ...]


class ChatScreening:
    """Screens with the session's filter and tells the user by the notice. Coroutines of the GUI thread."""

    def __init__(self, session: EngineSession, notice: FilterNotice) -> None:
        self._session = session
        self._notice = notice

    async def sendable(
        self,
        text: str,
        plan: ContextPlan,
        template: ChatTemplate,
        model: ModelInfo,
        *,
        tell: Callable[[], bool],
    ) -> Sendable | None:
        """The question `text` (empty for another reply to one that is kept) with the prompt it is part of.

        None where a rule does not let it out; the notice says so while `tell` holds. Raises
        `FilterFileError`.
        """
        *earlier, last = plan.sent
        try:
            words = await self._screen([text] if text else [], model)
        except BlockedError as error:
            hit = error.hits[-1]
            quote = text[slice(*hit.spans[0])] if hit.spans else ""
            self._say_blocked(hit, quote, earlier=False, told=tell())
            return None
        try:
            # The last message holds the documents too.
            question = await self._messages([last], model)
        except BlockedError as error:
            self._say_blocked(error.hits[-1], "", earlier=not text, told=tell())
            return None
        try:
            before = await self._messages(earlier, model)
        except BlockedError as error:
            self._say_blocked(error.hits[-1], "", earlier=True, told=tell())
            return None
        (question_messages, asked), (earlier_messages, along) = question, before
        if tell():
            self._notice.show_sent(asked.found("redact"), along.found("redact"), asked.found("flag"))
        sent = [*earlier_messages, *question_messages]
        if sent != plan.sent:
            plan = replace(plan, prompt=await template.render(sent), sent=sent)
        return Sendable(words.texts[0] if text else "", plan, (*asked.hits, *along.hits))

    def _say_blocked(self, hit: Hit, quote: str, *, earlier: bool, told: bool) -> None:
        if told:
            self._notice.show_blocked(hit.rule, quote, earlier=earlier, unfinished=hit.unfinished)

    async def _messages(
        self, messages: Sequence[ChatMessage], model: ModelInfo
    ) -> tuple[list[ChatMessage], Screened]:
        """The messages as they may be sent; replies stay as they are."""
        people = [message for message in messages if message.role != "assistant"]
        screened = await self._screen([message.content for message in people], model)
        texts = iter(screened.texts)
        return [
            message if message.role == "assistant" else ChatMessage(message.role, next(texts))
            for message in messages
        ], screened

    async def _screen(self, texts: Sequence[str], model: ModelInfo) -> Screened:
        return await self._session.screen(texts, "chat", model)
