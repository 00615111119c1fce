"""Replies that are bound to JSON schemas, each after some thinking: every one parses and is valid."""

import json
import os
import random
from typing import Any

import pytest

from app.engine.protocol import (
    Delta,
    Failed,
    Finished,
    Generate,
    LoadSettings,
    ModelInfo,
    Part,
    Sampling,
    ThinkingLimits,
)
from tests.support.engines import Session, starter_path
from tests.support.schema_check import is_valid

REPLIES = int(os.environ.get("STILLROOM_SCHEMA_REPLIES", "200"))
THINKING_TOKENS = 24
NAMES = ("name", "age", "tags", "kind", "price", "when", "ok", "parts", "note", "id")


def random_schema(draw: random.Random, depth: int = 0) -> dict[str, Any]:
    """A schema of bounded size: a model of 135 million parameters seldom ends a text by itself."""
    kinds = ["enum", "integer", "string", "boolean", "const", "number", "format", "null", "anyOf"]
    if depth < 2:
        kinds += ["object", "object", "array", "tuple"]
    kind = "object" if not depth else draw.choice(kinds)
    if kind == "object":
        names = draw.sample(NAMES, draw.randint(1, 4))
        return {
            "type": "object",
            "properties": {name: random_schema(draw, depth + 1) for name in names},
            "required": draw.sample(names, draw.randint(0, len(names))),
            "additionalProperties": False,
        }
    if kind == "array":
        low = draw.randint(0, 2)
        return {
            "type": "array", "items": random_schema(draw, depth + 1), "minItems": low, "maxItems": low + 2,
        }  # fmt: skip
    if kind == "tuple":
        return {"type": "array", "prefixItems": [random_schema(draw, 2) for _ in range(2)], "items": False}
    if kind == "integer":
        low = draw.randint(-2000, 2000)
        return {"type": "integer", "minimum": low, "maximum": low + draw.randint(0, 500)}
    return {
        "enum": {"enum": draw.sample(["red", "two words", 'a "quote"', 7, None, "数"], 3)},
        "string": {"type": "string", "minLength": draw.randint(0, 3), "maxLength": draw.randint(4, 24)},
        "boolean": {"type": "boolean"},
        "const": {"const": {"fixed": [1, "x"]}},
        "number": {"type": "number", "minimum": 0},
        "format": {"type": "string", "format": draw.choice(["date", "time", "date-time", "uuid"])},
        "null": {"type": ["null", "boolean"]},
        "anyOf": {"anyOf": [{"type": "boolean"}, {"type": "string", "maxLength": 8}]},
    }[kind]


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_every_reply_is_a_document_of_its_schema() -> None:
    session = Session("child")
    settings = LoadSettings(context_tokens=1024, batch_tokens=128, threads=1, sequences=4)
    assert isinstance(session.load(starter_path(), settings), ModelInfo)
    draw = random.Random(3)
    schemas: dict[int, dict[str, Any]] = {}
    answers: dict[int, str] = {}
    for _ in range(REPLIES):
        schema = random_schema(draw)
        request = Generate(
            request_id=session.new_id(),
            # The starter model opens no block itself, so its turn begins inside of one, as R1's templates do.
            parts=[
                Part("<|im_start|>user\n", True),
                Part("Invent a thing and describe it as JSON."),
                Part("<|im_end|>\n<|im_start|>assistant\n<think>\n", True),
            ],
            sampling=Sampling(temperature=draw.choice((0.0, 0.6, 1.0)), seed=draw.randrange(1000)),
            thinking="open",
            thinking_limits=ThinkingLimits(tokens=THINKING_TOKENS),
            json_schema=json.dumps(schema),
        )
        schemas[request.request_id] = schema
        answers[request.request_id] = ""
        session.engine.post(request)
    ended = 0
    while ended < REPLIES:
        event = session.engine.next_event()
        assert not isinstance(event, Failed), event
        if isinstance(event, Delta) and event.channel == "answer":
            answers[event.request_id] += event.text
        elif isinstance(event, Finished):
            assert 0 < event.stats.thinking_tokens <= THINKING_TOKENS
            ended += 1
    session.engine.close()
    wrong = {answer: schemas[id_] for id_, answer in answers.items() if not is_valid(answer, schemas[id_])}
    assert not wrong
    print(f"\n  {REPLIES} of {REPLIES} replies are valid")
