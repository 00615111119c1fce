"""The requests of OpenAI's API, as far as they mean something here.

https://platform.openai.com/docs/api-reference
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from app.server.access.api_error import ApiError
from app.server.requests.request_fields import (
    MOST_MESSAGES,
    ApiModel,
    MaxTokens,
    Name,
    Stop,
    Stops,
    Tokens,
)
from app.server.requests.sampling_fields import SamplingFields
from models.system.shown_text import shown

MOST_CHOICES = 8
MOST_PROMPTS = 32

Bias = Annotated[float, Field(ge=-100.0, le=100.0)]
TokenText = Annotated[str, Field(pattern=r"^[0-9]{1,7}$")]


TextKind = Literal["text", "input_text", "output_text", "refusal"]
TEXT_PARTS = frozenset(get_args(TextKind))


class TextPart(ApiModel):
    """A piece of a message. Only text is understood."""

    type: TextKind = "text"
    text: str = ""


class FunctionCall(ApiModel):
    """A function with its arguments as JSON text."""

    name: Name
    arguments: str = "{}"


class ToolCall(ApiModel):
    """A call that an earlier reply has asked for."""

    id: Name = ""
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(ApiModel):
    """One turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[TextPart], Field(max_length=256, fail_fast=True)] | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=64, fail_fast=True)] | None = None
    tool_call_id: Name | None = None
    name: Name | None = None
    reasoning_content: str | None = None
    """The thinking before the content of the last message, where that goes on."""
    prefix: bool | None = None
    """The last message, of the assistant, goes on (DeepSeek's and Mistral's field)."""

    @field_validator("content", mode="before")
    @classmethod
    def _is_text(cls, content: object) -> object:
        """Name the part that is no text: of a union the first complaint would be that this is no string."""
        for part in content if isinstance(content, list) else ():
            kind = part.get("type", "text") if isinstance(part, dict) else "text"
            if isinstance(kind, str) and kind not in TEXT_PARTS:
                raise ValueError(
                    f"a part of type {shown(kind, 40)} is not understood, models here read text alone"
                )
        return content

    @property
    def text(self) -> str:
        """All of its text."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class Function(ApiModel):
    """A function that the model may call; `parameters` is the JSON schema of its arguments."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(ApiModel):
    """A tool that the model may use."""

    type: Literal["function"] = "function"
    function: Function


class NamedFunction(ApiModel):
    """Which function."""

    name: Name


class NamedTool(ApiModel):
    """The one tool that has to be called."""

    type: Literal["function"] = "function"
    function: NamedFunction


class JsonSchema(ApiModel):
    """A schema with its name."""

    name: Name = "answer"
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None


class ResponseFormat(ApiModel):
    """What the answer must be."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(ApiModel):
    """What a stream tells besides."""

    include_usage: bool | None = None


class OpenAiFields(SamplingFields):
    """The common fields of chat and completion requests."""

    model: Name = ""
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    max_tokens: MaxTokens | None = None
    stop: Stop | Stops | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logit_bias: Annotated[dict[TokenText, Bias], Field(max_length=1024)] | None = None

    @property
    def choices(self) -> int:
        """The number of replies."""
        return self.n or 1

    @property
    def stops(self) -> list[str]:
        """The texts that end a reply."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or ())

    @property
    def includes_usage(self) -> bool:
        """Tell whether a stream ends with the token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)


class ChatRequest(OpenAiFields):
    """POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES, fail_fast=True)]
    max_completion_tokens: MaxTokens | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    tools: Annotated[list[Tool], Field(max_length=64, fail_fast=True)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    continue_final_message: bool | None = None
    """As `Message.prefix` of the last message (vLLM's field)."""

    @property
    def begun(self) -> Message | None:
        """The message of the assistant that the reply goes on with, if any. Raises `ApiError` where the last
        one is not the assistant's."""
        last = self.messages[-1]
        if not (self.continue_final_message or any(message.prefix for message in self.messages)):
            return None
        if last.role != "assistant" or any(message.prefix for message in self.messages[:-1]):
            raise ApiError(
                400,
                "Only the last message can go on, and only one of the assistant.",
                "Put what the model has said so far at the end of the messages.",
                param="messages",
            )
        return last


class CompletionRequest(OpenAiFields):
    """POST /v1/completions: text or token ids, without a template."""

    prompt: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MOST_PROMPTS, fail_fast=True)]
        | Tokens
        | Annotated[list[Tokens], Field(min_length=1, max_length=MOST_PROMPTS, fail_fast=True)]
    )
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    echo: bool | None = None
    suffix: str | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """Each of the prompts."""
        prompt = self.prompt
        if isinstance(prompt, str):
            return [prompt]
        whole = [item for item in prompt if isinstance(item, int)]
        return [whole] if whole else [item for item in prompt if not isinstance(item, int)]
