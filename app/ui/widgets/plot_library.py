"""pyqtgraph, which is slow to import, brought in after the window is painted."""

import importlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from app.ui.base.bridge import Bridge
from app.ui.base.slices import Slices

log = logging.getLogger(__name__)


class PlotLibrary:
    """Imports pyqtgraph once, when the first plot asks for it. GUI thread.

    The half that knows nothing of Qt, numpy, comes on a thread of its own. The rest holds the window up
    once, 0.17 s on an EPYC: it reads every name of Qt, PySide makes a class when its name is first read, and
    where two threads do so at once the program crashes now and then.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._thread: threading.Thread | None = None
        self._waiting: list[Callable[[Any], None]] = []
        self._library: Any = None
        self._telling = Slices(bridge)

    def when_ready(self, callback: Callable[[Any], None]) -> None:
        """Call `callback(pyqtgraph)` on the GUI thread: at once if it is there, else when it is, some
        in each turn: a plot takes some milliseconds to make."""
        if self._library is not None:
            callback(self._library)
            return
        self._waiting.append(callback)
        if self._thread is None:
            self._thread = threading.Thread(target=self._load_numpy, name="plot-library")
            self._thread.start()

    def _load_numpy(self) -> None:
        importlib.import_module("numpy")
        self._bridge.post(self._load)

    def _load(self) -> None:
        library = importlib.import_module("pyqtgraph")
        log.debug("pyqtgraph %s is there", library.__version__)
        library.setConfigOptions(antialias=True)
        self._library = library
        waiting, self._waiting = self._waiting, []
        self._telling.begin(callback(library) for callback in waiting)
