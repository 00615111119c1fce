"""A JSON schema validator for the keywords that replies can be bound to; a test's own, so that the grammar is
not judged by the code that wrote it."""

import json
import re
from typing import Any

TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}
FORMATS = {
    "date": r"\d{4}-\d\d-\d\d",
    "time": r"\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)",
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)",
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}


def is_valid(text: str, schema: dict[str, Any]) -> bool:
    """`text` is a JSON document of the schema, and no key comes twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs), "a key twice"
        return dict(pairs)

    try:
        return fits(json.loads(text, object_pairs_hook=unique), schema, schema)
    except (ValueError, AssertionError):
        return False


def fits(value: Any, schema: Any, root: Any) -> bool:
    """`value` is as `schema` says; `root` holds what it refers to."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        target = root
        for step in schema["$ref"].lstrip("#/").split("/"):
            target = target[step] if step else target
        return fits(value, target, root)
    if "allOf" in schema and not all(fits(value, part, root) for part in schema["allOf"]):
        return False
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema and not any(fits(value, part, root) for part in schema[keyword]):
            return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    kinds = schema.get("type")
    if kinds is not None and not any(
        _is(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)
    ):
        return False
    if isinstance(value, dict):
        return _object(value, schema, root)
    if isinstance(value, list):
        return _array(value, schema, root)
    if isinstance(value, str):
        pattern = FORMATS.get(schema.get("format", ""))
        if pattern and not re.fullmatch(pattern, value):
            return False
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 30)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (
            schema.get("minimum", value) <= value <= schema.get("maximum", value)
            and value > schema.get("exclusiveMinimum", value - 1)
            and value < schema.get("exclusiveMaximum", value + 1)
        )
    return True


def _is(value: Any, kind: str) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


def _object(value: dict[str, Any], schema: Any, root: Any) -> bool:
    properties = schema.get("properties", {})
    more = schema.get("additionalProperties", True)
    if not set(schema.get("required", [])) <= value.keys():
        return False
    return all(fits(item, properties.get(name, more), root) for name, item in value.items())


def _array(value: list[Any], schema: Any, root: Any) -> bool:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 30):
        return False
    fixed = schema.get("prefixItems", [])
    return all(
        fits(item, fixed[place] if place < len(fixed) else schema.get("items", True), root)
        for place, item in enumerate(value)
    )
