"""The answers of OpenAI's API, made of what the engine sends."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.engine.protocol import Candidate, Finished, GenerationStats, TokenLogprob
from app.server.access.api_error import ApiError, error_object
from app.server.requests.served_models import ServedModel

FINISH_REASONS = {
    "stop": "stop",
    "length": "length",
    "context": "length",
    "cancelled": "stop",
    "loop": "stop",
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """The fields that every object of one answer begins with."""

    kind: str
    model: str
    id: str
    created: int = field(default_factory=lambda: int(time.time()))

    def around(self, choices: Sequence[dict[str, Any]], **more: object) -> dict[str, Any]:
        """The object with its choices."""
        return {
            "id": self.id,
            "object": self.kind,
            "created": self.created,
            "model": self.model,
            "choices": list(choices),
            **more,
        }


def model_object(model: ServedModel) -> dict[str, Any]:
    """A model in the list of /v1/models; one that is loaded tells its context, where it runs, and whether it
    takes a `suffix`."""
    loaded = model.info and {
        "context_tokens": model.info.context_tokens,
        "backend": model.info.backend,
        "fills_in_the_middle": model.info.fim_texts is not None,
    }
    return {"id": model.id, "object": "model", "created": 0, "owned_by": "stillroom"} | (loaded or {})


def new_id(prefix: str) -> str:
    """A name that no other answer has."""
    return f"{prefix}-{secrets.token_hex(12)}"


def usage(ends: Sequence[Finished], choices: int = 1) -> dict[str, Any]:
    """The tokens of a request's replies in their order; a prompt of several choices counts once."""
    stats = [end.stats for end in ends]
    prompt = sum(one.prompt_tokens for one in stats[::choices])
    completion = sum(one.completion_tokens for one in stats)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": sum(one.reused_tokens for one in stats[::choices])},
        "completion_tokens_details": {"reasoning_tokens": sum(one.thinking_tokens for one in stats)},
    }


def timings(stats: GenerationStats) -> dict[str, Any]:
    """Return the engine's measurements; not part of OpenAI's API, whose clients leave them alone."""
    return {
        "ttft_ms": round(stats.ttft_s * 1000, 2),
        "prompt_tok_per_s": round(stats.prompt_tok_per_s, 2),
        "decode_tok_per_s": round(stats.decode_tok_per_s, 2),
        "drafted_tokens": stats.drafted_tokens,
        "accepted_tokens": stats.accepted_tokens,
        "context_tokens_used": stats.context_tokens_used,
        "seed": stats.seed,
    }


def chat_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    """The probabilities of an answer's tokens."""
    return {
        "content": [
            {**_candidate(token.drawn), "top_logprobs": [_candidate(other) for other in token.top]}
            for token in tokens
        ],
        "refusal": None,
    }


def completion_logprobs(tokens: Sequence[TokenLogprob], offset: int) -> dict[str, Any]:
    """The same in the older form; `offset` is where their text begins."""
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(_text(token.drawn))
    return {
        "tokens": [_text(token.drawn) for token in tokens],
        "token_logprobs": [token.drawn.logprob for token in tokens],
        "top_logprobs": [{_text(other): other.logprob for other in token.top} for token in tokens],
        "text_offset": offsets,
    }


def sse(document: object) -> bytes:
    """One server-sent event."""
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


def sse_failure(error: ApiError) -> bytes:
    """Encode an error in the middle of a stream."""
    return sse(error_object("", error))


SSE = "text/event-stream"
SSE_DONE = b"data: [DONE]\n\n"


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {"token": _text(candidate), "logprob": candidate.logprob, "bytes": list(candidate.piece)}


def _text(candidate: Candidate) -> str:
    return candidate.piece.decode("utf-8", "replace")
