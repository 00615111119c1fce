"""The commands: list, pull, build, import, measure, chat and the others. Qt is never imported."""

import argparse
import importlib.metadata
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn

from app.base.disk_reserve import LOW_BYTES
from app.base.errors import Cancelled, EngineError, StillroomError
from app.commands import (
    audit,
    bench,
    build,
    chat,
    code_tasks,
    cuda,
    doctor,
    import_models,
    inspect_file,
    lend,
    listing,
    measure,
    pull,
    search,
    serve,
    tune,
    update,
    verify,
)
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import (
    Console,
    Unsuccessful,
    WrongUse,
    prepare_streams,
    reader_is_gone,
    silence_stdout,
)
from app.commands.terminal.interrupt import cancel_on_interrupt
from models.system.disk_space import disk_full, free_bytes, told_error
from models.system.notices import NoticeInbox
from models.system.shown_text import shown

log = logging.getLogger(__name__)

DONE, FAILED, WRONG_USE = 0, 1, 2
COMMANDS = (
    listing,
    search,
    pull,
    build,
    import_models,
    inspect_file,
    measure,
    verify,
    chat,
    bench,
    serve,
    code_tasks,
    tune,
    lend,
    audit,
    update,
    cuda,
    doctor,
)


def main(arguments: Sequence[str], build_core: Callable[[], Core]) -> int:
    """Run one command and give its exit code: 0 done, 1 failed, 2 wrong use, 130 interrupted, 143 ended by
    a polite kill.

    `build_core` makes the parts; it is called once the command line has turned out right.
    """
    prepare_streams()
    try:
        return _run(arguments, build_core)
    except OSError as error:
        if not reader_is_gone(error):
            raise
        silence_stdout()
        return FAILED


def _run(arguments: Sequence[str], build_core: Callable[[], Core]) -> int:
    try:
        options = make_parser().parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    console = Console(sys.stdout, sys.stderr, as_json=options.json)
    with NoticeInbox() as told, cancel_on_interrupt() as cancel:
        told.observe(console.told)
        try:
            _run_and_tell(options, build_core(), console, cancel)
        except (Cancelled, KeyboardInterrupt):
            console.clear()
            return cancel.status
        except Unsuccessful:
            return FAILED
        except StillroomError as error:
            if isinstance(error, EngineError) and error.native:
                log.error("%s: %s", error, error.native)
            console.error(error)
            return WRONG_USE if isinstance(error, WrongUse) else FAILED
        except Exception as error:
            if isinstance(error, OSError) and reader_is_gone(error):
                raise
            # The one place where a command's surprises end.
            log.exception("the command failed")
            console.error(
                StillroomError(
                    "Something went wrong that Stillroom did not expect: {reason}.",
                    "The log holds the details; “stillroom doctor” says where it is.",
                    reason=f"{type(error).__name__}: {error}",
                )
            )
            return FAILED
    return DONE


def _run_and_tell(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    try:
        options.run(options, core, console, cancel)
    except OSError as error:
        told = told_error(error, core.paths.data)
        if told is error:
            raise
        raise told from error
    if free_bytes(core.paths.data) < LOW_BYTES:
        # It is done, and what was learnt on the way, such as speeds and the log, is not kept.
        console.told(disk_full(core.paths.data))


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(
        prog="stillroom",
        description="Download, convert, quantise and run DeepSeek-R1 models on your own computer.",
        epilog="Without a command the window opens. `stillroom COMMAND --help` explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"stillroom {_version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for command in COMMANDS:
        command_parser = commands.add_parser(
            command.NAME,
            help=command.SUMMARY,
            description=command.SUMMARY[0].upper() + command.SUMMARY[1:] + ".",
            epilog=f"example:\n  {command.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(command_parser)
        command_parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
        command_parser.set_defaults(run=command.run)
    return parser


MOST_OF_A_MESSAGE = 2000


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # What was given stands in it.
        self.exit(WRONG_USE, f"{self.format_usage()}stillroom: {shown(message, MOST_OF_A_MESSAGE)}\n")


def _version() -> str:
    return importlib.metadata.version("stillroom")
