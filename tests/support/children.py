"""The processes that a test's own one has started."""

from collections.abc import Sequence

import psutil


def running_children(command: Sequence[str]) -> list[psutil.Process]:
    """Those that run this command line and have not ended."""

    def runs(child: psutil.Process) -> bool:
        try:
            return child.cmdline() == list(command) and child.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            # It ended between two looks at it.
            return False

    return [child for child in psutil.Process().children() if runs(child)]
