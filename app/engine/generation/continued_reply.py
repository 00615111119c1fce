"""What a reply begins with: nothing but its prompt, or what it had said already when it was cut off. Pure."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.base.errors import RequestError
from app.engine.batching.prefix import Held
from app.engine.generation.loop_guard import LoopGuard
from app.engine.generation.prompt_tokens import SLICE, Tokenizer, slices_of
from app.engine.generation.reply_text import ReplyText
from app.engine.generation.think_splitter import ThinkingStart
from app.engine.generation.thinking_limits import NO_THOUGHT, ThinkingControl
from app.engine.grammar.gbnf import GrammarError, Rules
from app.engine.grammar.grammar_matcher import Grammar
from app.engine.grammar.token_bytes import TokenBytes
from app.engine.protocol import Channel, Generate, PartialReply, ThinkingClosed
from app.engine.protocol.message_base import THINK_CLOSE, THINK_OPEN

SOME_TOKENS = 256
"""Heard again in some milliseconds; then others have their turn."""

SOME_BYTES = 16
"""Of a text that a grammar follows at once: about as many as it is made to take in for a few tokens."""

Steps = Generator[None, None, None]


class Vocabulary(Tokenizer, Protocol):
    """The part of a model that a reply's beginning needs. Any thread."""

    def piece(self, token: int) -> tuple[bytes, bool]:
        """Return the bytes that a token prints, and whether it ends the reply."""

    def token_bytes(self) -> TokenBytes:
        """Return the bytes that all tokens print."""


@dataclass(slots=True, eq=False)
class Beginning:
    """A reply before its next token: `tokens` are the prompt and the `resumed_tokens` that stand already.

    `is_bound` says that the grammar counts for the next token, `may_think` that `<think>` may come in its
    place. `thinking_tokens`, `thinking_s` and `answer_tokens` are those of before, and `answer_loops` says
    what the `answer_guard` finds of it.
    """

    tokens: list[int]
    text: ReplyText
    control: ThinkingControl
    grammar: Grammar | None = None
    is_bound: bool = False
    may_think: bool = False
    closed: ThinkingClosed = ""
    thinking_tokens: int = 0
    thinking_s: float = 0.0
    answer_tokens: int = 0
    resumed_tokens: int = 0
    answer_guard: LoopGuard | None = None
    answer_loops: bool = False


class _GrammarRefusalError(RequestError):
    """The grammar does not allow the tokens, or the text, that a reply goes on from."""


def begin(
    request: Generate,
    prompt: list[int],
    known: Sequence[Held],
    vocabulary: Vocabulary,
    rules: Rules | None,
    context_tokens: int,
) -> Generator[None, None, Beginning]:
    """Begin a reply to `prompt`, in steps of some milliseconds; `known` is what may hold the tokens of one
    that goes on. Raises `RequestError`."""
    if not prompt:
        raise RequestError("The prompt is empty.", "Write something first.")
    start: ThinkingStart = request.thinking
    closed: ThinkingClosed = ""
    partial = request.partial
    if start == "open" and request.thinking_limits.tokens == 0 and not (partial and partial.thinking):
        prompt = [*prompt, *vocabulary.tokenize(NO_THOUGHT, special=True)]
        start, closed = "auto", "budget"
    if len(prompt) >= context_tokens:
        raise RequestError(
            "The prompt has {prompt_tokens} tokens, but the context holds {context_tokens}.",
            "Shorten the conversation, or load the model with a larger context.",
            prompt_tokens=len(prompt),
            context_tokens=context_tokens,
        )

    def anew() -> Beginning:
        return Beginning(
            list(prompt),
            ReplyText(start, request.stop),
            control := ThinkingControl(request.thinking_limits, context_tokens - len(prompt)),
            Grammar(rules, vocabulary.token_bytes()) if rules is not None else None,
            is_bound=start != "open",
            may_think=start == "auto" and not control.off,
            closed=closed,
            answer_guard=LoopGuard() if request.answer_guard else None,
        )

    made = anew()
    if partial is None:
        return made
    if start == "off":
        partial = PartialReply(answer=partial.answer)
    try:
        yield from _Resumption(made, partial, start, vocabulary, context_tokens).run(known)
    except _GrammarRefusalError:
        # Known tokens were those of another reply, which says the same with line breaks that are not shown.
        made = anew()
        yield from _Resumption(made, partial, start, vocabulary, context_tokens).run(())
    return made


class _Match(NamedTuple):
    """So many tokens of a known reply say so many characters of the partial one."""

    tokens: list[int]
    thinking: int = 0
    answer: int = 0


