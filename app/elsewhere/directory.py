"""What a server elsewhere offers."""

from typing import Any

import httpx

from app.elsewhere.server import ElsewhereError, ElsewhereModel, ElsewhereServer, is_loopback

TIMEOUT_S = 10.0
MOST_MODELS = 500
MOST_BYTES = 4 << 20
LONGEST_ID = 200


def fetch_models(server: ElsewhereServer, key: str) -> tuple[ElsewhereModel, ...]:
    """The models that a server names, by their ids; not for the GUI thread. Raises `ElsewhereError`."""
    with httpx.Client(
        headers=headers(key),
        timeout=TIMEOUT_S,
        # So that the key goes nowhere else.
        follow_redirects=False,
        trust_env=not is_loopback(server.url),
    ) as http:
        listed = _get(http, f"{server.url}/v1/models", server)
        found = listed.get("data") if isinstance(listed, dict) else None
        if not isinstance(found, list):
            raise ElsewhereError(
                "{host} answers, but not as an OpenAI-compatible server.",
                "Give the address up to, and without, /v1.",
                host=server.host,
            )
        models = [model for entry in found[:MOST_MODELS] if (model := _model(entry)) is not None]
        if len(models) == 1 and not models[0].context_tokens:
            # llama-server tells the context of its one model elsewhere.
            models = [ElsewhereModel(id=models[0].id, context_tokens=_llama_server_context(http, server))]
    if not models:
        raise ElsewhereError(
            "{host} offers no model.", "Load a model there, then ask again.", host=server.host
        )
    return tuple(models)


def headers(key: str) -> dict[str, str]:
    """What every request carries."""
    return {"User-Agent": "Stillroom"} | ({"Authorization": f"Bearer {key}"} if key else {})


def refusal(status: int, words: str, server: ElsewhereServer) -> ElsewhereError:
    """A server's own error in the user's words; `words` is what it said."""
    said = "".join(sign if sign.isprintable() else " " for sign in words)[:300].strip() or "no reason given"
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


def unreachable(server: ElsewhereServer, error: Exception) -> ElsewhereError:
    """Nobody answered."""
    return ElsewhereError(
        "{host} cannot be reached: {reason}.",
        "Check that the server runs, that its address is right and that this computer is on its network.",
        host=server.host,
        reason=_reason(error),
    )


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it did not answer in time"
    words = str(error) or type(error).__name__
    return words.rstrip(".")


def _get(http: httpx.Client, url: str, server: ElsewhereServer) -> Any:
    try:
        with http.stream("GET", url) as answer:
            data = b""
            for piece in answer.iter_bytes():
                data += piece
                if len(data) > MOST_BYTES:
                    raise ElsewhereError("{host} answers with too much.", host=server.host)
            if answer.status_code != 200:
                raise refusal(answer.status_code, data.decode("utf-8", "replace"), server)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise unreachable(server, error) from error
    try:
        return httpx.Response(200, content=data).json()
    except (ValueError, RecursionError) as error:
        raise ElsewhereError(
            "{host} answers, but not as an OpenAI-compatible server.",
            "Give the address up to, and without, /v1.",
            host=server.host,
        ) from error


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


def _llama_server_context(http: httpx.Client, server: ElsewhereServer) -> int:
    try:
        properties = _get(http, f"{server.url}/props", server)
        tokens = properties["default_generation_settings"]["n_ctx"]
    except (ElsewhereError, KeyError, TypeError):
        return 0
    return tokens if isinstance(tokens, int) and 0 < tokens <= 1 << 24 else 0
