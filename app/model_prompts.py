"""A loaded model's own chat template for those who only ask: the benchmark's suites."""

from collections.abc import Sequence

from app.bench.quality.asking import Rendered, Said
from app.chat.prompt import ChatMessage, ChatTemplate
from app.engine.messages import ModelInfo


def render_prompt(info: ModelInfo, said: Sequence[Said]) -> Rendered:
    """The prompt that asks for the next reply, as the chat would make it. Raises `StillroomError`."""
    prompt = ChatTemplate.of(info).render([ChatMessage(turn.role, turn.content) for turn in said])
    return Rendered(prompt.parts, prompt.thinking)
