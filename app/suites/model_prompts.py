"""A loaded model's own chat template for those who only ask: the benchmark's suites."""

from collections.abc import Sequence

from app.bench.quality.asking import Render, Rendered, Said
from app.chat.prompting.prompt import ChatMessage, ChatTemplates
from app.engine.protocol import ModelInfo


def renderer(templates: ChatTemplates) -> Render:
    """Make prompts that ask for the next reply as the chat would; for threads that may wait.

    What is returned raises `StillroomError` where a template refuses.
    """

    def render(info: ModelInfo, said: Sequence[Said]) -> Rendered:
        messages = [ChatMessage(turn.role, turn.content) for turn in said]
        prompt = templates.of(info).render_blocking(messages)
        return Rendered(prompt.parts, prompt.thinking)

    return render
