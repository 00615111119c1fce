"""`stillroom chat`: one reply, or a conversation on a terminal."""

import argparse
import sys
import threading
from typing import get_args

import msgspec

from app.base.errors import Cancelled
from app.commands.terminal.arguments import adapter, at_least_one, decimal, file_text, thinking_budget, whole
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console, WrongUse
from app.commands.terminal.other_computers import add_rpc_arguments
from app.engine.protocol import FinishReason, SpeculationMode

NAME = "chat"
SUMMARY = "ask a model once, or talk to it on a terminal"
EXAMPLE = (
    'stillroom chat starter "Why is the sky blue?"\n'
    "  stillroom chat r1-qwen-1.5b --temperature 0 --seed 1 < question.txt\n"
    '  git diff | stillroom chat "Review this."\n'
    "  stillroom chat starter"
)


class ChatResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document of one reply; rates are tokens per second."""

    model: str
    backend: str
    thinking: str
    answer: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    thinking_tokens: int
    ttft_ms: float
    prompt_tok_per_s: float
    decode_tok_per_s: float
    reused_tokens: int
    drafted_tokens: int
    accepted_tokens: int
    load_s: float
    seed: int
    notices: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, PROMPT and how to load and sample."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        help="on disk (see `stillroom list`), name/TYPE, or a .gguf file; SERVER/NAME of a server elsewhere; "
        "left out or -, it is the one that the running Stillroom has loaded, or that was used last",
    )
    parser.add_argument(
        "prompt",
        metavar="PROMPT",
        nargs="?",
        help="the question; without it stdin is read, or a talk begins. What is piped in beside it goes "
        "along as a document",
    )
    parser.add_argument("--system", default="", metavar="S", help="system prompt")
    parser.add_argument("--temperature", type=decimal("temperature"), metavar="T", help="0 is greedy")
    parser.add_argument("--seed", type=whole("seed"), metavar="N", help="makes sampling repeatable")
    parser.add_argument(
        "--max-tokens", type=at_least_one, metavar="N", help="longest reply, thinking included"
    )
    parser.add_argument("--stop", action="append", default=[], metavar="S", help="end before this text")
    thinking = parser.add_mutually_exclusive_group()
    thinking.add_argument(
        "--thinking-budget", type=thinking_budget, metavar="N|Ns", help="most thinking, in tokens or seconds"
    )
    thinking.add_argument("--no-thinking", action="store_true", help="answer at once")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json-schema", type=file_text, metavar="FILE", help="the answer is JSON of this schema"
    )
    form.add_argument(
        "--grammar", type=file_text, metavar="FILE", help="the answer follows this GBNF grammar"
    )
    parser.add_argument("--context", type=whole("context_tokens"), metavar="N", help="tokens; 0 is automatic")
    parser.add_argument("--gpu-layers", type=whole("gpu_layers"), metavar="N", help="-1 is automatic")
    parser.add_argument("--threads", type=whole("threads"), metavar="N", help="0 is automatic")
    parser.add_argument(
        "--lora",
        dest="loras",
        action="append",
        default=[],
        type=adapter,
        metavar="FILE[:SCALE]",
        help="put an adapter's .gguf file on the model, 1 times or SCALE times; may be given several times",
    )
    parser.add_argument(
        "--speculation",
        choices=get_args(SpeculationMode),
        help="guess ahead, from what was said or with a small model; the reply stays the same",
    )
    parser.add_argument(
        "--draft-model", metavar="MODEL", help="small model of the same family that guesses ahead"
    )
    add_rpc_arguments(parser)
    parser.add_argument(
        "--local",
        action="store_true",
        help="load the model here, also where a running Stillroom (its local API) has it",
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Answer, through the running server or with the model loaded here; a conversation where there is
    neither a prompt nor piped input."""
    # Jinja and documents are for chats only.
    from app.chat.prompting.prompt import ChatMessage
    from app.commands.terminal.chat_backend import answering
    from app.commands.terminal.conversation import converse, opening
    from app.commands.terminal.question import read_question

    question = read_question(options.model, options.prompt, sys.stdin)
    if question.prompt is None and (console.as_json or not console.out.isatty()):
        raise WrongUse("A conversation needs a terminal; give a PROMPT, or pipe one in.")
    with answering(options, core, question.model, console, cancel) as by:
        if question.prompt is None:
            converse(by.speaker, by.model, options.system, console)
            return
        reply = by.speaker.reply([*opening(options.system), ChatMessage("user", question.prompt)], cancel)
    if reply.end.reason == "cancelled":
        raise Cancelled
    stats = reply.end.stats
    console.document(
        ChatResult(
            model=by.model,
            backend=by.backend,
            thinking=reply.thinking,
            answer=reply.answer,
            finish_reason=reply.end.reason,
            prompt_tokens=stats.prompt_tokens,
            completion_tokens=stats.completion_tokens,
            thinking_tokens=stats.thinking_tokens,
            ttft_ms=round(stats.ttft_s * 1000, 2),
            prompt_tok_per_s=round(stats.prompt_tok_per_s, 2),
            decode_tok_per_s=round(stats.decode_tok_per_s, 2),
            reused_tokens=stats.reused_tokens,
            drafted_tokens=stats.drafted_tokens,
            accepted_tokens=stats.accepted_tokens,
            load_s=round(by.load_s, 3),
            seed=stats.seed,
            notices=[*by.notices, *reply.notices],
        )
    )
    if console.is_terminal:
        if reply.broke_off():
            console.note(reply.broke_off())
        console.note(reply.figures())
