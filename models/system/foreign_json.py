"""JSON that somebody else wrote, read only where its values fit into a known amount of memory."""

import json

MOST_JSON_BYTES = 16 << 20
"""Of a settings file, an index, a weight file's header: the largest ones that are known have 8 MB."""

MOST_VALUES = 1 << 20


def parse_json(data: bytes, most_values: int = MOST_VALUES) -> object:
    """Parse `data`; an object's last value of a name counts.

    Raises `ValueError` for what is no JSON, is nested too deeply, or could hold more than `most_values`
    values: each takes up to 300 bytes of memory, whatever its length in the text.
    """
    check_values(data, most_values)
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def check_values(data: bytes, most_values: int = MOST_VALUES) -> None:
    """Raise `ValueError` where `data`, taken as JSON, could hold more than `most_values` values."""
    # Each value but the first stands behind one of these; those in texts count too.
    if sum(data.count(sign) for sign in (b",", b"[", b"{")) > most_values:
        raise ValueError(f"it holds more than {most_values} values")
