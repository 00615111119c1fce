"""Whether a body is JSON of a sane shape, before anything else looks at it."""

import re

import msgspec

from app.server.api_error import ApiError

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def check_json(body: bytes, most_depth: int) -> None:
    """Raise `ApiError` for what is no JSON object, is nested deeper than `most_depth`, or has numbers beyond
    what a computer holds. NaN and Infinity are no JSON."""
    try:
        document = msgspec.json.decode(body)
    except RecursionError:
        raise _too_deep(most_depth) from None
    except msgspec.MsgspecError as error:
        raise ApiError(
            400, "The body is no JSON that can be used: {reason}.", code="invalid_json", reason=str(error)
        ) from None
    except UnicodeDecodeError:
        raise ApiError(400, "The body is not UTF-8.", code="invalid_json") from None
    if not isinstance(document, dict):
        raise ApiError(400, "The body must be a JSON object.", code="invalid_json")
    # Valid JSON, so that every string ends and the search is linear.
    depth = 0
    for match in _BRACKETS.finditer(body):
        first = match[0][:1]
        if first != b'"':
            depth += 1 if first in b"[{" else -1
            if depth > most_depth:
                raise _too_deep(most_depth)


def _too_deep(most_depth: int) -> ApiError:
    return ApiError(
        400, "The JSON is nested deeper than {depth} levels.", code="invalid_json", depth=most_depth
    )
