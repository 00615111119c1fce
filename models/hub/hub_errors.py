"""Errors with their advice, for a hub that refuses, does not answer, or answers as no hub does."""

import ssl
from typing import Protocol

import httpx

from models.hub.bounded_http import Answer, AnswerError, failed
from models.hub.hub_access import TokenError
from models.system.errors import StillroomError
from models.system.shown_text import shown


class Hub(Protocol):
    """The parts of `HubClient` that are named in an error."""

    @property
    def host(self) -> str:
        """The hub's name for messages."""

    @property
    def endpoint(self) -> str:
        """The hub's address."""


def refusal(hub: Hub, answer: Answer, repo: str, revision: str) -> StillroomError:
    """Return the error for a refusal, by the hub's codes: `hf_raise_for_status` of huggingface_hub
    (utils/_http.py)."""
    status = answer.status
    code, message = answer.headers.get("X-Error-Code", ""), answer.headers.get("X-Error-Message", "")
    if code == "GatedRepo":
        return gated(repo, hub.endpoint)
    if message == "Access to this resource is disabled.":
        return StillroomError(
            "{host} has disabled {repo}.", "Choose another repository.", host=hub.host, repo=repo
        )
    if code == "RevisionNotFound":
        return StillroomError(
            "{repo} has no revision {revision}.",
            "Leave the revision out for the newest one, or see {endpoint}/{repo}/commits/main.",
            repo=repo,
            revision=shown(revision),
            endpoint=hub.endpoint,
        )
    if status == 401 and message == "Invalid credentials in Authorization header":
        return TokenError(
            "{host} does not accept the access token.",
            "Change or remove it in Settings > Hugging Face, or where HF_TOKEN is set: public models "
            "need none.",
            host=hub.host,
        )
    if code == "RepoNotFound" or status in (401, 404):
        return TokenError(
            "{host} has no model {repo}, or it is private.",
            "Check the spelling; for a private one give a token that may read it: in Settings > Hugging "
            "Face, or as HF_TOKEN.",
            host=hub.host,
            repo=repo,
        )
    return StillroomError(
        "{host} refuses to tell about {repo} (HTTP {status}).",
        "See whether {endpoint}/{repo} opens in a browser.",
        host=hub.host,
        repo=repo,
        status=status,
        endpoint=hub.endpoint,
    )


def no_hub(hub: Hub) -> StillroomError:
    """Return the error for a server that answers, and not as a hub."""
    return StillroomError(
        "{host} answers, but not as a model hub does.",
        "See whether {endpoint} opens in a browser, and check the mirror in the settings, or HF_ENDPOINT "
        "where it is used.",
        host=hub.host,
        endpoint=hub.endpoint,
    )


def gated(repo: str, endpoint: str) -> TokenError:
    """Return the error for a repository whose terms must be accepted first."""
    return TokenError(
        "{repo} asks you to accept its terms before it can be downloaded.",
        "Accept them at {endpoint}/{repo}, then give a token of the same account: in Settings > Hugging "
        "Face, or as HF_TOKEN.",
        repo=repo,
        endpoint=endpoint,
    )


def unreachable(host: str) -> StillroomError:
    """Return the error for a server that does not answer."""
    return StillroomError(
        "{host} cannot be reached.",
        "Check the internet connection, and mirror and proxy in the settings, or HTTPS_PROXY and HF_ENDPOINT "
        "where they are used. Models on disk work without.",
        host=host,
    )


def no_usable_answer(host: str, error: AnswerError) -> StillroomError:
    """Return the error for an answer that is unusable and will stay so."""
    return StillroomError(
        "{host} does not send what was asked for: {reason}.",
        "Try again later, or use another HF_ENDPOINT.",
        host=shown(host),
        reason=str(error),
    )


def raise_if_hopeless(error: httpx.HTTPError) -> None:
    """Raise the error for what trying again does not mend: a certificate, an address, no HTTP at all."""
    raise_if_not_let_through(error)
    reason = failed(error)
    if not reason.passes:
        raise no_usable_answer(error.request.url.host, reason) from error


def raise_if_not_let_through(error: httpx.HTTPError) -> None:
    """Raise the error for a proxy that refuses, and for a server whose certificate nobody vouches for, where
    `error` tells of either."""
    # Of a tunnel that was refused httpcore keeps the status: "407 Proxy Authentication Required".
    if isinstance(error, httpx.ProxyError) and (line := str(error)).startswith("407"):
        raise StillroomError(
            "The proxy on the way to {host} asks for a name and a password.",
            "Put them into HTTPS_PROXY, as http://name:password@proxy:port, and leave the proxy in the "
            "settings empty; then start Stillroom again.",
            host=error.request.url.host,
        ) from error
    if isinstance(error, httpx.ProxyError) and line.startswith("4"):
        raise StillroomError(
            "The proxy on the way to {host} lets nothing through: {reason}.",
            "Ask whoever runs the proxy, or name another proxy or mirror in the settings.",
            host=error.request.url.host,
            reason=shown(line),
        ) from error
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        raise StillroomError(
            "The certificate of {host} cannot be trusted: {reason}.",
            "Check the computer's clock. Where the network looks into encrypted traffic, put its certificate "
            "into a file and the file's name into SSL_CERT_FILE.",
            host=error.request.url.host,
            reason=cause.verify_message,
        ) from error
