"""The requests of Ollama's API. https://github.com/ollama/ollama/blob/main/docs/api.md"""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.server.requests.openai_requests import Tool
from app.server.requests.request_fields import (
    MOST_MESSAGES,
    MOST_TOKENS,
    ApiModel,
    Name,
    Stop,
    Stops,
)
from app.server.requests.sampling_fields import SamplingFields


class Options(SamplingFields):
    """How tokens are drawn. `num_predict` -1 and -2 are as many as fit; how the model is loaded is decided in
    Stillroom, so that `num_ctx` and its like mean nothing here."""

    num_predict: Annotated[int, Field(ge=-2, le=MOST_TOKENS)] | None = None
    stop: Stop | Stops | None = None

    @property
    def stops(self) -> list[str]:
        """The texts that end a reply."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or ())


class OllamaFunction(ApiModel):
    """A call of an earlier reply."""

    name: Name
    arguments: dict[str, Any] = Field(default_factory=dict)


class OllamaCall(ApiModel):
    """A call that an earlier reply has asked for."""

    function: OllamaFunction


class OllamaMessage(ApiModel):
    """One turn."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    images: Annotated[list[Any], Field(max_length=0)] | None = None
    tool_calls: Annotated[list[OllamaCall], Field(max_length=64, fail_fast=True)] | None = None


class OllamaFields(ApiModel):
    """The common fields of chat and generate requests. `think` may be an effort."""

    model: Name
    stream: bool | None = None
    format: Literal["", "json"] | dict[str, Any] | None = None
    options: Options | None = None
    think: bool | Literal["low", "medium", "high"] | None = None

    @property
    def settings(self) -> Options:
        """The options."""
        return self.options or Options()


class OllamaChatRequest(OllamaFields):
    """POST /api/chat."""

    messages: list[OllamaMessage] = Field(default_factory=list, max_length=MOST_MESSAGES, fail_fast=True)
    tools: Annotated[list[Tool], Field(max_length=64, fail_fast=True)] | None = None


class OllamaGenerateRequest(OllamaFields):
    """POST /api/generate. `raw` takes the prompt as it is, without the model's template; with `suffix` the
    gap between the two is filled."""

    prompt: str = ""
    system: str = ""
    suffix: str | None = None
    raw: bool | None = None
    images: Annotated[list[Any], Field(max_length=0)] | None = None


class OllamaShowRequest(ApiModel):
    """POST /api/show."""

    model: Name = ""
    name: Name = ""
