"""Start this program's own child processes, from source and from a bundle."""

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

ChildName = Literal[
    "engine",
    "rpc_server",
    "kernel_check",
    "build",
    "measure",
    "ceilings",
    "memory_speed",
    "syntax",
    "sandbox",
    "document",
    "chats",
    "answers",
    "card",
    "templates",
    "formulas",
]

CHILD_MODULES: dict[ChildName, str] = {
    "engine": "app.engine.worker.worker",
    "rpc_server": "app.engine.llama.rpc_server",
    "kernel_check": "app.engine.llama.kernel_check_worker",
    "build": "converters.build.build_worker",
    "measure": "app.acquire.measure_worker",
    "ceilings": "app.bench.run.ceilings_worker",
    "memory_speed": "app.machine.memory_speed_worker",
    "syntax": "app.code.syntax_worker",
    "sandbox": "app.code.sandbox.worker",
    "document": "app.chat.documents.document_worker",
    "chats": "app.chat.transfer.import_worker",
    "answers": "app.bench.quality.answers.answer_worker",
    "card": "app.ui.benchmark.picture_worker",
    "templates": "app.chat.prompting.template_worker",
    "formulas": "app.chat.markdown.formula_worker",
}


def child_command(name: ChildName) -> list[str]:
    """The command line that runs the child `name` (its `main()` talks over stdin and stdout).

    A bundle has one executable, which `app.__main__` turns into the child by its first argument.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, "--child", name]
    return [sys.executable, "-m", CHILD_MODULES[name]]


def child_name(command: Sequence[str]) -> ChildName | None:
    """Tell which child a command line runs; None for any other program."""
    for option, value in pairwise(command):
        for name, module in CHILD_MODULES.items():
            if (option, value) in (("-m", module), ("--child", name)):
                return name
    return None


def leave_bundle_environment() -> None:
    """Give the programs that this one starts the user's own environment; nothing to do from source.

    A bundle's loader puts its libraries before the system's by LD_LIBRARY_PATH, which would break a system
    program such as xdg-open. This process has read it already; a child from the bundle sets its own again.
    https://pyinstaller.org/en/stable/common-issues-and-pitfalls.html
    """
    if not getattr(sys, "frozen", False):
        return
    os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
    if sys.platform.startswith("linux"):
        before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
        os.environ.pop("LD_LIBRARY_PATH", None)
        if before is not None:
            os.environ["LD_LIBRARY_PATH"] = before


def fill_standard_streams() -> None:
    """Open the null device for the standard streams that whoever started this program left closed.

    Otherwise the next file opened gets their number, and llama.cpp's messages on stderr go into it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            # It takes the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", errors="replace", closefd=False))
