"""The user's way to a hub: a mirror, a proxy and an access token, beside what the environment says."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from models.system.errors import StillroomError

TokenSource = Literal["environment", "settings", "login", "none"]
"""Where a token comes from: HF_TOKEN, the user's settings, or the login of Hugging Face's own program."""

HUB = "https://huggingface.co"

LONGEST_ADDRESS = 300
LONGEST_TOKEN = 500

_TOKEN = re.compile(r"[!-~]+")
"""Of what an HTTP header can hold."""


class TokenError(StillroomError):
    """A refusal that an access token, or another one, would mend."""


def no_token() -> str:
    """Give no token."""
    return ""


@dataclass(frozen=True, slots=True)
class HubAccess:
    """The choices for one hub; empty is the usual. `token` may wait for the system's key store."""

    mirror: str = ""
    proxy: str = ""
    token: Callable[[], str] = no_token


@dataclass(frozen=True, slots=True)
class HubAccount:
    """The account of a token, and what the token is called there; `name` is empty without a token."""

    host: str
    name: str = ""
    token_name: str = ""
    role: str = ""
    source: TokenSource = "none"


def environment_token() -> str:
    """Return the token of HF_TOKEN, or of its older name; empty where there is none."""
    # As huggingface_hub reads it (utils/_auth.py): a copied token often ends in a line break.
    named = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN") or ""
    return named.replace("\r", "").replace("\n", "").strip()


def environment_mirror() -> str:
    """Return the address of HF_ENDPOINT; empty where there is none."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/")


def clean_token(text: str) -> str:
    """Return a token as it is sent. Raises `StillroomError` for what no token can be."""
    token = text.strip()
    if token and (len(token) > LONGEST_TOKEN or not _TOKEN.fullmatch(token)):
        raise StillroomError(
            "This is no access token.",
            "Copy it whole from the hub's page of access tokens; it begins with hf_.",
        )
    return token


def masked(token: str) -> str:
    """Return a token for the screen: its beginning where that tells its kind, and its last characters."""
    if not token:
        return ""
    head = "hf_" if token.startswith("hf_") else ""
    tail = token[-4:] if len(token) >= 16 else ""
    return f"{head}••••••••{tail}"


def clean_mirror(text: str) -> str:
    """Return the address of a hub, "" for Hugging Face's own. Raises `StillroomError` for none of the web."""
    parts = _address(text)
    if parts is None:
        return ""
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def clean_proxy(text: str) -> str:
    """Return the address of a proxy, "" for the system's. Raises `StillroomError` for what is none."""
    parts = _address(text, default="http")
    if parts is None:
        return ""
    if parts.path.rstrip("/"):
        raise _no_address(text)
    return f"{parts.scheme}://{parts.netloc}"


def reads_along(address: str) -> bool:
    """Tell whether somebody on the way to `address` can read what is sent there."""
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1")


def _address(text: str, default: str = "https") -> SplitResult | None:
    text = text.strip()
    if not text:
        return None
    # Before anything else: the other refusals quote the address.
    if "@" in text:
        raise StillroomError(
            "The address holds a name and a password, and settings are no place for secrets.",
            "Leave them out here, and put the whole address into HTTPS_PROXY or HF_ENDPOINT.",
        )
    try:
        parts = urlsplit(text if "://" in text else f"{default}://{text}")
        port = parts.port
    except ValueError as error:
        raise _no_address(text) from error
    if len(text) > LONGEST_ADDRESS or not text.isascii() or not text.isprintable() or " " in text:
        raise _no_address(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise _no_address(text)
    if parts.query or parts.fragment:
        raise _no_address(text)
    return parts


def _no_address(text: str) -> StillroomError:
    return StillroomError(
        "{address} is no address that can be used.",
        "Give it as https://host or http://host:port.",
        address=text[:LONGEST_ADDRESS],
    )
