"""The model elsewhere that a MODEL of a command means."""

from collections.abc import Sequence

from app.engine.protocol import ModelInfo
from app.remote.model_info import elsewhere_info
from app.remote.remote_server import ElsewhereError, ElsewhereModel, ElsewhereServer


def reference_of(server: ElsewhereServer, model: ElsewhereModel) -> str:
    """Return the name of a remote model in commands."""
    return f"{server.name or server.host}/{model.name}"


def elsewhere_model(servers: Sequence[ElsewhereServer], text: str) -> ModelInfo | None:
    """Find the model that `SERVER/MODEL`, or its path, means; None where no server of that name is known.
    Case does not matter, and SERVER is a name or an address.

    Raises `ElsewhereError` for a model that the server does not have, and for a server to which nothing may
    be sent yet.
    """
    wanted = text.casefold()
    for server in servers:
        for start in (server.path_of(ElsewhereModel(id="")), f"{server.name}/", f"{server.host}/"):
            if start == "/" or not wanted.startswith(start.casefold()):
                continue
            return elsewhere_info(server, _model(server, wanted[len(start) :]))
    return None


def _model(server: ElsewhereServer, name: str) -> ElsewhereModel:
    found = next((one for one in server.models if name in (one.id.casefold(), one.name.casefold())), None)
    if found is None:
        raise ElsewhereError(
            "{host} has no model {name}.",
            "It has: {models}. Refresh them in the window's settings, under Servers elsewhere.",
            host=server.host,
            name=name,
            models=", ".join(one.name for one in server.models) or "none",
        )
    if not server.agreed:
        raise ElsewhereError(
            "Nothing may be sent to {host} yet.",
            "Choose a model of it in the window once: that asks whether it may.",
            host=server.host,
        )
    return found
