"""From what the engine is asked to an answer, whole or in pieces; the same for each API."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from starlette.requests import Request

from app.base.errors import Cancelled, StillroomError
from app.chat.prompting.prompt import ChatMessage
from app.engine.protocol import Delta, Finished, Generate, ModelInfo, Part, TokenLogprob
from app.server.access.api_error import ApiError, api_error, broken_off
from app.server.requests.replies import StreamedReply, unless_gone
from app.server.requests.services import Services


@dataclass(slots=True, eq=False)
class Choice:
    """One reply so far; `end` is there once it has ended."""

    index: int
    thinking_pieces: list[str] = field(default_factory=list)
    answer_pieces: list[str] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    end: Finished | None = None

    @property
    def thinking(self) -> str:
        """The thinking, without the white space around it."""
        return "".join(self.thinking_pieces).strip()

    @property
    def answer(self) -> str:
        """The answer so far."""
        return "".join(self.answer_pieces)

    @property
    def ended(self) -> Finished:
        """The end, which has come."""
        assert self.end is not None
        return self.end

    def add(self, delta: Delta) -> None:
        """More of it."""
        if delta.channel == "thinking":
            self.thinking_pieces.append(delta.text)
        else:
            self.answer_pieces.append(delta.text)
            self.logprobs += delta.logprobs


async def answer_events(
    services: Services, request: Request, info: ModelInfo, wanted: Sequence[Generate]
) -> AsyncGenerator[tuple[Choice, Delta | Finished], None]:
    """Yield each event with its reply so far, which holds it already. Raises `StillroomError`.

    Close it, and replies that still run are cancelled.
    """
    choices = [Choice(index) for index in range(len(wanted))]
    with (
        services.admission.admit(request, len(wanted)) as call,
        services.ask(wanted, services.admission.noted(request, info, services.client)) as replies,
    ):
        async for index, event in replies.events():
            choice = choices[index]
            if isinstance(event, Delta):
                choice.add(event)
            elif event.reason == "cancelled":
                # Not by this client, who would not be listening.
                raise broken_off(server_stopped=services.stopped)
            else:
                choice.end = event
                call.finished(event)
            yield choice, event


async def whole_answer(
    services: Services, request: Request, info: ModelInfo, wanted: Sequence[Generate]
) -> list[Choice]:
    """The replies, once all have ended. Raises `StillroomError`, or `ClientGone`."""

    async def gather() -> list[Choice]:
        choices: dict[int, Choice] = {}
        async with aclosing(answer_events(services, request, info, wanted)) as events:
            async for choice, _ in events:
                choices[choice.index] = choice
        return [choices[index] for index in sorted(choices)]

    return await unless_gone(request, gather())


async def streamed_answer(
    services: Services,
    request: Request,
    pieces: AsyncGenerator[bytes, None],
    media_type: str,
    failure: Callable[[ApiError], bytes],
) -> StreamedReply:
    """An answer in `pieces`; `failure` makes one of what goes wrong in the middle.

    What is refused at once is raised, so that it has its HTTP status. Raises `StillroomError`, `ClientGone`.
    """
    try:
        first = await unless_gone(request, anext(pieces))
    except BaseException:
        await pieces.aclose()
        raise

    async def all_pieces() -> AsyncGenerator[bytes, None]:
        async with aclosing(pieces):
            yield first
            try:
                async for piece in pieces:
                    yield piece
            except StillroomError as error:
                yield failure(api_error(error))
            except Cancelled:
                yield failure(broken_off(server_stopped=services.stopped))

    return StreamedReply(all_pieces(), media_type, services.config.limits.send_s)


async def screened(
    services: Services, request: Request, info: ModelInfo, messages: Sequence[ChatMessage]
) -> list[ChatMessage]:
    """The conversation as the model may see it. Raises `StillroomError` for what is blocked."""
    texts = await services.admission.screen(request, info, [message.content for message in messages])
    return [ChatMessage(message.role, text) for message, text in zip(messages, texts, strict=True)]


def around_the_gap(info: ModelInfo, before: str, behind: str) -> list[Part]:
    """Make the prompt for the text between the two. Raises `ApiError` for a model that cannot do that."""
    if info.fim_texts is None:
        raise ApiError(
            400,
            "{name} was not taught to fill in the middle, so it knows no suffix.",
            "Put what comes behind into the prompt.",
            param="suffix",
            name=info.name,
        )
    start, end, fill = info.fim_texts
    return [Part(start, True), Part(before), Part(end, True), Part(behind), Part(fill, True)]
