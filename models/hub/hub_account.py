"""Ask a hub who a token belongs to, and whether it is a hub at all."""

import threading
from typing import Annotated

import msgspec
from msgspec import Meta

from models.hub.hub_access import HubAccount
from models.hub.hub_client import HubClient
from models.hub.hub_errors import no_hub
from models.system.errors import StillroomError
from models.system.shown_text import shown

_MOST_BYTES = 1 << 20
_LONGEST_NAME = 200


class _Token(msgspec.Struct, frozen=True):
    display_name: str = msgspec.field(default="", name="displayName")
    role: str = ""


class _Auth(msgspec.Struct, frozen=True):
    token: _Token | None = msgspec.field(default=None, name="accessToken")


class _Who(msgspec.Struct, frozen=True):
    """https://huggingface.co/docs/hub/api, `/api/whoami-v2`."""

    name: Annotated[str, Meta(min_length=1)]
    auth: _Auth | None = None


def check_access(hub: HubClient, *, cancel: threading.Event | None = None) -> HubAccount:
    """Ask `hub` whose its token is, or without one for any model; blocks.

    Raises `StillroomError` for a token that it does not know, and where no hub answers.
    """
    hub = hub.held()
    token, source = hub.token_and_source()
    path = "/api/whoami-v2" if token else "/api/models?limit=1"
    answer = hub.get(path, _MOST_BYTES, cancel=cancel, watched=True)
    if token and answer.status in (401, 403):
        raise StillroomError(
            "{host} does not know this access token.",
            "It may have expired, or belong to another server. Make a new one on the hub's page of access "
            "tokens.",
            host=hub.host,
        )
    if answer.status != 200:
        raise no_hub(hub)
    if not token:
        try:
            msgspec.json.decode(answer.data, type=list[msgspec.Raw])
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise no_hub(hub) from error
        return HubAccount(hub.host)
    try:
        who = msgspec.json.decode(answer.data, type=_Who)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise no_hub(hub) from error
    of_token = (who.auth.token if who.auth is not None else None) or _Token()
    return HubAccount(
        hub.host,
        shown(who.name, _LONGEST_NAME),
        shown(of_token.display_name, _LONGEST_NAME),
        shown(of_token.role, _LONGEST_NAME),
        source,
    )
