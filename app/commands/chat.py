"""`stillroom chat`: one reply, or a conversation on a terminal."""

import argparse
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, get_args

import msgspec

from app.commands.arguments import adapter, at_least_one, decimal, file_text, thinking_budget, whole
from app.commands.console import Console, WrongUse
from app.commands.core import Core
from app.commands.installed import installed_model
from app.commands.other_computers import add_rpc_arguments, with_rpc
from app.engine.messages import FinishReason, LoadSettings, Sampling, SpeculationMode, ThinkingLimits
from app.errors import Cancelled
from models.catalog import CatalogModel, find
from models.store import InstalledModel

if TYPE_CHECKING:
    from app.audit.log import AuditLogError
    from app.audit.trail import AuditTrail

NAME = "chat"
SUMMARY = "ask a model once, or talk to it on a terminal"
EXAMPLE = (
    'stillroom chat starter "Why is the sky blue?"\n'
    "  stillroom chat r1-qwen-1.5b --temperature 0 --seed 1 < question.txt\n"
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
        "model", metavar="MODEL", help="a model on disk (see `stillroom list`), name/TYPE, or a .gguf file"
    )
    parser.add_argument(
        "prompt", metavar="PROMPT", nargs="?", help="the question; without it stdin is read, or a talk begins"
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


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Load the model and answer; a conversation where there is neither a prompt nor piped input."""
    prompt = options.prompt
    if prompt is None and not sys.stdin.isatty():
        # The last line's end belongs to the file, not to the question.
        prompt = sys.stdin.read().removesuffix("\n")
    if prompt is None and (console.as_json or not console.out.isatty()):
        raise WrongUse("A conversation needs a terminal; give a PROMPT, or pipe one in.")
    if prompt is not None and not prompt.strip():
        raise WrongUse("The prompt is empty.")
    model = installed_model(core.store, options.model)
    draft = installed_model(core.store, options.draft_model) if options.draft_model else None
    recommended = find(model.key) if model.key else None
    values = core.settings.values

    # Jinja is for chats only.
    from app.commands.conversation import converse
    from app.commands.loading import load_model
    from app.commands.reply import ReplyWishes, Speaker

    with core.engine() as client, _audit(core, console) as audit:
        info = load_model(client, model, _load_settings(values.load, options, draft), console, cancel)
        speaker = Speaker(
            client,
            info,
            console,
            filters=core.filters(),
            audit=audit,
            sampling=_sampling(values.sampling, recommended, options),
            max_tokens=options.max_tokens or (recommended.sampling.max_new_tokens if recommended else 0),
            loras=tuple(options.loras),
            speculation=options.speculation or ("draft" if draft is not None else values.speculation),
            wishes=ReplyWishes(
                stop=tuple(options.stop),
                thinking=_thinking(options),
                grammar=options.grammar or "",
                json_schema=options.json_schema or "",
            ),
        )
        if prompt is None:
            converse(speaker, model, options.system, console)
            return
        reply = speaker.answer(options.system, prompt, cancel)
    if reply.end.reason == "cancelled":
        raise Cancelled
    stats = reply.end.stats
    console.document(
        ChatResult(
            model=model.reference,
            backend=info.backend,
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
            load_s=round(info.load_s, 3),
            seed=stats.seed,
            notices=[*(str(notice) for notice in info.notices), *reply.notices],
        )
    )
    if console.is_terminal:
        if reply.broke_off():
            console.note(reply.broke_off())
        console.note(reply.figures())


@contextmanager
def _audit(core: Core, console: Console) -> "Iterator[AuditTrail]":
    """What notes the replies; where it could not, that is said at the end."""
    problems: list[AuditLogError] = []
    trail = core.audit(problems.append)
    try:
        yield trail
    finally:
        trail.close()
        for problem in problems:
            console.note(f"stillroom: {problem}")


def _thinking(options: argparse.Namespace) -> ThinkingLimits:
    if options.no_thinking:
        return ThinkingLimits(tokens=0)
    return options.thinking_budget or ThinkingLimits()


def _load_settings(
    defaults: LoadSettings, options: argparse.Namespace, draft: InstalledModel | None
) -> LoadSettings:
    given = {
        "draft_path": str(draft.path) if draft is not None else None,
        "context_tokens": options.context,
        "gpu_layers": options.gpu_layers,
        "threads": options.threads,
    }
    settings = msgspec.structs.replace(defaults, **{name: n for name, n in given.items() if n is not None})
    return with_rpc(settings, options)


def _sampling(defaults: Sampling, recommended: CatalogModel | None, options: argparse.Namespace) -> Sampling:
    """The command line, then the user's own settings, then the authors' advice."""
    sampling = defaults
    if sampling == Sampling() and recommended is not None:
        advice = recommended.sampling
        sampling = Sampling(temperature=advice.temperature, top_p=advice.top_p)
    given = {"temperature": options.temperature, "seed": options.seed}
    return msgspec.structs.replace(sampling, **{name: n for name, n in given.items() if n is not None})
