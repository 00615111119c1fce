"""Check that a body is JSON of a sane shape, before anything else looks at it."""

import msgspec
import numpy as np

from app.server.access.api_error import ApiError


def check_json(body: bytes, most_depth: int, most_values: int) -> None:
    """Raise `ApiError` for what is no JSON object, is nested deeper than `most_depth`, has more values than
    `most_values`, or numbers beyond what a computer holds. NaN and Infinity are no JSON. Any thread."""
    outside = _without_texts(body)
    # Each value takes some hundred bytes once it is read.
    if sum(map(outside.count, (b",", b"[", b"{"))) > most_values:
        raise ApiError(400, "The JSON has more than {count} values.", code="invalid_json", count=most_values)
    if _depth(outside) > most_depth:
        raise ApiError(
            400, "The JSON is nested deeper than {depth} levels.", code="invalid_json", depth=most_depth
        )
    try:
        document = msgspec.json.decode(body)
    except msgspec.MsgspecError as error:
        raise ApiError(
            400, "The body is no JSON that can be used: {reason}.", code="invalid_json", reason=str(error)
        ) from None
    except UnicodeDecodeError:
        raise ApiError(400, "The body is not UTF-8.", code="invalid_json") from None
    if not isinstance(document, dict):
        raise ApiError(400, "The body must be a JSON object.", code="invalid_json")


def _without_texts(body: bytes) -> bytes:
    """Give what stands outside of quotes, if it is JSON."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    letters = np.frombuffer(body, np.uint8)
    is_inside = np.cumsum(letters == ord('"'), dtype=np.uint8) & 1
    outside: bytes = letters[is_inside == 0].tobytes()
    return outside


def _depth(outside: bytes) -> int:
    letters = np.frombuffer(outside, np.uint8)
    opens = (letters == ord("[")) | (letters == ord("{"))
    closes = (letters == ord("]")) | (letters == ord("}"))
    levels = np.cumsum(opens.astype(np.int32) - closes)
    return int(levels.max(initial=0))
