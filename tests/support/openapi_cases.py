"""Requests that are made from the API's own OpenAPI document, right ones and wrong ones."""

from collections import Counter
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from tests.support.api import Api


def try_all(api: Api, cases: int) -> Counter[int]:
    """So many cases over all operations, none of which may end in a server's error; how many answers had
    each status."""
    with api.http() as http:
        schema = schemathesis.openapi.from_dict(http.get("/openapi.json").json())
    operations = [found.ok() for found in schema.get_all_operations()]
    asked = [found for found in operations if found.method == "post" or "{" in found.path]
    answers: Counter[int] = Counter()
    for operation in operations:
        share = -(-cases // (2 * len(asked))) if operation in asked else 1
        for mode in (
            (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
            if operation in asked
            else (GenerationMode.POSITIVE,)
        ):

            @settings(
                max_examples=share,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
            def ask(case: Case, known: bool) -> None:
                shorten(case.path, case.body, known)
                answer = case.call(base_url=api.url, headers=api.headers, timeout=120)
                assert answer.status_code < 500, (case.as_curl_command(), answer.text)
                answers[answer.status_code] += 1

            ask()
    return answers


def shorten(path: str, body: Any, known: bool) -> None:
    """Let replies be short, as a small model would go on to the end of its context; wrong values stay. Half
    of the requests are for a model that is there."""
    if not isinstance(body, dict):
        return
    if path.startswith("/api/"):
        if body.get("options") is None:
            body["options"] = {}
        limit(body["options"], "num_predict")
    else:
        for name in ("max_tokens", "max_completion_tokens"):
            limit(body, name)
        if isinstance(body.get("n"), int | float):
            body["n"] = min(2, body["n"])
        if isinstance(body.get("prompt"), list):
            body["prompt"] = body["prompt"][:2]
    if known and isinstance(body.get("model", ""), str):
        body["model"] = "starter"


def limit(holder: Any, name: str) -> None:
    # 8.0 is an integer for JSON.
    if isinstance(holder, dict) and (holder.get(name) is None or isinstance(holder[name], int | float)):
        holder[name] = min(1, holder.get(name) or 1)
