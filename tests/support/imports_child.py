"""Opens the window and tells on which thread each module of Qt came: `python -m tests.support.imports_child`.

Prints the names of Qt's, pyqtgraph's and the window's modules that another thread than the first looked for,
and how many of pyqtgraph's came in one turn of the event loop at most.
"""

import json
import sys
import threading
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

OF_QT = ("PySide6", "shiboken6", "pyqtgraph", "app.ui")


class ThreadFinder(MetaPathFinder):
    """Finds nothing, and notes who looks for what."""

    def __init__(self) -> None:
        self.elsewhere: list[str] = []
        self.first: list[str] = []
        self.turns = [0]
        """So many of pyqtgraph's came in each turn of the event loop."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        """Called for each module that is not loaded yet."""
        if name.startswith(OF_QT):
            of_thread = (
                self.first if threading.current_thread() is threading.main_thread() else self.elsewhere
            )
            of_thread.append(name)
            self.turns[-1] += name.startswith("pyqtgraph")


def main() -> None:
    finder = ThreadFinder()
    sys.meta_path.insert(0, finder)
    from PySide6.QtCore import QAbstractEventDispatcher

    from app.ui.base import slices
    from app.ui.shell.window_application import WindowApplication
    from app.ui.widgets.lazy_plot import LazyPlot
    from tests.support.waiting import until
    from tests.support.window import run_with_window

    async def scene(application: WindowApplication) -> None:
        QAbstractEventDispatcher.instance().awake.connect(lambda: finder.turns.append(0))
        application.window.resize(1280, 800)  # a narrow one folds the plots away
        plots = application.window.findChildren(LazyPlot)
        await until(lambda: any(each.plot is not None for each in plots), "the plots")
        for page in ("code", "benchmark", "models", "chat"):
            application.window.show_page(page)
        await until(lambda: application.session.info is not None, "the model")

    # One step in each turn, however fast the computer is.
    slices.SLICE_S = 0.0
    run_with_window(scene)
    told = {
        "first": finder.first,
        "elsewhere": finder.elsewhere,
        "most_in_a_turn": max(finder.turns),
        "of_the_library": sum(finder.turns),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
