"""How this program starts its own child processes, from source and from a bundle."""

import sys
from typing import Literal

ChildName = Literal["engine", "build", "syntax"]

CHILD_MODULES: dict[ChildName, str] = {
    "engine": "app.engine.worker",
    "build": "converters.worker",
    "syntax": "app.code.syntax_worker",
}


def child_command(name: ChildName) -> list[str]:
    """The command line that runs the child `name` (its `main()` talks over stdin and stdout).

    A bundle has one executable, which `app.__main__` turns into the child by its first argument.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, "--child", name]
    return [sys.executable, "-m", CHILD_MODULES[name]]
