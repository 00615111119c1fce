"""The local API that runs on this computer, asked for its models."""

import ssl

import httpx
import msgspec

from app.paths import AppPaths
from app.server.discovery import Discovery, find_server

ANSWER_S = 5.0
"""A server that lives says at once what it has."""


class ServedModel(msgspec.Struct, frozen=True):
    """A model of the server; only one that is loaded tells its context."""

    id: str
    context_tokens: int = 0
    backend: str = ""


class _Models(msgspec.Struct, frozen=True):
    data: list[ServedModel]


def running_server(paths: AppPaths) -> tuple[Discovery, list[ServedModel]] | None:
    """The server of this user with the models that it has in memory, the current one in front.

    None where there is none, or where it does not answer.
    """
    found = find_server(paths)
    if found is None:
        return None
    try:
        answer = httpx.get(
            f"{found.url}/v1/models",
            headers=authorization(found),
            timeout=ANSWER_S,
            trust_env=False,
            verify=trusted(found),
        ).raise_for_status()
        models = msgspec.json.decode(answer.content, type=_Models).data
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError):
        return None
    return found, [model for model in models if model.context_tokens]


def authorization(found: Discovery) -> dict[str, str]:
    """The header that shows the key."""
    return {"Authorization": f"Bearer {found.key}"}


def trusted(found: Discovery) -> ssl.SSLContext:
    """Believes the certificate that the server told of, whoever vouches for it, and no other one. Its address
    here is seldom among the names that a certificate holds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if found.certificate:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=found.certificate)
    return context
