"""The grammar of a schema accepts its documents and nothing else, token by token."""

import contextlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.base.errors import EngineError, RequestError
from app.chat.prompting.answer_schema import problem_of
from app.engine.devices.native_log import NativeLog
from app.engine.grammar.grammar_matcher import Grammar
from app.engine.grammar.grammar_rules import rules_of
from app.engine.grammar.json_schema import schema_grammar
from app.engine.llama.backend import Backend
from app.engine.llama.model import Model
from tests.support.contexts import load_model
from tests.support.engines import starter_path
from tests.support.schema_check import is_valid

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 10},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "mail": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "tags"],
    "additionalProperties": False,
}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "number"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
        }
    },
}
THREE = {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}}}
SECOND = {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["b"]}
MORE = {"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": True}
JOINED = {
    "allOf": [{"properties": {"a": {"type": "null"}}, "required": ["a"]}, {"$ref": "#/$defs/b"}],
    "$defs": {"b": {"type": "object", "properties": {"b": {"const": "x"}}}},
}


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    model = load_model(Backend(NativeLog()), Path(starter_path()), mmap=True)
    yield model
    model.free()


def accepts(model: Model, schema: Any, text: str) -> bool:
    """The grammar lets `text` through and would end there."""
    grammar = Grammar(rules_of("", json.dumps(schema)), model.token_bytes())
    for token in model.tokenize(text.encode(), special=False):
        if not grammar.allows(token):
            return False
        grammar.accept(token)
    return grammar.allows(model.eos)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (PERSON, '{"name": "Ann", "tags": ["a"]}'),
        (PERSON, '{"name":"Ann","age":130,"mail":null,"tags":["a","b","a"]}'),
        (PERSON, '{ "name": "An\\u00e9 \\"x\\"", "mail": "x", "tags": ["b"] }'),
        (TREE, '{"value": -1.5e3, "next": {"value": 0, "next": null}}'),
        ({"type": "array", "prefixItems": [{"type": "boolean"}, {"const": 3}], "items": False}, "[true, 3]"),
        ({"type": "string", "format": "date"}, '"2024-02-28"'),
        ({"type": "string", "format": "date-time"}, '"2024-02-28T23:59:59Z"'),
        ({"type": "string", "format": "uuid"}, '"123e4567-e89b-12d3-a456-426614174000"'),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, '{"x": 1, "y": 22}'),
        ({"type": "object", "properties": {}}, "{}"),
        ({}, '[1, {"a": [null, true, "x"]}]'),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10}, "9"),
        ({"type": "number", "minimum": 0}, "0.25"),
        (JOINED, '{"a": null, "b": "x"}'),
        (THREE, '{"c": 3}'),
        (THREE, '{"a": 1, "c": 3}'),
        (SECOND, '{"b": 2}'),
        (SECOND, '{"a": 1, "b": 2}'),
        (MORE, '{"a": 1, "z": []}'),
        ({"enum": ["ä\n\"quoted\"", 7, None, {"deep": [1]}]}, '{"deep": [1]}'),
    ],
)  # fmt: skip
def test_a_document_of_the_schema_is_accepted(model: Model, schema: dict[str, Any], text: str) -> None:
    assert is_valid(text, schema)
    assert accepts(model, schema, text)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (PERSON, '{"tags": ["a"]}'),
        (PERSON, '{"name": "", "tags": ["a"]}'),
        (PERSON, '{"name": "Ann", "age": 131, "tags": ["a"]}'),
        (PERSON, '{"name": "Ann", "tags": ["c"]}'),
        (PERSON, '{"name": "Ann", "tags": []}'),
        (PERSON, '{"name": "Ann", "tags": ["a", "a", "a", "a"]}'),
        (PERSON, '{"name": "Ann", "tags": ["a"], "more": 1}'),
        (PERSON, '{"name": "A\nB", "tags": ["a"]}'),
        (PERSON, '{"name": "Ann", "tags": ["a"],}'),
        ({"type": "string"}, '"half of a pair: \\ud800"'),
        ({"type": "string", "format": "date"}, '"2023-02-30"'),
        ({"type": "integer"}, "007"),
        ({"type": "integer"}, "1.5"),
        (MORE, '{"a": 1, "a": 2}'),
    ],
)  # fmt: skip
def test_what_is_no_document_of_the_schema_is_not(model: Model, schema: dict[str, Any], text: str) -> None:
    assert not accepts(model, schema, text)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a+$"},
        {"type": "array", "uniqueItems": True},
        {"not": {"type": "null"}},
        {"type": "number", "maximum": 3},
        {"type": "integer", "multipleOf": 2},
        {"type": "string", "format": "email"},
        {"type": "what"},
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/$defs/missing"},
        {"type": "object", "properties": {}, "required": ["a"]},
        {"type": "string", "maxLength": 100_000},
        {"type": "array", "minItems": 3, "maxItems": 2},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"enum": []},
        [],
        3,
    ],
)
def test_what_cannot_be_enforced_is_refused(schema: object) -> None:
    with pytest.raises(EngineError):
        schema_grammar(json.dumps(schema))


@pytest.mark.parametrize("text", ["", "{", '{"type": "string"', "[" * 100_000])
def test_a_text_that_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(EngineError):
        schema_grammar(text)


