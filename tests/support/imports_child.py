"""Opens the window and tells on which thread each module of Qt came: `python -m tests.support.imports_child`.

Prints the names of Qt's, pyqtgraph's and the window's modules that another thread than the first looked for.
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

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        """Called for each module that is not loaded yet."""
        if name.startswith(OF_QT):
            of_thread = (
                self.first if threading.current_thread() is threading.main_thread() else self.elsewhere
            )
            of_thread.append(name)


def main() -> None:
    finder = ThreadFinder()
    sys.meta_path.insert(0, finder)
    from app.ui.shell.application import WindowApplication
    from tests.support.waiting import until
    from tests.support.window import run_with_window

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1280, 800)  # a narrow one folds the plots away
        await until(lambda: "pyqtgraph" in sys.modules, "the plots")
        for page in ("code", "benchmark", "models", "chat"):
            application.window.show_page(page)
        await until(lambda: application.session.info is not None, "the model")

    run_with_window(scene)
    print(json.dumps({"first": finder.first, "elsewhere": finder.elsewhere}))


if __name__ == "__main__":
    main()
