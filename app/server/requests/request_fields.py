"""The common fields of several APIs' requests, with the range of each number."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.base.errors import EngineError
from app.engine.grammar.grammar_rules import rules_of
from app.engine.protocol import ModelInfo, ThinkingLimits
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
Seed = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]

EFFORT_TOKENS = {"none": 0, "minimal": 256, "low": 1024, "medium": 4096}
"""The thinking budget of each reasoning effort; "high" has no limit."""


class ApiModel(BaseModel):
    """Unknown fields are left alone, because clients send what other servers know."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, protected_namespaces=())


class SamplingFields(ApiModel):
    """The sampling parameters; those left out are as the user has set them in Stillroom."""

    temperature: Annotated[float, Field(ge=0.0, le=5.0)] | None = None
    top_p: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2.0, le=2.0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2.0, le=2.0)] | None = None
    repeat_penalty: Annotated[float, Field(ge=0.01, le=10.0)] | None = None
    seed: Seed | None = None

    def sampling(self, choice: int = 0) -> dict[str, object]:
        """The fields of `Sampling` that are given; each of several choices has a seed of its own."""
        return {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "min_p": self.min_p,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "repeat_penalty": self.repeat_penalty,
            "seed": None if self.seed is None else (self.seed + choice) % 2**32,
        }


def thinking_limits(tokens: int | None, thinking: str) -> ThinkingLimits:
    """The budget for a prompt that starts as `thinking` says; a model that does not think needs none."""
    return ThinkingLimits() if thinking == "off" else ThinkingLimits(tokens=tokens)


def logit_bias(given: dict[str, float] | None, info: ModelInfo) -> dict[int, float] | None:
    """The biases by token. Raises `ApiError`."""
    if given is None:
        return None
    found = {int(token): bias for token, bias in given.items()}
    if any(token >= info.vocabulary for token in found):
        raise ApiError(
            400,
            "The model's vocabulary has {count} tokens, and logit_bias names one beyond them.",
            param="logit_bias",
            count=info.vocabulary,
        )
    return found


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
