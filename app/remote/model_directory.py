"""The models that a remote server offers."""

from typing import Any

import httpx

from app.remote.remote_server import ElsewhereError, ElsewhereModel, ElsewhereServer, is_loopback
from models.hub.bounded_http import AnswerError, ask, failed
from models.system.foreign_json import parse_json
from models.system.shown_text import shown
from models.system.trusted_certificates import trusted_context

TIMEOUT_S = 10.0
WHOLE_S = 30.0
MOST_MODELS = 500
MOST_BYTES = 4 << 20
LONGEST_ID = 200


def fetch_models(server: ElsewhereServer, key: str) -> tuple[ElsewhereModel, ...]:
    """The models that a server names, by their ids; not for the GUI thread. Raises `ElsewhereError`."""
    listed = _get("/v1/models", server, key)
    found = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(found, list):
        raise _no_such_server(server)
    models = [model for entry in found[:MOST_MODELS] if (model := _model(entry)) is not None]
    if len(models) == 1 and not models[0].context_tokens:
        # llama-server tells the context of its one model elsewhere.
        models = [ElsewhereModel(id=models[0].id, context_tokens=_llama_server_context(server, key))]
    if not models:
        raise ElsewhereError(
            "{host} offers no model.", "Load a model there, then ask again.", host=server.host
        )
    return tuple(models)


def headers(key: str) -> dict[str, str]:
    """Make the headers of every request."""
    return {"User-Agent": "Stillroom"} | ({"Authorization": f"Bearer {key}"} if key else {})


def refusal(status: int, words: str, server: ElsewhereServer) -> ElsewhereError:
    """A server's own error in the user's words; `words` is what it said."""
    said = shown(words, 300).strip() or "no reason given"
    if status in (401, 403):
        return ElsewhereError(
            "{host} does not accept the key ({status}).",
            "Give its key in the settings, under Servers elsewhere.",
            host=server.host,
            status=status,
        )
    if status == 429:
        return ElsewhereError(
            "{host} has too much to do (429): {said}", "Try again later.", host=server.host, said=said
        )
    return ElsewhereError(
        "{host} refuses ({status}): {said}",
        "Refresh its models in the settings, under Servers elsewhere, if the model is not there any more.",
        host=server.host,
        status=status,
        said=said,
    )


def unreachable(
    server: ElsewhereServer, error: AnswerError | httpx.HTTPError | httpx.InvalidURL
) -> ElsewhereError:
    """Nobody answered."""
    reason = error if isinstance(error, AnswerError) else failed(error)
    return ElsewhereError(
        "{host} cannot be reached: {reason}.",
        "Check that the server runs, that its address is right and that this computer is on its network.",
        host=server.host,
        reason=str(reason),
    )


def _no_such_server(server: ElsewhereServer) -> ElsewhereError:
    return ElsewhereError(
        "{host} answers, but not as an OpenAI-compatible server.",
        "Give the address up to, and without, /v1.",
        host=server.host,
    )


def _get(path: str, server: ElsewhereServer, key: str) -> Any:
    try:
        client = httpx.AsyncClient(
            timeout=TIMEOUT_S, trust_env=not is_loopback(server.url), verify=trusted_context()
        )
        answer = ask(
            server.url + path,
            MOST_BYTES,
            headers(key),
            client=client,
            whole_s=WHOLE_S,
            # So that the key goes nowhere else.
            redirects=False,
        )
    except AnswerError as error:
        raise unreachable(server, error) from error
    if answer.status != 200:
        raise refusal(answer.status, answer.data.decode("utf-8", "replace"), server)
    try:
        return parse_json(answer.data)
    except ValueError as error:
        raise _no_such_server(server) from error


def _model(entry: object) -> ElsewhereModel | None:
    if not isinstance(entry, dict):
        return None
    name = entry.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID or not name.isprintable():
        return None
    meta = entry.get("meta")
    # vLLM; another Stillroom; llama-server where it says.
    for where, field in ((entry, "max_model_len"), (entry, "context_tokens"), (meta, "n_ctx")):
        tokens = where.get(field) if isinstance(where, dict) else None
        if isinstance(tokens, int) and 0 < tokens <= 1 << 24:
            return ElsewhereModel(id=name, context_tokens=tokens)
    return ElsewhereModel(id=name)


def _llama_server_context(server: ElsewhereServer, key: str) -> int:
    try:
        properties = _get("/props", server, key)
        tokens = properties["default_generation_settings"]["n_ctx"]
    except (ElsewhereError, KeyError, TypeError):
        return 0
    return tokens if isinstance(tokens, int) and 0 < tokens <= 1 << 24 else 0
