"""A chat template as Jinja, in a sandbox, with what transformers offers to templates.

https://huggingface.co/docs/transformers/chat_templating: trimmed blocks, loop controls, `raise_exception`,
`strftime_now` and a `tojson` that leaves text as it is. Only the template process imports this: what a
template computes has no limits of its own.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class JinjaTemplate:
    """A compiled template with its model's special tokens."""

    def __init__(self, source: str, bos_text: str, eos_text: str) -> None:
        """Compile it. Raises `TemplateError` for what is not valid Jinja, and whatever Python raises for a
        template that is too deep or too large."""
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols]
        )
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        self._template = environment.from_string(source)
        self._bos_text = bos_text
        self._eos_text = eos_text

    def render(self, roles: Sequence[str], contents: Sequence[str]) -> str:
        """The text of a conversation that asks for the next reply. Raises whatever the template does."""
        return self._template.render(
            messages=[
                {"role": role, "content": content} for role, content in zip(roles, contents, strict=True)
            ],
            add_generation_prompt=True,
            bos_token=self._bos_text,
            eos_token=self._eos_text,
            # Some R1 templates close the block at once unless this is set.
            enable_thinking=True,
        )


class _GenerationBlock(Extension):
    """`{% generation %}` marks replies for training; a prompt needs what is inside only."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's own attribute

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)
