"""A template from outside harms only the process that renders it, and the conversation goes on."""

import os
import signal
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from app.base.children import child_command
from app.base.errors import Cancelled, StillroomError
from app.chat.prompting.built_in_templates import CHATML
from app.chat.prompting.prompt import (
    MOST_CHARACTERS,
    MOST_TURNS,
    ChatMessage,
    ChatTemplate,
    ConversationTooLongError,
    TemplateProblem,
)
from app.chat.prompting.template_process import TemplateProcess
from tests.support.waiting import wait_until

HI = [ChatMessage("user", "hi")]
WAIT_S = 60


@pytest.fixture(scope="module")
def process() -> Iterator[TemplateProcess]:
    process = TemplateProcess(child_command("templates"))
    yield process
    process.close()


def told_by(process: TemplateProcess, source: str) -> tuple[str, list[TemplateProblem]]:
    """The prompt that a template, or what takes its place, makes of "hi"; and what is said of it."""
    problems: list[TemplateProblem] = []
    template = ChatTemplate(
        process, source, bos_text="", eos_text="", model_name="Mallory 7B", on_problem=problems.append
    )
    prompt = template.render_blocking(HI)
    assert template.render_blocking(HI) == prompt
    return prompt.text, problems


BROKEN = {
    "nested loops": (
        "takes too long",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    ),
    "a string without end": ("too much memory", "{{ messages[0].role * 10**10 }}"),
    "folded while it is compiled": ("takes too", "{{ 'a' * 10**10 }}"),
    "a width": ("too much memory", "{{ '%9999999999d' % messages|length }}"),
    "centred": ("too much memory", "{{ messages[0].role.center(10**10) }}"),
    "an indent": ("too much memory", "{{ messages | tojson(indent=2000000000) }}"),
    "batches": ("too much memory", "{{ messages | batch(10**9, 'x') | list }}"),
    "doubling": (
        "takes too",
        "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    ),
    "words": ("takes too", "{{ lipsum(n=100000000) }}"),
    "more than was said": ("too much memory", "{{ 'a' * 9000000 }}"),
    "macros": ("cannot be read", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
    "parentheses": ("", "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}"),
    "digits": ("", "{{ (10**5000) ~ '' }}"),
    "no Jinja": ("cannot be read", "{% for %}"),
    "megabytes": ("cannot be read", "{# " + "x" * 2_000_000 + " #}"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_template_that_breaks_a_limit_is_named_and_replaced(process: TemplateProcess, case: str) -> None:
    words, source = BROKEN[case]
    text, problems = told_by(process, source)
    assert text == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    (problem,) = problems
    assert words in str(problem)
    assert "Mallory 7B" in str(problem)
    assert "ChatML" in str(problem)
    assert len(str(problem)) < 200


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'abc' | truncate(-1) }}",
        "{{ raise_exception('\x1b]0;x\x07' * 10000) }}",
        "{{ messages.append(1) }}",
        "{{ nothing.at.all }}",
        "{{ 1 / 0 }}",
        "{{ messages[0].content.encode('utf-16').decode('ascii') }}",
    ],
)
def test_whatever_a_template_raises_is_one_sentence(process: TemplateProcess, source: str) -> None:
    with pytest.raises(StillroomError) as told:
        told_by(process, source)
    assert "refused this conversation" in str(told.value)
    assert len(str(told.value)) < 600


def test_a_family_is_told_by_the_templates_own_marks(process: TemplateProcess) -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    text, (problem,) = told_by(process, "{{ '<｜User｜>' }}" + loop)
    assert text == "<｜User｜>hi<｜Assistant｜><think>\n"
    assert "DeepSeek-R1" in str(problem)


def test_others_go_on_after_a_hostile_one(process: TemplateProcess) -> None:
    good = ChatTemplate(process, CHATML, bos_text="", eos_text="")
    expected = good.render_blocking(HI)
    bad = ChatTemplate(process, BROKEN["nested loops"][1] + " ", bos_text="", eos_text="")
    thread = threading.Thread(target=bad.render_blocking, args=(HI,))
    thread.start()
    assert good.render_blocking(HI) == expected
    thread.join(WAIT_S)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP")
def test_a_process_that_is_killed_from_outside_is_no_templates_fault(process: TemplateProcess) -> None:
    problems: list[TemplateProblem] = []
    template = ChatTemplate(process, CHATML + " ", bos_text="", eos_text="", on_problem=problems.append)
    expected = template.render_blocking(HI)
    pid = process.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    killer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
    killer.start()
    assert template.render_blocking(HI) == expected
    assert not problems


def test_a_conversation_that_no_context_holds_is_refused_at_once(process: TemplateProcess) -> None:
    template = ChatTemplate(process, CHATML, bos_text="", eos_text="")
    with pytest.raises(ConversationTooLongError):
        template.render_blocking([ChatMessage("user", "x" * (MOST_CHARACTERS + 1))])
    turns = [ChatMessage("user" if i % 2 == 0 else "assistant", "x") for i in range(MOST_TURNS + 1)]
    with pytest.raises(ConversationTooLongError):
        template.render_blocking(turns)
    assert len(template.render_blocking(turns[:-1]).parts) == 2 * MOST_TURNS + 1
    assert template.render_blocking([ChatMessage("user", "é" * MOST_CHARACTERS)]).parts[1].text[-1] == "é"


def test_half_of_an_emoji_does_not_end_anything(process: TemplateProcess) -> None:
    template = ChatTemplate(process, CHATML, bos_text="", eos_text="")
    assert "a\ud83db" in template.render_blocking([ChatMessage("user", "a\ud83db")]).text


def test_closing_ends_the_process_and_cancels_what_waits() -> None:
    process = TemplateProcess(child_command("templates"))
    template = ChatTemplate(process, BROKEN["nested loops"][1], bos_text="", eos_text="")
    failed: list[BaseException] = []

    def render() -> None:
        try:
            template.render_blocking(HI)
        except Cancelled as error:
            failed.append(error)

    threads = [threading.Thread(target=render) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: process.process.pid is not None, "the process")
    pid = process.process.pid
    assert pid is not None
    process.close()
    for thread in threads:
        thread.join(WAIT_S)
    assert len(failed) == 3
    wait_until(lambda: not psutil.pid_exists(pid), "the end of the process")
    with pytest.raises(Cancelled):
        template.render_blocking(HI)
