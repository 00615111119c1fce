"""Tools for any model: described in the prompt, called in a form that can be parsed.

The form is Hermes', which Qwen's own templates use too: the tools' JSON between <tools> tags in the system
prompt, calls between <tool_call> tags, results between <tool_response> tags.
https://github.com/NousResearch/Hermes-Function-Calling#prompt-format-for-function-calling
It goes to the model as people's words, so that no tool's description can forge a turn.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.engine.generation.think_splitter import held_suffix_length
from app.server.access.api_error import ApiError
from app.server.requests.openai_requests import NamedTool, Tool, ToolCall
from app.server.requests.request_fields import schema_text

CALL_OPEN, CALL_CLOSE = "<tool_call>", "</tool_call>"

MOST_CALLS = 256
"""Places in one answer where a call may begin; what follows stays text."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The tools of one request. With `forced` the whole answer is a call, bound by a grammar."""

    tools: tuple[Tool, ...] = ()
    forced: tuple[Tool, ...] = ()

    @classmethod
    def of(cls, tools: Sequence[Tool] | None, choice: str | NamedTool | None) -> "ToolUse":
        """Read the tools that a request asks for. Raises `ApiError`."""
        if not tools or choice == "none":
            return cls()
        if isinstance(choice, NamedTool):
            named = tuple(tool for tool in tools if tool.function.name == choice.function.name)
            if not named:
                raise ApiError(400, "tool_choice names a tool that is not there.", param="tool_choice")
            return cls(tuple(tools), named)
        return cls(tuple(tools), tuple(tools) if choice == "required" else ())

    def instructions(self) -> str:
        """Describe the tools for the system prompt; empty without tools."""
        if not self.tools:
            return ""
        described = "\n".join(
            json.dumps({"type": "function", "function": tool.function.model_dump(exclude_none=True)})
            for tool in self.tools
        )
        return (
            "You may call one or more functions to assist with the user query. You are provided with "
            f"function signatures within <tools></tools> tags:\n<tools>\n{described}\n</tools>\n\n"
            "For each function call, return a JSON object with function name and arguments within "
            f'{CALL_OPEN}{CALL_CLOSE} tags:\n{CALL_OPEN}\n{{"name": <function-name>, "arguments": '
            f"<args-json-object>}}\n{CALL_CLOSE}"
        )

    async def schema(self) -> str:
        """The JSON schema of a forced call; empty where none is. Raises `ApiError`."""
        options = [
            {
                "type": "object",
                "properties": {
                    "name": {"const": tool.function.name},
                    "arguments": tool.function.parameters or {"type": "object"},
                },
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for tool in self.forced
        ]
        if not options:
            return ""
        return await schema_text(options[0] if len(options) == 1 else {"anyOf": options}, "tools")

    def found(self, answer: str) -> tuple[str, list[dict[str, Any]]]:
        """The answer without its calls, and the calls. What is no call of a known tool stays text."""
        if self.forced:
            call = self._call(answer)
            return ("", [call]) if call is not None else (answer, [])
        if not self.tools:
            return answer, []
        calls: list[dict[str, Any]] = []
        rest: list[str] = []
        before, opening, left = answer.partition(CALL_OPEN)
        for _ in range(MOST_CALLS):
            if not opening:
                break
            inside, _, behind = left.partition(CALL_CLOSE)
            call = self._call(inside)
            if call is None:
                # A call may still begin within.
                rest += [before, opening]
            else:
                calls.append(call)
                rest.append(before)
                left = behind
            before, opening, left = left.partition(CALL_OPEN)
        rest += [before, opening, left]
        return ("".join(rest).strip(), calls) if calls else (answer, [])

    def _call(self, text: str) -> dict[str, Any] | None:
        try:
            # Stricter than `json`: halves of characters and numbers beyond all bounds cannot be sent on.
            document = msgspec.json.decode(text)
            if not isinstance(document, dict):
                return None
            name, arguments = document.get("name"), document.get("arguments") or {}
            written = json.dumps(arguments, ensure_ascii=False)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        if not any(name == tool.function.name for tool in self.tools):
            return None
        return {
            "id": f"call_{secrets.token_hex(12)}",
            "type": "function",
            "function": {"name": name, "arguments": written},
        }


class CallWatch:
    """Lets an answer's text through while it comes, and holds back what may be a call."""

    def __init__(self, tools: ToolUse) -> None:
        self._tools = tools
        self._held = ""
        self._holds_all = bool(tools.forced)

    def feed(self, text: str) -> str:
        """Take a piece of the text, and return what may be shown now."""
        if not self._tools.tools:
            return text
        self._held += text
        if self._holds_all:
            return ""
        shown, opening, _ = self._held.partition(CALL_OPEN)
        self._holds_all = bool(opening)
        if not opening:
            shown = self._held[: len(self._held) - held_suffix_length(self._held, [CALL_OPEN])]
        self._held = self._held[len(shown) :]
        return shown

    def finish(self) -> tuple[str, list[dict[str, Any]]]:
        """Return what is left of the text, and the calls."""
        held, self._held = self._held, ""
        return self._tools.found(held) if held else ("", [])


def call_text(call: ToolCall) -> str:
    """An earlier call as the model has written it."""
    arguments = call.function.arguments
    try:
        parsed = json.loads(arguments or "{}")
        written = json.dumps({"name": call.function.name, "arguments": parsed}, ensure_ascii=False)
    except (ValueError, RecursionError):
        written = json.dumps({"name": call.function.name, "arguments": arguments}, ensure_ascii=False)
    return f"{CALL_OPEN}\n{written}\n{CALL_CLOSE}"


def response_text(result: str) -> str:
    """Wrap a tool's result as the model reads it."""
    return f"<tool_response>\n{result}\n</tool_response>"
