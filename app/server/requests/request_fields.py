"""The common fields of several APIs' requests, with the range of each number."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.base.errors import EngineError
from app.engine.grammar.grammar_rules import rules_of
from app.engine.protocol import ThinkingLimits
from app.server.access.api_error import ApiError

_CHECKING = ThreadPoolExecutor(1, "schemas")
"""One thread: several would keep the loop waiting for the interpreter longer."""

MOST_MESSAGES = 4096
MOST_TOKENS = 1 << 20
LONGEST_STOP = 256

Name = Annotated[str, Field(max_length=200)]
Stop = Annotated[str, Field(min_length=1, max_length=LONGEST_STOP)]
# Each list is given up at its first wrong item: a description of every one of a million takes a gigabyte.
Stops = Annotated[list[Stop], Field(max_length=16, fail_fast=True)]
Tokens = Annotated[
    list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=MOST_TOKENS, fail_fast=True)
]
MaxTokens = Annotated[int, Field(ge=1, le=MOST_TOKENS)]

EFFORT_TOKENS = {"none": 0, "minimal": 256, "low": 1024, "medium": 4096}
"""The thinking budget of each reasoning effort; "high" has no limit."""


class ApiModel(BaseModel):
    """Unknown fields are left alone, because clients send what other servers know."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, protected_namespaces=())


def thinking_limits(tokens: int | None, thinking: str) -> ThinkingLimits:
    """The budget for a prompt that starts as `thinking` says; a model that does not think needs none."""
    return ThinkingLimits() if thinking == "off" else ThinkingLimits(tokens=tokens)


async def schema_text(schema: Any, param: str) -> str:
    """The text of a JSON schema that replies can be bound to; it is checked beside the loop, one at a time.
    Raises `ApiError`."""

    def checked() -> str:
        text = json.dumps(schema, ensure_ascii=False)
        rules_of("", text)
        return text

    try:
        return await asyncio.get_running_loop().run_in_executor(_CHECKING, checked)
    except EngineError as error:
        raise ApiError.of(error, 400, "invalid_json_schema", param) from None
