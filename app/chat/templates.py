"""Chat templates: how they are compiled, and the ones for models that bring none."""

import json
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import Template, TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.errors import StillroomError

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
R1 = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] }}"
    "{% elif message['role'] == 'user' %}{{ '<｜User｜>' + message['content'] }}"
    "{% else %}{{ '<｜Assistant｜>' + message['content'] + '<｜end▁of▁sentence｜>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
    "{{ message['content'] + '<|eot_id|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)


def fallback_template(bos_text: str, eos_text: str) -> str:
    """The template for a model without one, by its vocabulary: DeepSeek's, Llama 3's, else ChatML."""
    if "｜" in bos_text or "｜" in eos_text:
        return R1
    if bos_text == "<|begin_of_text|>" or eos_text == "<|eot_id|>":
        return LLAMA3
    return CHATML


def speaks_r1(source: str, model_name: str) -> bool:
    """Whether the model is one of the R1 family, which always thinks first.

    It has DeepSeek's turns, and R1's name or R1's handling of `</think>`: a DeepSeek model that does not
    reason is not made to.
    """
    name = model_name.lower().replace("_", "-").replace(" ", "-")
    return "<｜Assistant｜>" in source and (
        "-r1" in name or "r1-" in name or "</think>" in source or source == R1
    )


def compile_template(source: str) -> Template:
    """A template in the sandbox, with what transformers offers to templates.

    Raises `StillroomError` when it is not valid Jinja.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    try:
        return environment.from_string(source)
    except TemplateError as error:
        raise StillroomError(
            "The model's chat template cannot be read: {reason}.",
            "The file may be damaged. Download the model again, or choose another one.",
            reason=error.message or type(error).__name__,
        ) from error


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
