"""The questions to a model: items of a kind, in collections with a name and a licence."""

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

Kind = Literal["perplexity", "maths", "dialogue", "retention", "intent", "code"]
KINDS: tuple[Kind, ...] = ("perplexity", "maths", "dialogue", "retention", "intent", "code")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation to have with a model: its questions in turn, and what is expected of each reply.

    `id` is unique in a suite: "maths/trains". `expected` holds the final answer (maths), a reference for
    each turn (dialogue), the words that must be said, alternatives parted by "|" (retention), the label
    (intent) or the tests' source (code). `labels` are what an intent is chosen from. `depth` is how far into
    a text of `words` words a fact stands, 0 to 1.
    """

    id: str
    kind: Kind
    turns: list[str]
    expected: list[str]
    labels: list[str] = []
    words: int = 0
    depth: float = 0.0


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """Items of one kind from one source. For perplexity it has a `text` instead."""

    kind: Kind
    name: str
    licence: str
    source: str = "built in"
    items: list[Item] = []
    text: str = ""

    @property
    def sha256(self) -> str:
        """Of all that is asked and expected, so that scores of other questions are not taken for these."""
        return hashlib.sha256(msgspec.json.encode([self.items, self.text])).hexdigest()


def limited(collection: Collection, most_items: int) -> Collection:
    """The collection with its first `most_items` items; 0 is all of them."""
    if not most_items or len(collection.items) <= most_items:
        return collection
    return msgspec.structs.replace(collection, items=collection.items[:most_items])


def in_turn(collections: Sequence[Collection]) -> list[Item]:
    """List all items, the kinds in turn: so the time that is left is known early, and a run that is stopped
    says something about each kind."""
    longest = max((len(collection.items) for collection in collections), default=0)
    return [
        collection.items[place]
        for place in range(longest)
        for collection in collections
        if place < len(collection.items)
    ]
