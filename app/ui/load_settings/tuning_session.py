"""Tuning in the window: the engine is reserved for it, and the model loaded again at its end."""

import threading
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec
from PySide6.QtWidgets import QWidget

from app.engine.planning.load_history import LoadMemory
from app.load_choices import LoadChoices
from app.tuning.report import TuningReport
from app.tuning.tuner import Tuner, TuningProgress, left_open
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.load_settings.tuning_dialog import TuningDialog

JOB = "tuning"


class LoadAgain(Protocol):
    """Return the work that loads a model as is chosen for it, after `keep` has changed that on the disk."""

    def __call__(self, path: Path, keep: Callable[[], None] | None = None) -> Coroutine[Any, Any, None]:
        """Begin it."""


def open_tuning(
    session: EngineSession,
    tuner: Tuner,
    load_choices: LoadChoices,
    memory: LoadMemory,
    bridge: Bridge,
    window: QWidget,
    load_again: LoadAgain,
) -> TuningDialog:
    """Tune the model that is loaded, in a dialog over `window`. GUI thread."""
    info = session.info
    assert info is not None, "there is a model to tune"
    path = Path(info.path)
    chosen = load_choices.known(path)
    asked = left_open(chosen.load)
    known = memory.known(info.path)

    def run(on_progress: Callable[[TuningProgress], None], cancel: threading.Event) -> TuningReport:
        return tuner.run(path, asked, on_progress, cancel)

    def use() -> None:
        # What the user had fixed himself would go before what was found.
        start_load(partial(load_choices.choose, path, msgspec.structs.replace(chosen, load=asked)))

    def discard() -> None:
        if known.tuned is None:
            start_load(partial(memory.forget, str(path), "tuned"))
        else:
            start_load(partial(memory.note_tuned, str(path), known.tuned, known.table))

    def end() -> None:
        session.reserve("")
        if not dialog.waits_for_choice:
            start_load()

    def start_load(keep: Callable[[], None] | None = None) -> None:
        bridge.start(load_again(path, keep))

    dialog = TuningDialog(info.name, run, bridge, window)
    dialog.used.connect(use)
    dialog.discarded.connect(discard)
    dialog.ended.connect(end)
    dialog.left.connect(dialog.deleteLater)
    session.reserve(JOB)
    dialog.open()
    dialog.start()
    return dialog


def show_tuning_table(model: str, report: TuningReport, bridge: Bridge, window: QWidget) -> TuningDialog:
    """Show what was measured earlier, over `window`. GUI thread."""

    def run(on_progress: Callable[[TuningProgress], None], cancel: threading.Event) -> TuningReport:
        raise AssertionError("nothing is measured")

    dialog = TuningDialog(model, run, bridge, window)
    dialog.left.connect(dialog.deleteLater)
    dialog.show_kept(report)
    dialog.open()
    return dialog
