"""The local API that runs on this computer, asked for its models."""

import ssl

import httpx
import msgspec

from app.base.paths import AppPaths
from app.server.access.discovery import Discovery, find_server
from models.hub.bounded_http import AnswerError, ask

ANSWER_S = 5.0
"""A server that lives says at once what it has."""

LARGEST_LIST_BYTES = 4 << 20


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
        # Without the proxies of the environment: the server is on this computer.
        client = httpx.AsyncClient(timeout=ANSWER_S, trust_env=False, verify=trusted(found))
        answer = ask(
            f"{found.url}/v1/models",
            LARGEST_LIST_BYTES,
            authorization(found),
            client=client,
            whole_s=ANSWER_S,
            redirects=False,
        )
        models = msgspec.json.decode(answer.data, type=_Models).data
    except (AnswerError, msgspec.DecodeError, ValueError, RecursionError):
        return None
    return found, [model for model in models if model.context_tokens]


def authorization(found: Discovery) -> dict[str, str]:
    """The header that shows the key."""
    return {"Authorization": f"Bearer {found.key}"}


def trusted(found: Discovery) -> ssl.SSLContext:
    """Trust only the certificate that the server announced, whoever signed it. The address used here is
    seldom among the certificate's names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if found.certificate:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=found.certificate)
    return context
