"""`stillroom audit`: reads the audit log, and checks that nobody has changed it."""

import argparse
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from app.base.errors import StillroomError
from app.commands.terminal.arguments import at_least_one
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console, Unsuccessful, WrongUse

if TYPE_CHECKING:
    # Locks between processes take longer to load than `stillroom list` takes.
    from app.audit.reading import AuditEntry
    from app.audit.verification import Problem

NAME = "audit"
SUMMARY = "keep an audit log, show it, or verify that no line of it was changed, taken away or moved"
EXAMPLE = "stillroom audit verify\n  stillroom audit show --last 50 --search blocked"

SHOWN_LINES = 20


class FoundProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was written; `n` is the line's number in the log."""

    kind: str
    n: int
    file: str
    line: int
    sentence: str


class VerifyResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document of `audit verify`."""

    intact: bool
    path: str
    files: int
    lines: int
    first: int
    last: int
    last_hash: str
    problems: list[FoundProblem]
    notes: list[str]


class SwitchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document of `audit on` and `audit off`."""

    path: str
    on: bool
    content: bool


class ShowResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document of `audit show`, newest first."""

    path: str
    on: bool
    entries: list[dict[str, Any]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the action and the options that choose lines."""
    parser.add_argument(
        "what",
        choices=("verify", "show", "on", "off"),
        help="check the whole log, print lines of it, or begin or end keeping one",
    )
    parser.add_argument(
        "--content", action="store_true", help="on: keep the texts too, not only figures and verdicts"
    )
    parser.add_argument(
        "--anchor", metavar="HASH", help="verify: a line's hash that you noted earlier must still be there"
    )
    parser.add_argument(
        "--last", type=at_least_one, metavar="N", help=f"show: so many lines (default: {SHOWN_LINES})"
    )
    parser.add_argument("--search", metavar="TEXT", help="show: only lines that hold these words")
    parser.add_argument(
        "--source", choices=("chat", "code", "api", "command line"), help="show: only lines from there"
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Verify, and fail where something is found; or show."""
    what = options.what
    if (options.last or options.search or options.source) and what != "show":
        raise WrongUse("--last, --search and --source are for `audit show`.")
    if options.anchor and what != "verify":
        raise WrongUse("--anchor is for `audit verify`.")
    if options.content and what != "on":
        raise WrongUse("--content is for `audit on`.")
    try:
        if what == "verify":
            _verify(core, console, options.anchor or "")
        elif what == "show":
            _show(options, core, console)
        else:
            _switch(core, console, on=what == "on", content=options.content)
    except OSError as error:
        raise StillroomError(
            "The audit log in {path} cannot be read: {reason}.",
            "Check that the folder may be read, and that no other program holds it.",
            path=str(core.paths.audit),
            reason=error.strerror or type(error).__name__,
        ) from error


def _verify(core: Core, console: Console, anchor: str) -> None:
    from app.audit.verification import verify

    result = verify(core.paths.audit, anchor.lower())
    console.document(
        VerifyResult(
            intact=result.intact,
            path=str(core.paths.audit),
            files=result.files,
            lines=result.lines,
            first=result.first,
            last=result.end.n,
            last_hash=result.end.hash if result.lines else "",
            problems=[_found(problem) for problem in result.problems],
            notes=[note.sentence for note in result.notes],
        )
    )
    for note in result.notes:
        console.say(note.sentence)
    for problem in result.problems:
        console.say(problem.sentence)
    if not result.intact:
        console.say(f"The audit log in {core.paths.audit} is not what was written.")
        raise Unsuccessful
    if not result.lines:
        console.say(f"There is no audit log in {core.paths.audit}.")
        return
    console.say(
        f"Lines {result.first:,} to {result.end.n:,} in {result.files} "
        f"{'file' if result.files == 1 else 'files'} are what was written, in order."
    )
    console.say(f"Hash of line {result.end.n}: {result.end.hash}")
    console.say("Note it elsewhere; `stillroom audit verify --anchor HASH` then also finds a log made anew.")


def _switch(core: Core, console: Console, *, on: bool, content: bool) -> None:
    values = core.settings.update(audit=on, audit_content=on and content)
    console.document(SwitchResult(path=str(core.paths.audit), on=values.audit, content=values.audit_content))
    if not on:
        console.say(f"The audit log is off. What it holds stays in {core.paths.audit}.")
    elif content:
        console.say(f"The audit log is on, with the texts of requests and replies, in {core.paths.audit}.")
    else:
        console.say(f"The audit log is on, without any text of requests and replies, in {core.paths.audit}.")


def _found(problem: "Problem") -> FoundProblem:
    return FoundProblem(
        kind=problem.kind, n=problem.n, file=problem.file, line=problem.line, sentence=problem.sentence
    )


def _show(options: argparse.Namespace, core: Core, console: Console) -> None:
    from app.audit.reading import newest_entries

    entries = newest_entries(
        core.paths.audit,
        search=options.search or "",
        source=options.source or "",
        most=options.last or SHOWN_LINES,
    )
    is_on = core.settings.values.audit
    console.document(
        ShowResult(path=str(core.paths.audit), on=is_on, entries=[entry.fields for entry in entries])
    )
    for entry in reversed(entries):
        console.say(_line(entry))
    if not entries:
        console.say(
            "No line of the audit log fits." if options.search or options.source else "The log is empty."
        )
    if not is_on:
        console.note("The audit log is off; `stillroom audit on` begins one.")


def _line(entry: "AuditEntry") -> str:
    fields = entry.fields
    words = [f"{fields['n']:>6}", entry.text("time"), entry.text("kind"), entry.text("source")]
    model = fields.get("model")
    if isinstance(model, dict):
        words.append(f"{model.get('name', '')} {model.get('quantisation', '')}".strip())
    if "outcome" in fields:
        words.append(entry.text("outcome"))
    if "completion_tokens" in fields:
        words.append(f"{fields['prompt_tokens']} + {fields['completion_tokens']} tokens")
    if "latency_ms" in fields:
        words.append(f"{fields['latency_ms'] / 1000:.2f} s")
    words += [
        f"[{hit.get('action')}: {hit.get('rule')}]"
        for hit in fields.get("filter", [])
        if isinstance(hit, dict)
    ]
    if "content" in fields:
        words.append(entry.text("content"))
    # A line of the log that somebody forged may hold anything; a terminal must not act on it.
    return "  ".join(
        "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in word)
        for word in words
        if word
    )
