"""Answers by a JSON schema: whether a schema can be used, and whether an answer is as it says."""

import json
import re
from collections.abc import Mapping
from typing import Any

from app.base.errors import EngineError, StillroomError
from models.system.json_problem import json_problem

EXAMPLE = """{
  "title": "Answer",
  "type": "object",
  "properties": {
    "answer": {"type": "string"},
    "confidence": {"type": "string", "enum": ["low", "medium", "high"]}
  },
  "required": ["answer", "confidence"],
  "additionalProperties": false
}"""

MOST_STEPS = 20_000
"""Some 20 ms."""

LONGEST_SHOWN = 80
"""Characters of the answer's own words in a problem."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}
_FORMATS = {
    "date": r"\d{4}-\d\d-\d\d",
    "time": r"\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)",
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)",
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}


def check_schema(text: str) -> None:
    """Raises `EngineError` with the reason for a schema that replies cannot be bound to. Any thread; half a
    second for the largest schemas, and what was checked lately is remembered."""
    # numpy would make the window's start a tenth of a second longer.
    from app.engine.grammar.grammar_rules import rules_of

    rules_of("", text)


def schema_title(text: str) -> str:
    """Return the name that a usable schema gives itself; empty where it has none."""
    try:
        schema = json.loads(text)
    except ValueError:
        return ""
    title = schema.get("title", schema.get("name", "")) if isinstance(schema, dict) else ""
    return title if isinstance(title, str) else ""


def problem_of(answer: str, schema_text: str) -> StillroomError | None:
    """Return why an answer does not fit its schema, with the place in the document; None where it does.

    Knows the keywords that a grammar can be made of. Bounded in time, whatever both are.
    """
    try:
        document = json.loads(answer)
        return _Check(json.loads(schema_text)).problem(document)
    except ValueError as error:
        return _answer_problem("it is no JSON: {reason}", reason=json_problem(error))
    except RecursionError:
        return _answer_problem("it is nested too deeply")
    except _TooLongError:
        return _answer_problem("it is too large to be checked")
    except (TypeError, KeyError, AttributeError):
        # Something in the schema is of the wrong kind. To check each schema first would take longer than a
        # callback of the window may.
        try:
            check_schema(schema_text)
        except EngineError as error:
            return error
        raise


def _answer_problem(template: str, **values: object) -> StillroomError:
    return StillroomError(template, "", **values)


class _TooLongError(Exception):
    """The answer or its schema takes too many steps."""


class _Check:
    """Holds one document against one schema, each part of it against each part of the schema once."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._known: dict[tuple[int, int], StillroomError | None] = {}
        self._left = MOST_STEPS

    def problem(self, document: Any) -> StillroomError | None:
        """Return the sentence why the document does not fit the schema; None where it does."""
        return self._problem(document, self._schema, "$")

    def _problem(self, value: Any, schema: Any, place: str) -> StillroomError | None:
        pair = (id(value), id(schema))
        if pair not in self._known:
            self._spend(1)
            # A schema that comes to itself says nothing more by that.
            self._known[pair] = None
            self._known[pair] = self._new_problem(value, schema, place)
        return self._known[pair]

    def _new_problem(self, value: Any, schema: Any, place: str) -> StillroomError | None:
        if isinstance(schema, bool):
            return None if schema else _answer_problem("{place} must not be there", place=place)
        if "$ref" in schema:
            return self._problem(value, _target(schema["$ref"], self._schema), place)
        for part in schema.get("allOf", ()):
            if problem := self._problem(value, part, place):
                return problem
        for keyword in ("anyOf", "oneOf"):
            options = schema.get(keyword)
            if options and all(self._problem(value, option, place) for option in options):
                return _answer_problem("{place} is none of the allowed kinds", place=place)
        if "const" in schema and not _equal(value, schema["const"]):
            value = json.dumps(schema["const"], ensure_ascii=False)[:LONGEST_SHOWN]
            return _answer_problem("{place} must be {value}", place=place, value=value)
        if "enum" in schema:
            self._spend(len(schema["enum"]))
            if not any(_equal(value, allowed) for allowed in schema["enum"]):
                return _answer_problem("{place} is none of the allowed values", place=place)
        kinds = schema.get("type")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds is not None and not any(_is(value, kind) for kind in kinds):
            return _answer_problem("{place} must be {value}", place=place, value=" / ".join(kinds))
        match value:
            case dict():
                return self._object_problem(value, schema, place)
            case list():
                return self._array_problem(value, schema, place)
            case str():
                return _string_problem(value, schema, place)
            case bool() | None:
                return None
            case _:
                return _number_problem(value, schema, place)

    def _object_problem(
        self, value: Mapping[str, Any], schema: Mapping[str, Any], place: str
    ) -> StillroomError | None:
        required = schema.get("required", ())
        self._spend(len(required))
        for name in required:
            if name not in value:
                return _answer_problem("{place} lacks {name}", place=place, name=name[:LONGEST_SHOWN])
        properties = schema.get("properties", {})
        more = schema.get("additionalProperties", True)
        for name, item in value.items():
            inside = f"{place}.{name}"[-LONGEST_SHOWN:]
            if problem := self._problem(item, properties.get(name, more), inside):
                return problem
        return None

    def _array_problem(
        self, value: list[Any], schema: Mapping[str, Any], place: str
    ) -> StillroomError | None:
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return _answer_problem(
                "{place} has {count} items, which is not allowed", place=place, count=len(value)
            )
        first = schema.get("prefixItems", ())
        for number, item in enumerate(value):
            allowed = first[number] if number < len(first) else schema.get("items", True)
            if problem := self._problem(item, allowed, f"{place}[{number}]"[-LONGEST_SHOWN:]):
                return problem
        return None

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _TooLongError


def _string_problem(value: str, schema: Mapping[str, Any], place: str) -> StillroomError | None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return _answer_problem(
            "{place} has {count} characters, which is not allowed", place=place, count=len(value)
        )
    pattern = _FORMATS.get(schema.get("format", ""))
    if pattern and not re.fullmatch(pattern, value):
        return _answer_problem("{place} is no {format}", place=place, format=schema["format"])
    return None


def _number_problem(value: float, schema: Mapping[str, Any], place: str) -> StillroomError | None:
    fits = schema.get("minimum", value) <= value <= schema.get("maximum", value) and schema.get(
        "exclusiveMinimum", value - 1
    ) < value < schema.get("exclusiveMaximum", value + 1)
    return None if fits else _answer_problem("{place} is out of range", place=place)


def _target(reference: str, root: Any) -> Any:
    target = root
    for step in reference.lstrip("#/").split("/"):
        target = target[step.replace("~1", "/").replace("~0", "~")] if step else target
    return target


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES.get(kind, ()))


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