class _Resumption:
    """Brings a beginning to where a partial reply was cut off."""

    def __init__(
        self,
        made: Beginning,
        partial: PartialReply,
        start: ThinkingStart,
        vocabulary: Vocabulary,
        context_tokens: int,
    ) -> None:
        self._made = made
        self._partial = partial
        self._start = start
        self._vocabulary = vocabulary
        self._context_tokens = context_tokens
        self._prompt = made.tokens
        self._said = bytearray()
        self._thought = start == "open"

    def run(self, known: Sequence[Held]) -> Steps:
        """Take in the partial reply, by its own tokens as far as `known` has them."""
        made, partial = self._made, self._partial
        best = _Match([])
        for held in known:
            match = yield from self._match(held)
            best = max(best, match, key=lambda one: (one.thinking + one.answer, len(one.tokens)))
        made.tokens = list(self._prompt)
        yield from self._take(best.tokens)
        yield from self._write_rest(best)
        made.resumed_tokens = len(made.tokens) - len(self._prompt)
        made.thinking_s = partial.thinking_s
        made.text.go_on(partial.answer)
        if self._said:
            made.may_think = False
        made.is_bound = made.text.channel == "answer"
        if made.grammar is not None and made.is_bound:
            yield from self._follow(made.grammar)

    def _match(self, held: Held) -> Generator[None, None, _Match]:
        """Find how much of the partial reply the tokens behind the prompt say."""
        at = len(self._prompt)
        tokens = [*held.tokens, *held.rest] if len(held.tokens) + len(held.rest) >= at else []
        if not tokens or tokens[:at] != self._prompt:
            return _Match([])
        wanted: dict[Channel, str] = {"thinking": self._partial.thinking, "answer": self._partial.answer}
        said: dict[Channel, int] = {"thinking": 0, "answer": 0}
        text = ReplyText(self._start)
        end, best = at, (0, 0)
        for place, token in enumerate(tokens[at:], at + 1):
            if place % SOME_TOKENS == 0:
                yield
            piece, ends = self._vocabulary.piece(token)
            if ends:
                break
            stretches = text.replay(piece)
            if not all(_goes_on(wanted, said, *stretch) for stretch in stretches):
                break
            is_whole = all(len(wanted[channel]) == said[channel] for channel in said)
            # Behind half a character, or half a tag, nothing could be written.
            if is_whole or not text.holds:
                end, best = place, (said["thinking"], said["answer"])
        return _Match(tokens[at:end], *best)

    def _take(self, tokens: Sequence[int]) -> Steps:
        """Hear tokens of the reply again."""
        made, text = self._made, self._made.text
        self._check_room(len(tokens))
        for place, token in enumerate(tokens):
            if place % SOME_TOKENS == SOME_TOKENS - 1:
                yield
            piece, _ = self._vocabulary.piece(token)
            thought = text.channel == "thinking"
            text.replay(piece)
            thinks = text.channel == "thinking"
            if thought or thinks:
                self._thought = True
                made.thinking_tokens += 1
            else:
                made.answer_tokens += 1
            if thinks:
                made.control.note(token, piece)
            elif made.answer_guard is not None:
                made.answer_loops = made.answer_guard.add(token, piece)
            self._said += piece
            made.tokens.append(token)

    def _write_rest(self, done: _Match) -> Steps:
        """Tokenise what no known tokens say."""
        partial, text = self._partial, self._made.text
        is_closed = partial.closed or bool(partial.answer)
        thinking = partial.thinking[done.thinking :]
        if thinking and text.channel == "answer" and self._start == "auto":
            yield from self._take(self._vocabulary.tokenize(f"{THINK_OPEN}\n".encode(), special=True))
        if text.channel == "thinking":
            yield from self._write(thinking)
            if is_closed:
                closing = self._made.control.closing()
                yield from self._take(self._vocabulary.tokenize(closing, special=True))
        yield from self._write(partial.answer[done.answer :])

    def _write(self, text: str) -> Steps:
        """Tokenise text of the reply, as nobody's control tokens."""
        if len(text) <= SLICE:
            yield from self._take(self._vocabulary.tokenize(text.encode("utf-8", "replace"), special=False))
            return
        vocabulary = self._vocabulary.token_bytes()
        self._check_room(vocabulary.least_tokens(text.encode("utf-8", "replace")))
        yield
        for some in slices_of(text, self._vocabulary, vocabulary):
            yield from self._take(some)

    def _check_room(self, more_tokens: int) -> None:
        if len(self._made.tokens) + more_tokens >= self._context_tokens:
            raise RequestError(
                "The reply cannot go on: it fills the context of {context_tokens} tokens.",
                "Load the model with a larger context.",
                context_tokens=self._context_tokens,
            )

    def _follow(self, grammar: Grammar) -> Steps:
        """Bring the grammar behind the answer. Raises `RequestError`."""
        answer = bytes(self._said)
        if self._thought:
            answer = answer.partition(THINK_CLOSE.encode())[2]
            # Put there with the tag, before the grammar began to count.
            for _ in range(2):
                answer = answer.removeprefix(b"\n")
        try:
            for at in range(0, len(answer), SOME_BYTES):
                if at % (SOME_TOKENS * SOME_BYTES) == 0:
                    yield
                if not grammar.follow(answer[at : at + SOME_BYTES]):
                    raise _GrammarRefusalError(
                        "The reply cannot go on: what it has said so far is not as its grammar or JSON "
                        "schema allows.",
                        "Ask for another reply, or go on without the grammar or the schema.",
                    )
        except GrammarError as error:
            raise RequestError(
                "The reply cannot follow its grammar any further: {reason}.",
                "Write the grammar, or the JSON schema, so that fewer alternatives begin alike.",
                reason=str(error),
            ) from None


def _goes_on(wanted: dict[Channel, str], said: dict[Channel, int], channel: Channel, text: str) -> bool:
    """Tell whether this stretch is what comes next of the wanted texts, and count it."""
    if channel == "answer" and said["thinking"] < len(wanted["thinking"]):
        return False
    if not wanted[channel].startswith(text, said[channel]):
        return False
    said[channel] += len(text)
    return True
