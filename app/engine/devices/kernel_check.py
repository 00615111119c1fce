"""Check in a process of its own that a back end computes right here: a driver may crash or hang it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.base.errors import StillroomError
from app.base.one_shot_child import ask_child

LONGEST_S = 600.0
"""A driver compiles the kernels for a card that it meets for the first time, which can take minutes."""


class KernelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Load the CUDA runtime in `folder` (none where it is empty) and compute on each device of `backend`;
    with `card`, the UUID of one of NVIDIA's, on that one alone. `lists` asks for those cards only."""

    backend: str
    folder: str = ""
    card: str = ""
    lists: bool = False


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product of matrices on `device` against the same on the processor, or attention over a cache of
    `type`; `nmse` is the normalised mean squared error, as llama.cpp's test-backend-ops compares them."""

    device: str
    type: str
    columns: int
    nmse: float


class KernelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The products that were computed. `message` is a template that `values` fills and says what is wrong;
    empty where nothing is."""

    products: tuple[Product, ...] = ()
    message: str = ""
    values: dict[str, object] = {}
    cards: tuple[str, ...] = ()
    """The UUIDs that were asked for."""


@dataclass(frozen=True, slots=True)
class CheckedCards:
    """`device` is the first that computed right. `cards` are the UUIDs of all that did, where they are known
    of each; `failed` those of the others, and `left_out` names why each of these is not used."""

    device: str
    cards: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    left_out: tuple[StillroomError, ...] = ()


def check_cards(
    command: Sequence[str],
    request: KernelRequest,
    cancel: threading.Event | None = None,
    *,
    longest_s: float = LONGEST_S,
) -> CheckedCards:
    """Check each of NVIDIA's cards in a process of its own, so that one that fails condemns no other.

    Raises like `check_kernels` where none computes right.
    """
    listing = msgspec.structs.replace(request, lists=True)
    cards = _ask(command, listing, cancel, longest_s).cards
    if len(cards) < 2:
        return CheckedCards(check_kernels(command, request, cancel, longest_s=longest_s), cards)
    devices: dict[str, str] = {}
    failures: dict[str, StillroomError] = {}
    for card in cards:
        try:
            one = msgspec.structs.replace(request, card=card)
            devices[card] = check_kernels(command, one, cancel, longest_s=longest_s)
        except StillroomError as error:
            failures[card] = error
    if not devices:
        raise failures[cards[0]]
    return CheckedCards(
        next(iter(devices.values())), tuple(devices), tuple(failures), tuple(failures.values())
    )


def check_kernels(
    command: Sequence[str],
    request: KernelRequest,
    cancel: threading.Event | None = None,
    *,
    longest_s: float = LONGEST_S,
) -> str:
    """Compute in the child `command`; the name of the first device that computed right.

    Raises `Cancelled` within 0.1 s of `cancel`, and `StillroomError` that says why the back end is of no use.
    """
    return _ask(command, request, cancel, longest_s).products[0].device


def _ask(
    command: Sequence[str], request: KernelRequest, cancel: threading.Event | None, longest_s: float
) -> KernelAnswer:
    try:
        said = ask_child(command, msgspec.json.encode(request) + b"\n", limit_s=longest_s, cancel=cancel)
    except TimeoutError as error:
        raise StillroomError(
            "{backend} did not finish a small computation within {minutes} minutes.",
            "Restart the computer, or renew the card's driver.",
            backend=request.backend,
            minutes=round(longest_s / 60),
        ) from error
    try:
        answer = msgspec.json.decode(said.data, type=KernelAnswer)
    except msgspec.DecodeError as error:
        raise StillroomError(
            "The process that tried {backend} ended with {code}. {words}",
            "Renew the card's driver.",
            backend=request.backend,
            code=said.returncode,
            words=said.last_words,
        ) from error
    if answer.message:
        raise StillroomError(answer.message, "Renew the card's driver.", **answer.values)
    return answer


def request_for(folder: Path) -> KernelRequest:
    """Make the request to check the CUDA runtime in `folder`."""
    return KernelRequest(backend="CUDA", folder=str(folder))
