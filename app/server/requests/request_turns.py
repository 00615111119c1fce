"""From the messages of a request to the turns of a conversation."""

from collections.abc import Sequence

from app.chat.prompting.prompt import ChatMessage
from app.server.requests.openai_requests import Message
from app.server.requests.tools import ToolUse, call_text, response_text


def conversation(messages: Sequence[Message], tools: ToolUse) -> list[ChatMessage]:
    """The turns as a template takes them: system texts in front, calls and results in words."""
    system = [message.text for message in messages if message.role in ("system", "developer")]
    system.append(tools.instructions())
    turns: list[ChatMessage] = []
    for message in messages:
        if message.role == "user":
            turns.append(ChatMessage("user", message.text))
        elif message.role == "tool":
            turns.append(ChatMessage("user", response_text(message.text)))
        elif message.role == "assistant":
            calls = [call_text(call) for call in message.tool_calls or ()]
            turns.append(ChatMessage("assistant", "\n".join(filter(None, [message.text, *calls]))))
    told = "\n\n".join(text for text in system if text.strip())
    return [ChatMessage("system", told), *turns] if told else turns
