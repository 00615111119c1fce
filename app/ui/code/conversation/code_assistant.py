"""Turns a question about code into a prompt that fits the loaded model, and remembers what was said."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QObject

from app.base.errors import StillroomError
from app.chat.prompting.prompt import ChatMessage, ChatTemplate, Prompt
from app.code.ask import Excerpt, Question, Task, fit_question
from app.code.mentions import NamedFile
from app.engine.protocol import Generate, ModelInfo, Sampling
from app.filters.screen import Screened
from app.ui.base.engine_session import EngineSession, OnReplyEvent, Reply

QUESTION_SHARE = 0.5
"""Of the context: how much a question with its code may take. The rest is for thinking and answering."""

HISTORY_SHARE = 0.65
"""Of the context: how much earlier questions and answers may fill up to."""


@dataclass(frozen=True, slots=True)
class FittedQuestion:
    """A question ready to send. `tokens` counts the whole prompt, `dropped_turns` the earlier questions that
    found no room in it, `context_tokens` what the model can hold."""

    question: Question
    prompt: Prompt
    tokens: int
    dropped_turns: int
    context_tokens: int
    screened: Screened = field(default_factory=lambda: Screened(()))
    """The input filter's findings in the question; `prompt` holds only what may be sent."""


class CodeAssistant(QObject):
    """Fits and asks; GUI thread only.

    A question in the user's own words follows up on what was said before; explain, complete, fix and tests
    start afresh, as earlier code would only mislead the model.
    """

    def __init__(self, session: EngineSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._turns: list[tuple[str, str]] = []
        self._model = session.info
        session.loaded.connect(self._on_loaded)
        session.unloaded.connect(self._on_gone)
        session.load_failed.connect(self._on_gone)

    @property
    def model(self) -> ModelInfo | None:
        """The model that answers; after a crash the one of before, as the engine loads it again by itself."""
        return self._model

    def start_over(self) -> None:
        """Forget what was said."""
        self._turns.clear()

    def remember(self, prompt: str, answer: str) -> bool:
        """Keep a prompt and its answer for follow-up questions; False where there is no answer to keep."""
        if not answer.strip():
            return False
        self._turns.append((prompt, answer))
        return True

    async def fit(
        self,
        task: Task,
        excerpt: Excerpt,
        *,
        question: str = "",
        problem: str = "",
        files: Sequence[NamedFile] = (),
        to_send: bool = True,
    ) -> FittedQuestion:
        """The prompt for a question, with `files` and as much of its own file and of the earlier turns as
        fits. Without `to_send` it is only to tell how much that is.

        Raises `StillroomError` without a model, `SelectionTooLongError` and `FilesTooLongError` when these do
        not fit, and `BlockedError` when a rule of the input filter does not let it out.
        """
        model = self.model
        if model is None:
            raise StillroomError(
                "No model is loaded.", "Choose a model at the top of the window, then ask again."
            )
        template = self._session.templates.of(model)

        async def count(prompt: str, turns: list[tuple[str, str]]) -> int:
            return await self._session.count_tokens((await _render(template, prompt, turns)).parts)

        async def count_alone(prompt: str) -> int:
            return await count(prompt, [])

        budget = int(model.context_tokens * QUESTION_SHARE)
        fitted = await fit_question(
            task, excerpt, budget, count_alone, question=question, problem=problem, files=files
        )
        screened = await self._session.screen([fitted.prompt], "code", model, noted=to_send)
        fitted = replace(fitted, prompt=screened.texts[0])
        tokens = fitted.tokens
        turns: list[tuple[str, str]] = []
        follows_up = task == "ask" and bool(fitted.prompt)
        earlier = await self._screened_turns(model, noted=to_send) if follows_up else []
        for turn in reversed(earlier):
            with_turn = await count(fitted.prompt, [turn, *turns])
            if with_turn > int(model.context_tokens * HISTORY_SHARE):
                break
            tokens = with_turn
            turns.insert(0, turn)
        return FittedQuestion(
            question=replace(fitted, tokens=tokens),
            # A file of which nothing fits and no words yet: there is something to count, and nothing to send.
            prompt=await _render(template, fitted.prompt, turns) if fitted.prompt else Prompt([], "auto"),
            tokens=tokens,
            dropped_turns=len(earlier) - len(turns),
            context_tokens=model.context_tokens,
            screened=screened,
        )

    def ask(self, fitted: FittedQuestion, sampling: Sampling, on_event: OnReplyEvent) -> Reply:
        """Start the reply to a fitted question."""
        request = Generate(
            request_id=0,
            parts=fitted.prompt.parts,
            sampling=sampling,
            thinking=fitted.prompt.thinking,
            # Answers about code repeat much of it.
            speculation="lookup",
            answer_guard=True,
        )
        return self._session.generate(request, on_event, "code", fitted.screened.hits)

    async def _screened_turns(self, model: ModelInfo, *, noted: bool) -> list[tuple[str, str]]:
        """Return the earlier questions, screened by the present rules, each with its answer."""
        before = await self._session.screen([asked for asked, _ in self._turns], "code", model, noted=noted)
        return [(text, answer) for text, (_, answer) in zip(before.texts, self._turns, strict=True)]

    def _on_loaded(self, model: ModelInfo) -> None:
        self._model = model

    def _on_gone(self, _error: object = None) -> None:
        # A load that ended without a model leaves the one of before where there was room for both.
        self._model = self._session.info


async def _render(template: ChatTemplate, prompt: str, turns: list[tuple[str, str]]) -> Prompt:
    messages: list[ChatMessage] = []
    for asked, answered in turns:
        messages += [ChatMessage("user", asked), ChatMessage("assistant", answered)]
    return await template.render([*messages, ChatMessage("user", prompt)])
