"""Search a hub for models by words of their names; `repository_offers.py` says which of them can be used."""

import threading
from urllib.parse import urlencode

import msgspec

from models.hub.hub_client import HubClient
from models.hub.hub_errors import no_hub
from models.hub.repository_card import LONGEST_SEARCH, MOST_FOUND, RepositoryCard, first_items, read_card
from models.system.errors import StillroomError

_MOST_BYTES = 4 << 20
"""Thirty repositories with their chat templates and tags are about half a megabyte."""
_FACTS = ("downloads", "likes", "gated", "tags", "config", "safetensors", "gguf")


def search_models(
    hub: HubClient, text: str, *, most: int = MOST_FOUND, cancel: threading.Event | None = None
) -> tuple[RepositoryCard, ...]:
    """Find up to `most` repositories whose names hold the words of `text`, the most downloaded first.

    Blocks, any thread. Raises `StillroomError` and `Cancelled`.
    """
    words = " ".join(text.split())[:LONGEST_SEARCH]
    # https://huggingface.co/docs/hub/api: `expand` names the facts that are told.
    asked = [
        ("search", words),
        ("limit", str(most)),
        ("sort", "downloads"),
        *(("expand", name) for name in _FACTS),
    ]
    answer = hub.get(f"/api/models?{urlencode(asked)}", _MOST_BYTES, cancel=cancel, watched=True)
    if answer.status != 200:
        raise StillroomError(
            "{host} refuses to search (HTTP {status}).",
            "Check the access token in the settings of Hugging Face, or get a model by its id.",
            host=hub.host,
            status=answer.status,
        )
    try:
        told = first_items(answer.data, most)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise no_hub(hub) from error
    cards = [card for card in map(read_card, told) if card is not None]
    return tuple({card.repo: card for card in cards}.values())
