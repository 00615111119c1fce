"""Entry of the program: a child process, a command, or the window."""

import multiprocessing
import sys
from importlib import import_module

from app.children import CHILD_MODULES


def main() -> int:
    """Run what the command line asks for; returns the exit code.

    Qt is imported for the window alone: commands and children start without it.
    """
    multiprocessing.freeze_support()
    arguments = sys.argv[1:]
    if arguments[:1] == ["--child"] and len(arguments) == 2:
        child: int = import_module(dict(CHILD_MODULES)[arguments[1]]).main()  # type: ignore[index]
        return child
    if arguments:
        from app.cli import main as run_command

        return run_command(arguments)
    from app.ui.application import run_window

    return run_window()


if __name__ == "__main__":
    sys.exit(main())
