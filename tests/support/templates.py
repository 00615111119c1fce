"""The chat templates of a test: the real process, one for all tests of a worker."""

import atexit
from functools import cache

from app.base.children import child_command
from app.chat.prompting.prompt import ChatTemplate, ChatTemplates
from app.chat.prompting.template_process import TemplateProcess
from app.engine.protocol import ModelInfo


@cache
def template_process() -> TemplateProcess:
    process = TemplateProcess(child_command("templates"))
    atexit.register(process.close)
    return process


def chat_templates() -> ChatTemplates:
    """Fresh ones: what one test found out of a template is nothing to another."""
    return ChatTemplates(template_process())


def template_of(model: ModelInfo) -> ChatTemplate:
    return chat_templates().of(model)
