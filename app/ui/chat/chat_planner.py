"""Plan what of a chat goes to the model with the next message; write the summary that makes room for it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.chat.documents.retrieval import Passage
from app.chat.prompting.attached import with_documents
from app.chat.prompting.context import (
    LEAST_REPLY_TOKENS,
    ChoosePassages,
    ContextPlan,
    plan_context,
    plan_with_documents,
)
from app.chat.prompting.prompt import ChatMessage, ChatTemplate
from app.chat.prompting.summarising import summarise, summary_tokens, write_summary
from app.chat.store.records import Attachment, StoredMessage
from app.chat.store.summary import Summary, after_summary
from app.chat.store.vectors import EmbeddingModel, PassageVectors, model_fingerprint
from app.chat.turn import history
from app.engine.protocol import ModelInfo, Part, PartialReply
from app.ui.base.engine_session import EngineSession
from app.ui.chat.composing.context_meter import ContextUse

LEAST_FURTHER_TOKENS = 16
"""Room for which a reply still goes on."""


@dataclass(frozen=True, slots=True)
class NextPrompt:
    """The message to be answered: the last of `branch`, or `text` with its documents."""

    model: ModelInfo
    branch: list[StoredMessage]
    system_prompt: str
    summary: Summary | None
    text: str = ""
    attachments: Sequence[Attachment] = ()
    partial: PartialReply | None = None
    """The reply that is to go on."""


@dataclass(frozen=True, slots=True)
class ExchangePlan:
    """The fit of a `NextPrompt` into the context: `dropped` are the messages of its branch that do not fit,
    `passages` what is sent of documents that do not fit whole, `said_tokens` those of a reply that goes on.
    """

    context: ContextPlan
    dropped: list[StoredMessage]
    passages: list[Passage] | None = None
    said_tokens: int = 0


class ChatPlanner:
    """Counts with the engine's own tokeniser. Coroutines of the GUI thread."""

    def __init__(self, session: EngineSession, vectors: PassageVectors) -> None:
        self._session = session
        self._vectors = vectors
        self._fingerprints: dict[str, str] = {}
        self._last: tuple[NextPrompt, ExchangePlan] | None = None
        """The plan that was made while the message was typed: sending it needs no second one."""

    def template(self, model: ModelInfo) -> ChatTemplate:
        """The model's template."""
        return self._session.templates.of(model)

    async def plan(self, wanted: NextPrompt, *, by_meaning: bool = False) -> ExchangePlan:
        """Plan what goes to the model, and count its tokens. `by_meaning` also asks the embedding model for
        the passages of documents that do not fit whole; the first time it reads them all."""
        if not by_meaning and self._last is not None and self._last[0] == wanted:
            return self._last[1]
        model = await self._embedding_model() if by_meaning else None

        async def choose(attachments: Sequence[Attachment], question: str, most: int) -> list[Passage]:
            assert model is not None
            return await self._vectors.best_passages(attachments, question, most, model)

        plan = await self._plan(wanted, wanted.model.context_tokens, choose if model is not None else None)
        if not by_meaning:
            self._last = wanted, plan
        return plan

    def reads_meaning(self, wanted: NextPrompt) -> bool:
        """Tell whether there are documents, and an embedding model to find their passages by meaning."""
        return bool(wanted.attachments) and bool(self._session.embedding_model)

    async def _embedding_model(self) -> EmbeddingModel | None:
        path = self._session.embedding_model
        if not path:
            return None
        if path not in self._fingerprints:
            self._fingerprints[path] = await asyncio.to_thread(model_fingerprint, Path(path))
        return EmbeddingModel(self._fingerprints[path], partial(self._session.embed, model=path))

    async def use(self, wanted: NextPrompt, plan: ExchangePlan) -> ContextUse:
        """Count the tokens of `plan` by where they come from."""
        words = with_documents("", wanted.attachments, plan.passages) if wanted.attachments else ""

        async def count(text: str) -> int:
            return await self._session.count_tokens([Part(text)], wanted.model.path) if text else 0

        message, documents = await asyncio.gather(count(wanted.text), count(words))
        return ContextUse(
            message=message,
            documents=documents,
            history=max(0, plan.context.prompt_tokens - message - documents),
            context=plan.context.context_tokens,
            passages=None if plan.passages is None else len(plan.passages),
        )

    async def to_summarise(self, wanted: NextPrompt) -> list[StoredMessage]:
        """The oldest messages that a summary should stand for: all that do not fit half of the context, so
        that the next one is not needed at once. Empty where the rest would not fit beside a summary either.
        """
        half = await self._plan(wanted, wanted.model.context_tokens // 2)
        context = wanted.model.context_tokens
        reserve = min(LEAST_REPLY_TOKENS, context // 4)
        if half.context.prompt_tokens + summary_tokens(context) + reserve > context:
            return []
        return half.dropped

    async def summarise(
        self, wanted: NextPrompt, messages: Sequence[StoredMessage], on_text: Callable[[str], None]
    ) -> str:
        """Let the model sum these up, together with the summary before. `on_text` as in `write_summary`.

        Raises `BlockedError` where the input filter does not let one of them out.
        """
        model = wanted.model
        said = history(messages)
        screened = await self._session.screen([message.content for message in said], "chat", model)
        answers = self._session.answers("chat", model, screened.hits)
        return await summarise(
            self.template(model),
            [ChatMessage(each.role, text) for each, text in zip(said, screened.texts, strict=True)],
            wanted.summary.text if wanted.summary else "",
            partial(self._session.count_tokens, model=model.path),
            model.context_tokens,
            lambda prompt, most: write_summary(answers, prompt, most, model.path, on_text),
        )

    async def _plan(
        self, wanted: NextPrompt, context_tokens: int, choose: ChoosePassages | None = None
    ) -> ExchangePlan:
        template = self.template(wanted.model)
        messages: list[ChatMessage] = history(wanted.branch, wanted.system_prompt, wanted.summary)
        count = partial(self._session.count_tokens, model=wanted.model.path)
        pinned = 0 if wanted.summary is None else 1
        passages, said = None, 0
        if wanted.partial is not None:
            # What its first part was told stays as it was, as long as there is any room behind it.
            said = await count([Part(wanted.partial.thinking), Part(wanted.partial.answer)])
            context = await plan_context(
                template,
                messages,
                count,
                max(1, context_tokens - said),
                reply_tokens=LEAST_FURTHER_TOKENS,
                pinned=pinned,
            )
        elif wanted.text:
            context, passages = await plan_with_documents(
                template,
                messages,
                wanted.text,
                wanted.attachments,
                count,
                context_tokens,
                pinned=pinned,
                choose=choose,
            )
        else:
            context = await plan_context(template, messages, count, context_tokens, pinned=pinned)
        own = after_summary(wanted.branch, wanted.summary)
        return ExchangePlan(context, own[: len(context.dropped)], passages, said)
