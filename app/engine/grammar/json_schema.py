"""A JSON schema as a grammar (GBNF) whose texts are JSON documents that the schema accepts.

Keywords that a grammar cannot enforce are refused and not ignored, so that what comes is valid.
llama-cpp-python has such a converter too (`llama_grammar.py`), which lets control characters into strings and
drops the limits of numbers without a word.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from app.base.errors import RequestError, StillroomError
from app.engine.grammar.digits import whole_number
from app.engine.grammar.gbnf import LONGEST_GRAMMAR, MOST_REPETITIONS
from models.system.json_problem import json_problem

LONGEST_SCHEMA = 256 * 1024
LONGEST_SHOWN = 60
"""Characters of a schema's own words in a message."""

MOST_STEPS = 200_000
"""Schemas and properties that are looked at, those that are joined by `allOf` each time."""

_ANNOTATIONS = {
    "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples",
    "deprecated", "readOnly", "writeOnly", "strict", "name",
}  # fmt: skip
_KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "format"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "number": {"minimum"},
    "boolean": set[str](),
    "null": set[str](),
}
_BASIC = {
    # Bounded, because a small model may write white space for ever.
    "ws": '| " " | "\\n" [ \\t]{0,20}',
    "char": r'[^"\\\x00-\x1f\x7f] | "\\" (["\\/bfnrt] | "u" code)',
    # No half of a surrogate pair.
    "code": "[0-9a-cA-Ce-fE-F] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}",
    "string": r'"\"" char* "\""',
    "whole": '"0" | [1-9] [0-9]{0,15}',
    "integer": '"-"? whole',
    "number": 'integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?',
    "positive": 'whole ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "object": '"{" ws (string ":" ws value ("," ws string ":" ws value)*)? ws "}"',
    "array": '"[" ws (value ("," ws value)*)? ws "]"',
    "value": "object | array | string | number | boolean | null",
    "year": "[0-9]{4}",
    "date": 'year "-" (long "-" ("0" [1-9] | [12] [0-9] | "3" [01])'
    ' | short "-" ("0" [1-9] | [12] [0-9] | "30") | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8]))',
    "long": '"01" | "03" | "05" | "07" | "08" | "10" | "12"',
    "short": '"04" | "06" | "09" | "11"',
    "time": '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})?'
    ' ("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])',
}  # fmt: skip
_FORMATS = {
    "date": r'"\"" date "\""',
    "time": r'"\"" time "\""',
    "date-time": r'"\"" date "T" time "\""',
    "uuid": r'"\"" [0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12} "\""',
}


def schema_grammar(schema_text: str) -> str:
    """Write the grammar of a JSON schema's text. Raises `RequestError` for a schema that cannot be enforced.

    Declared properties come in their order, those not required may be missing, and others come only where
    `additionalProperties` allows them. Bounded in time and memory, whatever the text is. Any thread; the
    largest take half a second.
    """
    if len(schema_text) > LONGEST_SCHEMA:
        raise _refused("it is longer than {limit} characters", limit=LONGEST_SCHEMA)
    try:
        return _Writer(json.loads(schema_text, parse_constant=_no_number)).grammar()
    except RecursionError:
        raise _refused("it is nested too deeply") from None
    except ValueError as error:
        raise unusable_schema(json_problem(error)) from None


def unusable_schema(reason: str | StillroomError) -> RequestError:
    """Return the error for a schema that replies cannot be bound to."""
    return RequestError(
        "The JSON schema cannot be used: {reason}.",
        "Change the schema: what cannot be enforced must not stand in it.",
        reason=reason,
    )


def _refused(why: str, **values: Any) -> RequestError:
    return unusable_schema(StillroomError(why, "", **{name: _shown(value) for name, value in values.items()}))


def _shown(value: object) -> str:
    """Return a schema's own words in one line that is not too long."""
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}\N{HORIZONTAL ELLIPSIS}"


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