def doubling(levels: int) -> dict[str, Any]:
    """Each definition joins the next one twice."""
    definitions: dict[str, Any] = {
        f"a{level}": {
            "properties": {name: {"allOf": [{"$ref": f"#/$defs/a{level + 1}"}]} for name in ("x", "y")}
        }
        for level in range(levels)
    }
    definitions[f"a{levels}"] = {"properties": {"z": {"type": "null"}}}
    return {"allOf": [{"$ref": "#/$defs/a0"}], "$defs": definitions}


def test_what_is_joined_often_is_written_once() -> None:
    assert len(schema_grammar(json.dumps(doubling(60)))) < 60_000


def test_a_schema_that_joins_itself_within_is_followed(model: Model) -> None:
    tree = {
        "$defs": {
            "node": {
                "allOf": [
                    {
                        "properties": {
                            "value": {"const": 1},
                            "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                        },
                        "required": ["value", "next"],
                    }
                ]
            }
        },
        "$ref": "#/$defs/node",
    }
    assert accepts(model, tree, '{"value":1,"next":{"value":1,"next":null}}')
    assert not accepts(model, tree, '{"value":1,"next":{"value":1}}')


def test_twenty_thousand_values_are_told_apart(model: Model) -> None:
    schema = {"enum": [f"v{79 * number}" for number in range(20_000)]}
    assert accepts(model, schema, f'"v{79 * 19_999}"')
    assert not accepts(model, schema, '"v78"')


MANY: dict[str, Any] = {str(number): {} for number in range(3000)}

KEYWORDS = [
    "type", "properties", "required", "additionalProperties", "items", "prefixItems", "minItems", "maxItems",
    "minLength", "maxLength", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "anyOf",
    "oneOf", "allOf", "$ref", "$defs", "const", "enum", "a",
]  # fmt: skip

HOSTILE: list[Any] = [
    {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/a"}}},
    {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    {"$ref": "#"},
    {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}},
    {"required": [{}]},
    {"type": [{}]},
    {"type": {}},
    {"format": [1]},
    {"type": "string", "format": {}},
    {"allOf": [{"properties": [1]}]},
    {"allOf": [{"required": 5}]},
    {"allOf": [{"$ref": 5}]},
    {"allOf": [{"$ref": [1]}]},
    {"allOf": [{"properties": {"a": {}}, "required": ["b"]}]},
    {"$ref": "#/title/0", "title": "text"},
    {"type": "number", "minimum": False},
    {"type": "\x1b[31m\n" + "x" * 10_000},
    {"x\x00" * 10_000: 1},
    {"$ref": "#/" + "/".join("x" * 1000)},
    {"const": "half \ud800 of a pair"},
    {"type": "object", "properties": {"\udfff": {}}, "required": ["\udfff"]},
    {"enum": [float("inf")]},
    {"enum": [float("nan")]},
    {"type": "array", "prefixItems": 5},
    {"type": "array", "items": 5},
    {"anyOf": {}},
    {"anyOf": [1]},
    {"properties": {"a": 1}},
    {"additionalProperties": "x", "properties": {}},
    {"type": "array", "minItems": 1e400},
    {"type": "array", "items": {"type": "array", "minItems": 2000, "maxItems": 2000}, "maxItems": 1.5},
    {"allOf": [{"$ref": "#/$defs/a"}] * 3000, "$defs": {"a": {"properties": MANY}}},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_schema_is_refused_in_one_short_line(number: int) -> None:
    with pytest.raises(EngineError) as raised:
        rules_of("", json.dumps(HOSTILE[number]))
    text = str(raised.value)
    assert len(text) < 300
    assert text.isprintable()


def test_texts_that_each_begin_the_next_are_read_or_refused_in_one_short_line() -> None:
    """Each is one level deeper; it is Python's version that says how deep one may go."""
    try:
        said = str(rules_of("", json.dumps({"enum": ["a" * number for number in range(600)]})))
    except EngineError as error:
        said = str(error)
    assert len(said) < 100_000


def odd_schema(draw: random.Random, depth: int = 0) -> Any:
    """Any keywords with any values, right or wrong."""
    if depth > 4 or draw.random() < 0.2:
        return draw.choice(
            [
                None,
                True,
                False,
                0,
                -1,
                3,
                1.5,
                1e400,
                10**20,
                "",
                "string",
                "date",
                "#",
                "#/$defs/a",
                [],
                {},
                [1],
                ["a"],
            ]
        )
    if draw.random() < 0.2:
        return [odd_schema(draw, depth + 1) for _ in range(draw.randrange(4))]
    keywords = draw.sample(KEYWORDS, draw.randrange(1, 4))
    schema = {keyword: odd_schema(draw, depth + 1) for keyword in keywords}
    if draw.random() < 0.5:
        schema["type"] = draw.choice(["object", "array", "string", "integer", "number", ["null", "object"]])
    return schema


def test_whatever_a_schema_is_made_of_it_is_followed_or_refused() -> None:
    draw = random.Random(11)
    followed = 0
    for _ in range(3000):
        schema = odd_schema(draw)
        text = json.dumps({"$defs": {"a": odd_schema(draw)}} | schema if isinstance(schema, dict) else schema)
        with contextlib.suppress(RequestError):
            rules_of("", text)
            followed += 1
        problem_of('{"a": [1, "x", {"a": null}]}', text)
    assert followed > 50
