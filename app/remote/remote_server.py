"""A server elsewhere: an OpenAI-compatible one, such as llama-server, vLLM or another Stillroom."""

from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from app.base.errors import StillroomError

SCHEME = "elsewhere://"
"""Of the path of a model that is not on this computer."""

UNKNOWN_CONTEXT_TOKENS = 131_072
"""For a server that does not say: it refuses what is too long itself."""


class ElsewhereError(StillroomError):
    """A server elsewhere cannot be used as the user wishes."""


class ElsewhereModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a server named. `context_tokens` 0 where it did not say."""

    id: str
    context_tokens: Annotated[int, Meta(ge=0)] = 0

    @property
    def name(self) -> str:
        """For people: llama-server's ids are whole paths of files."""
        if self.id.lower().endswith(".gguf"):
            return self.id.replace("\\", "/").rpartition("/")[2][: -len(".gguf")]
        return self.id


class ElsewhereServer(msgspec.Struct, frozen=True, kw_only=True):
    """A remote server, and what it offered when it was last asked.

    `agreed`: the user said once that what is asked of its models may go there. Its key is in the system's key
    store, never here.
    """

    id: str
    name: str
    url: str
    agreed: bool = False
    models: tuple[ElsewhereModel, ...] = ()

    @property
    def host(self) -> str:
        """Host and port, for people."""
        return urlsplit(self.url).netloc

    def path_of(self, model: ElsewhereModel) -> str:
        """Return the text that stands for a file's path where models are told apart."""
        return f"{SCHEME}{self.id}/{model.id}"


def is_elsewhere(path: str) -> bool:
    """Tell whether a model's path is one of a remote server."""
    return path.startswith(SCHEME)


def clean_url(text: str) -> str:
    """The address without what is the same for all such servers: `http://host:port` and a path, if any.

    Raises `ElsewhereError` for what is no such address.
    """
    text = text.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _no_address(text) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable() or " " in text:
        raise _no_address(text)
    if parts.username or parts.password or parts.query or parts.fragment or port == 0:
        raise ElsewhereError(
            "The address {address} holds more than a host, a port and a path.",
            "Give the key in its own field: it is kept in the system's key store.",
            address=text.rpartition("@")[2],
        )
    path = parts.path.rstrip("/").removesuffix("/v1")
    return f"{parts.scheme}://{parts.netloc}{path}"


def is_loopback(url: str) -> bool:
    """Tell whether the server is another program of this computer."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def sends_in_the_clear(url: str) -> bool:
    """Tell whether what is sent there can be read on the way."""
    return urlsplit(url).scheme == "http" and not is_loopback(url)


def _no_address(text: str) -> ElsewhereError:
    return ElsewhereError(
        "{address} is no address of a server.",
        "Give it as http://host:port, or https://host.",
        address=text,
    )