class _Writer:
    """Writes the rules of one schema. What is referred to is written once, however often."""

    def __init__(self, schema: object) -> None:
        self._schema = schema
        self._rules: dict[str, str] = {}
        self._names: dict[str, str] = {}
        """The rules without a meaning of their own by their texts."""
        self._references: dict[str, str] = {}
        self._joined: dict[int, str] = {}
        """The rule of each `allOf`, by the identity of its list."""
        self._left = MOST_STEPS
        self._letters = 0

    def grammar(self) -> str:
        self._rules["root"] = ""
        self._write("root", self._expression(self._schema, "root"))
        return "\n".join(f"{name} ::= {rule}" for name, rule in self._rules.items())

    def _expression(self, schema: object, path: str) -> str:
        """Return GBNF for what the schema allows, as one item or a group in brackets."""
        self._spend(1)
        if schema is True or schema == {}:
            return self._basic("value")
        if not isinstance(schema, Mapping):
            raise _refused("{place} is no schema", place=path)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                self._only(schema, {keyword, "type"}, path)
                options = _sequence(schema[keyword], f"{path}/{keyword}")
                return _either(
                    self._expression(option, f"{path}/{keyword}/{index}")
                    for index, option in enumerate(options)
                )
        if "$ref" in schema:
            self._only(schema, {"$ref"}, path)
            return self._reference(schema["$ref"], path)
        if "allOf" in schema:
            self._only(schema, {"allOf"}, path)
            return self._all_of(schema["allOf"], path)
        if "const" in schema:
            self._only(schema, {"const", "type"}, path)
            return _literal(schema["const"])
        if "enum" in schema:
            self._only(schema, {"enum", "type"}, path)
            texts = [_json(value) for value in _sequence(schema["enum"], f"{path}/enum")]
            self._spend(len(texts))
            return self._one_of(sorted(set(texts)))
        return self._typed(schema, path)

    def _typed(self, schema: Mapping[str, Any], path: str) -> str:
        types = schema.get("type")
        if types is None:
            types = [kind for kind, keywords in _KEYWORDS.items() if keywords & schema.keys()][:1]
            if not types:
                self._only(schema, set(), path)
                return self._basic("value")
        kinds = [types] if isinstance(types, str) else _sequence(types, f"{path}/type")
        if not all(isinstance(kind, str) for kind in kinds):
            raise _refused("{place} has a type that is no name", place=path)
        kinds = list(dict.fromkeys(kinds))
        known = set().union(*(_KEYWORDS.get(kind, set()) for kind in kinds))
        self._only(schema, known | {"type"}, path)
        return _either(self._of_type(kind, schema, path) for kind in kinds)

    def _of_type(self, kind: str, schema: Mapping[str, Any], path: str) -> str:
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            return self._array(schema, path)
        if kind == "string":
            return self._string(schema, path)
        if kind == "integer":
            return self._integer(schema, path)
        if kind == "number":
            if "minimum" not in schema:
                return self._basic("number")
            if schema["minimum"] != 0 or isinstance(schema["minimum"], bool):
                raise _refused("{place} limits a number that is not whole, other than by 0", place=path)
            return self._basic("positive")
        if kind in ("boolean", "null"):
            return self._basic(kind)
        raise _refused("{place} has the unknown type {type}", place=path, type=kind)

    def _object(self, schema: Mapping[str, Any], path: str) -> str:
        properties = schema.get("properties", {})
        more = schema.get("additionalProperties", "properties" not in schema)
        required = schema.get("required", [])
        if not isinstance(properties, Mapping) or not _are_names(required):
            raise _refused("{place} has properties that are none", place=path)
        missing = [name for name in required if name not in properties]
        if missing:
            raise _refused("{place} requires {name}, which it does not declare", place=path, name=missing[0])
        if not properties and more is True:
            return self._basic("object")
        pairs: list[tuple[str, bool]] = []
        always = frozenset(required)
        self._spend(len(properties))
        for name, child in properties.items():
            value = self._expression(child, f"{path}/{_shown(name)}")
            pair = self._rule(f'{_literal(name)} ":" {self._basic("ws")} {value}')
            pairs.append((pair, name in always))
        if more is not False:
            value = self._expression(more, f"{path}/additionalProperties")
            names = self._other_names(properties)
            pair = f'{names} ":" {self._basic("ws")} {value}'
            many = self._rule(f'{pair} ("," {self._basic("ws")} {pair})*')
            pairs.append((many, False))
        ws = self._basic("ws")
        if not pairs:
            return f'"{{" {ws} "}}"'
        return f'"{{" {ws} {self._pairs(pairs)} {ws} "}}"'

    def _pairs(self, pairs: list[tuple[str, bool]]) -> str:
        """Write pairs in order with commas between those that come; `tail` is what follows at least one."""
        ws = self._basic("ws")
        tail = ""
        first = ""
        for index in range(len(pairs) - 1, -1, -1):
            pair, required = pairs[index]
            # `first` is what may come when nothing has come yet.
            if required:
                first = f"{pair} {tail}".strip()
            else:
                first = f"({pair} {tail} | {first})" if first else f"({pair} {tail})?"
            following = f'"," {ws} {pair}'
            tail = f"{following} {tail}".strip() if required else f"({following})? {tail}".strip()
            tail = self._rule(tail)
            if not required:
                first = self._rule(first)
        return first

    def _other_names(self, properties: Mapping[str, Any]) -> str:
        """Write a string that is none of the declared names: the same key twice is no valid object."""
        if not properties:
            return self._basic("string")
        # A character more than the longest name, or a first character that no name has.
        firsts = "".join(sorted({re.sub(r"([\]\\^-])", r"\\\1", name[:1]) for name in properties if name}))
        self._basic("char")
        return f'"\\"" [^{firsts}"\\\\\\x00-\\x1f\\x7f] char* "\\""'

    def _array(self, schema: Mapping[str, Any], path: str) -> str:
        ws = self._basic("ws")
        fixed = [
            self._expression(item, f"{path}/prefixItems/{index}")
            for index, item in enumerate(_sequence(schema.get("prefixItems", []), path, empty=True))
        ]
        low, high = _limits(schema, "minItems", "maxItems", path)
        more = schema.get("items", not fixed)
        if fixed and (low > len(fixed) or more is not False or high is not None):
            raise _refused("{place} mixes prefixItems with other items", place=path)
        if fixed:
            comma = f' "," {ws} '
            return f'"[" {ws} {comma.join(fixed)} {ws} "]"'
        item = self._rule(self._expression(more, f"{path}/items"))
        if high == 0:
            return f'"[" {ws} "]"'
        rest = _times(f'("," {ws} {item})', max(low - 1, 0), None if high is None else high - 1)
        items = f"{item} {rest}".strip()
        return f'"[" {ws} {items if low else f"({items})?"} {ws} "]"'

    def _string(self, schema: Mapping[str, Any], path: str) -> str:
        if "format" in schema:
            self._only(schema, {"type", "format"}, path)
            known = schema["format"]
            rule = _FORMATS.get(known) if isinstance(known, str) else None
            if rule is None:
                raise _refused("{place} has the unknown format {format}", place=path, format=known)
            for part in ("year", "date", "time"):
                self._basic(part)
            return f"({rule})"
        low, high = _limits(schema, "minLength", "maxLength", path)
        if (low, high) == (0, None):
            return self._basic("string")
        return f'"\\"" {_times(self._basic("char"), low, high)} "\\""'

    def _integer(self, schema: Mapping[str, Any], path: str) -> str:
        bounds = [schema.get(name) for name in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")]
        if any(isinstance(bound, bool) or not isinstance(bound, int | None) for bound in bounds):
            raise _refused("{place} has a limit that is no whole number", place=path)
        minimum, above, maximum, below = bounds
        lows = [low for low in (minimum, None if above is None else above + 1) if low is not None]
        highs = [high for high in (maximum, None if below is None else below - 1) if high is not None]
        if not lows and not highs:
            return self._basic("integer")
        rule = whole_number(max(lows, default=None), min(highs, default=None))
        if not rule:
            raise _refused("{place} allows no number", place=path)
        return f"({rule})"

    def _reference(self, reference: object, path: str) -> str:
        target = self._target(reference, path)
        reference = str(reference)
        if reference not in self._references:
            # The name first: a schema may refer to itself.
            name = self._references[reference] = f"ref{len(self._references)}"
            self._rules[name] = ""
            self._write(name, self._expression(target, _shown(reference)))
        return self._references[reference]

    def _all_of(self, parts: object, path: str) -> str:
        name = self._joined.get(id(parts))
        if name is None:
            name = self._joined[id(parts)] = f"all{len(self._joined)}"
            self._rules[name] = ""
            self._write(name, self._expression(self._merged(parts, path), path))
        return name

    def _merged(self, parts: object, path: str) -> dict[str, Any]:
        """Merge the objects of an `allOf`: their properties together."""
        properties: dict[str, Any] = {}
        required: dict[str, None] = {}
        for part in _sequence(parts, f"{path}/allOf"):
            followed: set[object] = set()
            while isinstance(part, Mapping) and "$ref" in part:
                self._spend(1)
                part, reference = self._target(part["$ref"], path), part["$ref"]
                if reference in followed:
                    raise _refused("{place} refers to itself without end", place=reference)
                followed.add(reference)
            if not isinstance(part, Mapping) or part.keys() - _ANNOTATIONS - {"type"} - _KEYWORDS["object"]:
                raise _refused("{place} joins what is not only objects", place=path)
            own, always = part.get("properties", {}), part.get("required", [])
            if not isinstance(own, Mapping) or not _are_names(always):
                raise _refused("{place} has properties that are none", place=path)
            self._spend(1 + len(own) + len(always))
            properties |= own
            required |= dict.fromkeys(always)
        return {"type": "object", "properties": properties, "required": list(required)}

    def _target(self, reference: object, path: str) -> Any:
        """Resolve a reference within the document."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise _refused("{place} refers to another document", place=path)
        target: Any = self._schema
        for step in reference[1:].strip("/").split("/") if len(reference) > 1 else ():
            self._spend(1)
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or step not in target:
                raise _refused("{place} refers to {name}, which is not there", place=path, name=reference)
            target = target[step]
        return target

    def _only(self, schema: Mapping[str, Any], known: set[str], path: str) -> None:
        unknown = schema.keys() - known - _ANNOTATIONS
        if unknown:
            raise _refused(
                "{place} uses {keyword}, which a reply cannot be bound to", place=path, keyword=min(unknown)
            )

    def _one_of(self, texts: Sequence[str]) -> str:
        """Write a choice of these texts, which are sorted: what several begin with stands there once, so that
        few ways are open at a time."""
        if len(texts) == 1:
            return _quoted(texts[0])
        first, last = texts[0], texts[-1]
        alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
        begins = first[: sum(1 for _ in alike)]
        rest = [text[len(begins) :] for text in texts]
        groups = [list(group) for _, group in itertools.groupby(rest, lambda text: text[:1])]
        options = ['""' if group == [""] else self._one_of(group) for group in groups]
        following = f"({' | '.join(options)})"
        return self._rule(f"{_quoted(begins)} {following}") if begins else self._rule(following)

    def _basic(self, name: str) -> str:
        if name not in self._rules:
            rule = self._rules[name] = _BASIC[name]
            for part in re.findall(r"[a-z]+", re.sub(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]', "", rule)):
                if part in _BASIC:
                    self._basic(part)
        return name

    def _rule(self, rule: str) -> str:
        """Return the name of a rule with this text."""
        name = self._names.get(rule)
        if name is None:
            name = self._names[rule] = f"r{len(self._names)}"
            self._write(name, rule)
        return name

    def _write(self, name: str, rule: str) -> None:
        self._rules[name] = rule
        self._letters += len(name) + len(rule) + 6
        if self._letters > LONGEST_GRAMMAR:
            raise _refused("it allows too much for one grammar")

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _refused("it allows too much for one grammar")


def _are_names(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _json(value: object) -> str:
    """Write a value of the schema as a reply has to."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _refused("a value in it holds half of a character") from None
    return text


def _literal(value: object) -> str:
    return _quoted(_json(value))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _either(options: Iterator[str]) -> str:
    unique = list(dict.fromkeys(options))
    return unique[0] if len(unique) == 1 else f"({' | '.join(unique)})"


def _times(item: str, low: int, high: int | None) -> str:
    if high == 0:
        return ""
    if high is None:
        return f"{item}*" if low == 0 else f"{item}{{{low},}}"
    return f"{item}{{{low},{high}}}"


def _limits(schema: Mapping[str, Any], low_name: str, high_name: str, path: str) -> tuple[int, int | None]:
    low, high = schema.get(low_name), schema.get(high_name)
    for bound in (low, high):
        if (
            isinstance(bound, bool)
            or not isinstance(bound, int | None)
            or not 0 <= (bound or 0) <= MOST_REPETITIONS
        ):
            raise _refused(
                "{place} has a limit that is not from 0 to {most}", place=path, most=MOST_REPETITIONS
            )
    low = low or 0
    if high is not None and high < low:
        raise _refused("{place} has limits that nothing meets", place=path)
    return low, high


def _sequence(value: object, path: str, *, empty: bool = False) -> Sequence[Any]:
    if not isinstance(value, list) or not (value or empty):
        raise _refused("{place} is no list", place=path)
    return value
