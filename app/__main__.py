"""Entry of the program: a child process, a command, or the window."""

import gc
import multiprocessing
import sys
from importlib import import_module
from pathlib import Path

from app.base.children import CHILD_MODULES, fill_standard_streams, leave_bundle_environment
from app.base.processor import is_too_old


def main() -> int:
    """Run what the command line asks for; returns the exit code.

    Qt is imported for the window alone: commands and children start without it.
    """
    multiprocessing.freeze_support()
    fill_standard_streams()
    leave_bundle_environment()
    arguments = sys.argv[1:]
    if len(arguments) == 2 and arguments[0] == "--child":
        modules = {str(name): module for name, module in CHILD_MODULES.items()}
        return int(import_module(modules[arguments[1]]).main() or 0)
    if is_too_old():
        print(  # noqa: T201 - nothing else can be loaded here
            "This computer's processor is too old for Stillroom: it lacks SSE4.2 and POPCNT, which came "
            "in 2009.",
            file=sys.stderr,
        )
        return 1
    # A desktop opens a file by its path alone.
    opened = [Path(argument).absolute() for argument in arguments if argument.lower().endswith(".gguf")]
    if len(opened) < len(arguments):
        from app.bootstrap import build_core
        from app.cli import main as run_command

        return run_command(arguments, build_core)
    # While a thousand modules load the collector finds nothing, and takes a twentieth of the start; later the
    # window collects from its own loop (`GuiThreadGarbage`).
    gc.disable()
    from app.base.shutdown import end_at_once
    from app.window_bootstrap import run_window

    return end_at_once(run_window(opened))


if __name__ == "__main__":
    sys.exit(main())
