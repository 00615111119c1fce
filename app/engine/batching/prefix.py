"""Match prompts with what the KV cache holds already, and choose a sequence for each. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

LOST_SHARE = 4
"""Taking a sequence from another conversation costs a quarter of what it holds: that one may come back."""

PART_TOKENS = 256
"""Of sequences that run at once and are not neighbours llama.cpp computes each step in parts
(`llama_batch_allocr::split_equal`), and each part reads all the weights. A reply that adds one costs about as
much as evaluating so many tokens: its some hundred steps, a third longer each."""


def common_prefix_length(first: Sequence[int], second: Sequence[int]) -> int:
    """Count the tokens at the start that are the same."""
    limit = min(len(first), len(second))
    if first[:limit] == second[:limit]:
        return limit
    low, high = 0, limit
    while low + 1 < high:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low


def reusable_length(cached: Sequence[int], prompt: Sequence[int]) -> int:
    """Count the prompt tokens that need no evaluation; the last one does: it gives the first new token."""
    return min(common_prefix_length(cached, prompt), max(len(prompt) - 1, 0))


def least_copied_tokens(context_tokens: int) -> int:
    """Return how many tokens a copy between sequences must spare to be worth it.

    llama.cpp copies all `context_tokens` cells of a sequence, however full it is: one pass over that memory
    against an evaluation. A 32nd of it is evaluated in ten times the time of the copy or more, on a processor
    and on a graphics card alike (SmolLM2, 4,096 tokens, two cores: 27 ms against 380 ms).
    """
    return max(64, context_tokens // 32)


@dataclass(frozen=True, slots=True)
class Held:
    """The contents of a sequence: its tokens, their chat, and what else they were evaluated with."""

    tokens: list[int] = field(default_factory=list)
    chat_key: str = ""
    variant: str = ""
    """Names what else the cache depends on besides the tokens (adapters); only equal ones can share."""
    rest: list[int] = field(default_factory=list)
    """The tokens that were to be evaluated behind these: a reply's last one always is among them."""


NOTHING = Held()


class Wanted(Protocol):
    """The fields of a job that decide where it goes."""

    tokens: list[int]
    chat_key: str
    variant: str
    reuse_prefix: bool


@dataclass(frozen=True, slots=True)
class Place:
    """The sequence for a prompt: its first `reused` tokens are in `sequence` already, or in `copy_from`."""

    sequence: int
    reused: int
    copy_from: int | None = None


def reusable(held: Held, job: Wanted) -> int:
    """Count the tokens at the start of the job's prompt that `held` has evaluated already."""
    if not job.reuse_prefix or held.variant != job.variant:
        return 0
    return reusable_length(held.tokens, job.tokens)


def choose_place(
    job: Wanted, free: dict[int, Held], busy: dict[int, Held], last_used: dict[int, int], least_copied: int
) -> Place:
    """Choose the best of the `free` sequences (one at least), by what is spared against what is lost.

    A prefix can also be copied out of any other sequence, also of a `busy` one, where that spares
    `least_copied` tokens. A neighbour of what is `busy` costs no part of a step. Of equals the one that was
    used longest ago goes.
    """
    everywhere = {sequence: reusable(held, job) for sequence, held in (free | busy).items()}
    source = max(everywhere, key=lambda sequence: everywhere[sequence])

    def score(place: Place) -> tuple[float, int]:
        held = free[place.sequence]
        stays = 0 if place.copy_from is not None else place.reused
        own = job.chat_key and held.chat_key == job.chat_key
        lost = 0 if own else len(held.tokens) - stays
        copied = least_copied if place.copy_from is not None else 0
        cost = copied + _cost_of_taking(place.sequence, lost, busy)
        return place.reused - cost, -last_used[place.sequence]

    places = [Place(sequence, everywhere[sequence]) for sequence in free]
    places += [
        Place(sequence, everywhere[source], copy_from=source)
        for sequence in free
        if everywhere[source] - everywhere[sequence] >= least_copied
    ]
    return max(places, key=score)


def choose_place_for_saved(
    job: Wanted, reused: int, free: dict[int, Held], busy: Collection[int], last_used: dict[int, int]
) -> Place:
    """Choose a sequence for a state from the disk that covers `reused` tokens; it replaces all contents.

    A sequence of the same chat goes first, so that none holds an older state of it.
    """
    own = [sequence for sequence in free if job.chat_key and free[sequence].chat_key == job.chat_key]

    def cost(sequence: int) -> tuple[float, int]:
        return _cost_of_taking(sequence, len(free[sequence].tokens), busy), last_used[sequence]

    return Place(min(own or free, key=cost), reused)


def _cost_of_taking(sequence: int, lost: int, busy: Collection[int]) -> float:
    """Weigh forgetting `lost` tokens of a sequence and running beside `busy`, in tokens to be evaluated."""
    return lost / LOST_SHARE + PART_TOKENS * _added_parts(sequence, busy)


def _added_parts(sequence: int, busy: Collection[int]) -> int:
    """Count the runs of neighbouring sequences that it adds: 1, 0, or -1 where it joins two."""
    return 1 - (sequence - 1 in busy) - (sequence + 1 in busy)
