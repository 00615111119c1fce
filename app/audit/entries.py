"""The audit log's entries for each request and its reply."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from app.audit.log import AuditLog, AuditLogError
from app.base.errors import Cancelled, StillroomError
from app.engine.protocol import (
    Channel,
    Delta,
    Finished,
    Generate,
    ModelInfo,
    PartialReply,
    ReplyEvent,
)
from app.engine.protocol.pending_results import Generation
from app.engine.protocol.reply_source import Answers, OnReplyEvent
from app.filters.verdict import Hit
from app.settings import SettingsFile

Source = Literal["chat", "code", "api", "command line"]
Fingerprint = Callable[[str], str]
"""Of the model file of a path; called on the log's thread."""


class AuditTrail:
    """Writes to the log what the settings ask for: nothing, figures, or figures and texts. Any thread."""

    def __init__(self, log: AuditLog, settings: SettingsFile, fingerprint: Fingerprint) -> None:
        self._log = log
        self._settings = settings
        self._fingerprint = fingerprint

    @property
    def path(self) -> Path:
        """The folder of the log."""
        return self._log.path

    def follow(
        self,
        answers: Answers,
        source: Source,
        model: ModelInfo | None,
        hits: Sequence[Hit] = (),
        client: str = "",
    ) -> Answers:
        """`answers`, with a line for each request and one for its reply; itself where the log is off.

        `hits` is what the filter found in the request, `client` a name for who asked.
        """
        if not self._settings.values.audit:
            return answers
        return _Followed(
            answers, self._log, self._request(source, model, hits, client), self._completed(model)
        )

    @contextmanager
    def follow_embedding(
        self,
        source: Source,
        model: ModelInfo,
        texts: Sequence[str],
        tokens: Callable[[], int],
        hits: Sequence[Hit] = (),
        client: str = "",
    ) -> Iterator[None]:
        """A line for texts that are made vectors while the context lasts, and one for the end; none where the
        log is off. `tokens` says then how many they had."""
        if not self._settings.values.audit:
            yield
            return
        which, began_s = new_id(), time.monotonic()
        request = self._request(source, model, hits, client)
        fields = request.fields | {"id": which, "task": "embedding"}
        if request.with_content:
            fields["content"] = list(texts)
        self._log.add("request", fields, self._completed(model))
        outcome: dict[str, Any] = {"outcome": "cancelled"}
        try:
            yield
            outcome = {"outcome": "embedded"}
        except Exception as error:
            outcome = _failure(error)
            raise
        finally:
            latency_ms = round((time.monotonic() - began_s) * 1000, 1)
            end = {"prompt_tokens": tokens(), "latency_ms": latency_ms}
            self._log.add("reply", {"id": which, "source": source, **outcome, **end})

    def refused(
        self,
        source: Source,
        model: ModelInfo | None,
        hits: Sequence[Hit],
        texts: Sequence[str] = (),
        client: str = "",
    ) -> None:
        """A line for a request that the filter did not let out."""
        if not self._settings.values.audit:
            return
        fields = self._request(source, model, hits, client).fields
        if self._settings.values.audit_content:
            fields["content"] = list(texts)
        self._log.add("request", fields | {"id": new_id(), "outcome": "blocked"}, self._completed(model))

    def observe_problems(self, observer: Callable[[AuditLogError], None]) -> None:
        """Call `observer` when the log cannot be written, on its thread."""
        self._log.on_problem = observer

    def flush(self) -> bool:
        """Wait until everything is on the disk; False where that failed."""
        return self._log.flush()

    def close(self) -> None:
        """Write what waits, and end."""
        self._log.close()

    def _request(
        self, source: Source, model: ModelInfo | None, hits: Sequence[Hit], client: str
    ) -> "_Request":
        fields: dict[str, Any] = {"source": source}
        if client:
            fields["client"] = client
        if model is not None:
            fields["model"] = {"name": model.name, "quantisation": model.quantisation}
        fields["filter"] = [
            {"rule": hit.rule, "action": hit.action, "count": hit.count}
            | ({"unfinished": True} if hit.unfinished else {})
            for hit in hits
        ]
        return _Request(fields, self._settings.values.audit_content)

    def _completed(self, model: ModelInfo | None) -> Callable[[], dict[str, Any]]:
        def fields() -> dict[str, Any]:
            return {} if model is None else {"fingerprint": self._fingerprint(model.path)}

        return fields


class _Request(msgspec.Struct, frozen=True):
    fields: dict[str, Any]
    with_content: bool


class _Followed:
    """Answers, and notes it."""

    def __init__(
        self, answers: Answers, log: AuditLog, request: _Request, complete: Callable[[], dict[str, Any]]
    ) -> None:
        self._answers = answers
        self._log = log
        self._request = request
        self._complete = complete

    def ask(self, request: Generate, on_event: OnReplyEvent | None = None) -> Generation:
        """As the inner one's `ask`."""
        which, began_s = new_id(), time.monotonic()
        source, with_content = self._request.fields["source"], self._request.with_content
        fields = self._request.fields | {
            "id": which,
            "sampling": msgspec.to_builtins(request.sampling),
            "max_tokens": request.max_tokens,
        }
        if with_content:
            begun = request.partial or PartialReply()
            prompt = "".join(part.text for part in request.parts)
            fields["content"] = prompt + begun.thinking + begun.answer
        self._log.add("request", fields, self._complete)
        said: dict[Channel, list[str]] = {"thinking": [], "answer": []}

        def listen(event: ReplyEvent) -> None:
            if isinstance(event, Delta):
                said[event.channel].append(event.text)
            if on_event is not None:
                on_event(event)

        def ended(future: "Future[Finished]") -> None:
            reply = {"id": which, "source": source, **_outcome(future)}
            reply["latency_ms"] = round((time.monotonic() - began_s) * 1000, 1)
            if with_content:
                reply["content"] = {channel: "".join(texts) for channel, texts in said.items()}
            self._log.add("reply", reply)

        generation = self._answers.ask(request, listen if with_content else on_event)
        generation.future.add_done_callback(ended)
        return generation


def new_id() -> str:
    """Make the id that a request and its reply share."""
    return secrets.token_hex(8)


def _outcome(future: "Future[Finished]") -> dict[str, Any]:
    error = Cancelled() if future.cancelled() else future.exception()
    if error is not None:
        return _failure(error)
    finished = future.result()
    stats = finished.stats
    return {
        "outcome": finished.reason,
        "prompt_tokens": stats.prompt_tokens,
        "completion_tokens": stats.completion_tokens,
        "thinking_tokens": stats.thinking_tokens,
        "ttft_ms": round(stats.ttft_s * 1000, 1),
        "decode_tok_per_s": round(stats.decode_tok_per_s, 2),
        "seed": stats.seed,
    }


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, Cancelled):
        return {"outcome": "cancelled"}
    # The template, as the values may be of the chat.
    words = error.message if isinstance(error, StillroomError) else type(error).__name__
    return {"outcome": "failed", "error": words}
