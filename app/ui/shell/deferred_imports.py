"""The modules of the tabs and dialogs that the first frame does not show, imported between two events."""

import importlib
import pkgutil
from collections.abc import Iterator

ROOMS = ("app.ui.models", "app.ui.load_settings", "app.ui.settings", "app.ui.benchmark", "app.ui.code")


def deferred_imports() -> Iterator[str]:
    """Import them one after the other, those of the deepest folders first, and name each.

    For the GUI thread: where two threads read names of PySide at once the program crashes now and then.
    """
    for room in ROOMS:
        for name in _modules_of(room):
            importlib.import_module(name)
            yield name


def _modules_of(package: str) -> Iterator[str]:
    found = sorted(
        pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."),
        key=lambda module: not module.ispkg,
    )
    for module in found:
        if module.ispkg:
            yield from _modules_of(module.name)
        else:
            yield module.name
