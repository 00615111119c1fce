"""Chat templates for a command, which says on stderr which of them cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.chat.prompting.prompt import ChatTemplates
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console


@contextmanager
def told_templates(core: Core, console: Console) -> Iterator[ChatTemplates]:
    """The templates of `core` until the context ends."""
    with core.templates() as templates:
        templates.observe(lambda problem: console.note(f"stillroom: {problem} {problem.hint_text()}"))
        yield templates
