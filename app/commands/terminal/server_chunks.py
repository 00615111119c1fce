"""The events of the local API while a reply grows, as far as a command uses them."""

import msgspec


class Delta(msgspec.Struct, frozen=True):
    """The text that a piece of a reply adds."""

    content: str | None = None
    reasoning_content: str | None = None


class Choice(msgspec.Struct, frozen=True):
    """The one reply of a request."""

    delta: Delta
    finish_reason: str | None = None


class Cached(msgspec.Struct, frozen=True):
    """Of the prompt's tokens, those that were in the KV cache."""

    cached_tokens: int = 0


class Thought(msgspec.Struct, frozen=True):
    """Of the reply's tokens, those of the thinking."""

    reasoning_tokens: int = 0


class Usage(msgspec.Struct, frozen=True):
    """Token counts, in the last piece."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: Cached = Cached()
    completion_tokens_details: Thought = Thought()


class Timings(msgspec.Struct, frozen=True):
    """The engine's measurements, in the last piece; rates are tokens per second."""

    ttft_ms: float = 0.0
    prompt_tok_per_s: float = 0.0
    decode_tok_per_s: float = 0.0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    context_tokens_used: int = 0
    seed: int = 0


class Error(msgspec.Struct, frozen=True):
    """The reason why a reply broke off or was refused."""

    message: str
    code: str | None = None


class Chunk(msgspec.Struct, frozen=True):
    """One server-sent event."""

    choices: list[Choice] = []
    usage: Usage | None = None
    timings: Timings | None = None
    error: Error | None = None


def chunk_of_line(line: str) -> Chunk | None:
    """The event that a line of the stream holds, if it holds one. Raises `msgspec.DecodeError`."""
    data = line.removeprefix("data: ")
    if data == line or data == "[DONE]":
        return None
    return msgspec.json.decode(data, type=Chunk)


def refusal(body: bytes) -> Chunk:
    """The answer to a request that is not served."""
    try:
        return msgspec.json.decode(body, type=Chunk)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return Chunk(error=Error("The running Stillroom refused the request."))
