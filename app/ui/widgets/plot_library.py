"""pyqtgraph, which is slow to import, brought in after the window is painted."""

import ast
import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

from app.base.threads import start_thread
from app.ui.base.bridge import Bridge
from app.ui.base.slices import NEXT_TURN, Slices

log = logging.getLogger(__name__)

NAME = "pyqtgraph"
HALF_DONE = "_half_done"
"""An attribute of the module while not all of its statements are done."""
READ_WHOLE = ("PySide6.QtCore", "PySide6.QtGui", "PySide6.QtWidgets")
"""pyqtgraph reads each of their names, and PySide makes a class when its name is first read."""


class PlotLibrary:
    """Imports pyqtgraph once, when the first plot asks for it. GUI thread.

    The half that knows nothing of Qt, numpy, comes on a thread of its own. The rest takes 0.3 s and comes on
    the GUI thread, in steps: where two threads read names of PySide at once the program crashes now and then.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._is_begun = False
        self._waiting: list[Callable[[Any], None]] = []
        self._library: Any = None
        self._turns = Slices(bridge)

    def when_ready(self, callback: Callable[[Any], None]) -> None:
        """Call `callback(pyqtgraph)` on the GUI thread: at once if it is there, else when it is, some
        in each turn: a plot takes some milliseconds to make."""
        if self._library is not None:
            callback(self._library)
            return
        self._waiting.append(callback)
        if not self._is_begun:
            self._is_begun = True
            start_thread(self._load_numpy, "plot-library")

    def _load_numpy(self) -> None:
        importlib.import_module("numpy")
        self._bridge.post(lambda: self._turns.begin(self._load()))

    def _load(self) -> Iterator[object]:
        yield from import_steps()
        library = importlib.import_module(NAME)
        log.debug("pyqtgraph %s is there", library.__version__)
        library.setConfigOptions(antialias=True)
        self._library = library
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            # A plot is made and drawn.
            yield NEXT_TURN
            callback(library)


def import_steps() -> Iterator[None]:
    """Import pyqtgraph statement by statement of its first file, as `import` does at once.

    Nobody else may import it meanwhile but by this. Begun anew it goes through what somebody else has left
    half done.
    Where that file's text is not there, `import` does what is left.
    """
    for module in map(importlib.import_module, READ_WHOLE):
        for name in dir(module):
            getattr(module, name, None)
            yield
    package = sys.modules.get(NAME)
    if package is not None and not hasattr(package, HALF_DONE):
        return
    spec = importlib.util.find_spec(NAME) if package is None else package.__spec__
    source = getattr(spec.loader, "get_source", lambda _: None)(NAME) if spec is not None else None
    if spec is None or source is None:
        return
    if package is None:
        package = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    setattr(package, HALF_DONE, True)
    try:
        for statement in ast.parse(source).body:
            exec(compile(ast.Module([statement], []), str(spec.origin), "exec"), package.__dict__)
            yield
    except Exception:
        # As `import` does: half of it is of no use.
        sys.modules.pop(NAME, None)
        raise
    # Not there where somebody else, who had begun it, too, has come to the end.
    vars(package).pop(HALF_DONE, None)
