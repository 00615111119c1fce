"""Make long texts into tokens, and schemas and grammars into rules, beside the engine's thread.

A prompt of megabytes takes llama.cpp seconds to tokenise, and other replies would stand still meanwhile.
Reading a vocabulary is safe on any thread: `llama_tokenize` and `llama_token_to_piece` take it as const and
keep their state in local objects (llama.cpp, src/llama-vocab.cpp, `llama_vocab::impl::tokenize`). That the
model is not freed meanwhile is the engine's thread's care: it calls `Preparer.leave` first.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.base.errors import RequestError, StillroomError
from app.engine.batching.prefix import Held
from app.engine.generation.continued_reply import Beginning, begin
from app.engine.grammar.gbnf import Rules
from app.engine.grammar.grammar_rules import rules_of
from app.engine.protocol import Embed, Generate, Prepare, Tokenize

if TYPE_CHECKING:
    from app.engine.loading.load_model import LoadedModel

LONG_TEXT = 16 * 1024
"""Characters; fewer are tokenised in some milliseconds, at once."""

LONG_RULES = 1024
"""Characters of a schema or a grammar."""

LONG_PARTIAL = 4 * 1024
"""Characters of a reply that goes on: each of its tokens is heard again."""

Preparable = Generate | Tokenize | Embed | Prepare


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request's prompt as tokens, with BOS, and what its reply begins with, where it has one."""

    tokens: list[int]
    beginning: Beginning | None = None


@dataclass(slots=True, eq=False)
class Preparation:
    """A request on its way through the preparer; `result` is None where it was cancelled."""

    request: Preparable
    arrived_s: float
    loaded: "LoadedModel"
    known: Sequence[Held] = ()
    result: Prepared | StillroomError | None = None
    cancelled: bool = False


def takes_long(request: Preparable, loaded: "LoadedModel") -> bool:
    """Tell whether the request is better prepared beside the engine's thread."""
    if sum(len(part.text) for part in request.parts) > LONG_TEXT:
        return True
    if not isinstance(request, Generate):
        return False
    partial = request.partial
    if partial is not None and len(partial.thinking) + len(partial.answer) > LONG_PARTIAL:
        return True
    if not (request.grammar or request.json_schema):
        return False
    rules_length = len(request.grammar) + len(request.json_schema) + len(partial.answer if partial else "")
    return rules_length > LONG_RULES or not loaded.model.knows_token_bytes


def prepared_at_once(request: Preparable, loaded: "LoadedModel", known: Sequence[Held] = ()) -> Prepared:
    """Prepare a request on this thread; `known` may hold the tokens of a reply that goes on. Raises
    `RequestError`."""
    steps = _steps(request, loaded, known)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Prepared = end.value
            return result


def _steps(
    request: Preparable, loaded: "LoadedModel", known: Sequence[Held]
) -> Generator[None, None, Prepared]:
    """Prepare a request in steps of some milliseconds, as far as its text can be cut. Raises
    `RequestError`."""
    if not isinstance(request, Generate):
        return Prepared((yield from _tokens(request, loaded)))
    rules: Rules | None = None
    if request.grammar or request.json_schema:
        # What it prints is needed with the first token.
        loaded.model.token_bytes()
        yield
        rules = rules_of(request.grammar, request.json_schema)
        yield
    prompt = yield from _tokens(request, loaded)
    beginning = yield from begin(request, prompt, known, loaded.model, rules, loaded.context.context_tokens)
    return Prepared(prompt, beginning)


def _tokens(request: Preparable, loaded: "LoadedModel") -> Generator[None, None, list[int]]:
    if isinstance(request, Generate) and request.tokens is not None:
        return request.tokens
    if isinstance(request, Embed) and request.tokens:
        return request.tokens
    # Whoever only counts wants the whole number.
    limit = None if isinstance(request, Tokenize) else loaded.context.context_tokens
    tokens: list[int] = []
    if sum(len(part.text) for part in request.parts) > LONG_TEXT:
        if limit is not None:
            _check_room(loaded.prompts.least_tokens(request.parts, loaded.model.token_bytes()), limit)
            yield
        for some in loaded.prompts.slices(request.parts, loaded.model.token_bytes()):
            tokens += some
            if limit is not None:
                _check_room(len(tokens), limit)
            yield
        return loaded.prompts.with_bos(tokens)
    return loaded.prompts.tokenize(request.parts)


def _check_room(least_tokens: int, context_tokens: int) -> None:
    if least_tokens > context_tokens:
        raise RequestError(
            "The prompt has more than {prompt_tokens} tokens, but the context holds {context_tokens}.",
            "Shorten the conversation, or load the model with a larger context.",
            prompt_tokens=least_tokens,
            context_tokens=context_tokens,
        )


class Preparer:
    """Prepares requests side by side on a thread of its own, some of each in turn."""

    def __init__(self, on_done: Callable[[Preparation], None]) -> None:
        """Start no thread yet. `on_done` is called on its thread."""
        self._on_done = on_done
        self._changed = threading.Condition()
        self._queue: deque[tuple[Preparation, Generator[None, None, Prepared]]] = deque()
        self._at_work: Preparation | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def close(self) -> None:
        """End the thread; nothing is taken in any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def begin(self, preparation: Preparation) -> None:
        """Take in a request."""
        with self._changed:
            steps = _steps(preparation.request, preparation.loaded, preparation.known)
            self._queue.append((preparation, steps))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="engine-preparer", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def cancel(self, request_id: int) -> None:
        """Cancel a request if it is here; it is done at once."""
        self._give_up(
            lambda request: not isinstance(request, Prepare) and request.request_id == request_id, None
        )

    def leave(self, loaded: "LoadedModel") -> None:
        """Cancel the requests of a model that is to be freed, and wait until none of them reads it."""
        self._give_up(lambda request: True, loaded)
        with self._changed:
            self._changed.wait_for(lambda: self._at_work is None or self._at_work.loaded is not loaded)

    def _give_up(self, is_meant: Callable[[Preparable], bool], loaded: "LoadedModel | None") -> None:
        with self._changed:
            everything = [preparation for preparation, _ in self._queue]
            if self._at_work is not None:
                everything.append(self._at_work)
            for preparation in everything:
                if is_meant(preparation.request) and loaded in (None, preparation.loaded):
                    preparation.cancelled = True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    return
                preparation, steps = self._queue.popleft()
                self._at_work = preparation
            is_done = self._step(preparation, steps)
            with self._changed:
                self._at_work = None
                if not is_done:
                    self._queue.append((preparation, steps))
                self._changed.notify_all()
            if is_done:
                self._on_done(preparation)

    def _step(self, preparation: Preparation, steps: Generator[None, None, Prepared]) -> bool:
        """Run one step; True where it was the last."""
        if preparation.cancelled:
            return True
        try:
            next(steps)
        except StopIteration as end:
            preparation.result = end.value
        except StillroomError as error:
            preparation.result = error
        else:
            return False
        return True
