"""Handles that a caller holds while the engine works for it."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any

from app.base.errors import Cancelled, EngineError, RequestError
from app.engine.protocol import (
    DevicesListed,
    Embedded,
    Failed,
    Finished,
    Loaded,
    Measured,
    ModelInfo,
    Planned,
    Tokenized,
    Unloaded,
)


@dataclass(frozen=True, slots=True)
class Generation:
    """A reply on its way. `future` gives `Finished`, also for a cancelled reply, or raises `EngineError`, or
    `Cancelled` where it was cancelled before it had begun."""

    future: "Future[Finished]"
    cancel: Callable[[], None]
    answer_now: Callable[[], None]
    """Closes the thinking block, so that the answer follows."""


@dataclass(frozen=True, slots=True)
class LoadHandle:
    """A load on its way. `future` gives `ModelInfo` or raises `EngineError` or `Cancelled`."""

    future: "Future[ModelInfo]"
    cancel: Callable[[], None]


def resolve(future: "Future[Any]", result: object) -> None:
    """Give a result, unless the caller has cancelled the future."""
    with contextlib.suppress(InvalidStateError):
        future.set_result(result)


def fail(future: "Future[Any]", error: Exception) -> None:
    """Give an error, unless the caller has cancelled the future."""
    with contextlib.suppress(InvalidStateError):
        future.set_exception(error)


def settle(
    event: Loaded | Unloaded | Finished | Tokenized | Embedded | DevicesListed | Measured | Planned | Failed,
    future: "Future[Any]",
) -> None:
    """Hand an answer to who waits for it."""
    match event:
        case Failed(cancelled=True):
            fail(future, Cancelled())
        case Failed():
            kind = RequestError if event.refused else EngineError
            fail(future, kind(event.message, event.hint, native=event.native, **event.values))
        case Loaded():
            resolve(future, event.info)
        case Unloaded():
            resolve(future, None)
        case Tokenized():
            resolve(future, event.count if event.tokens is None else event.tokens)
        case _:
            resolve(future, event)
