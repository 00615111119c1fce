"""Python's cycle collector, kept to the GUI thread.

It runs on whichever thread allocates next, and there it would destroy the widgets that hang in a cycle: a
crash once in a thousand closings.
"""

import gc

from PySide6.QtCore import QObject, QTimer

PERIOD_MS = 1000


class GuiThreadGarbage(QObject):
    """Turns the automatic collection off and does it from a timer of the GUI thread's loop."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        # What was imported until now stays for ever: no collection needs to walk through it again.
        gc.freeze()
        self._timer = QTimer(self, interval=PERIOD_MS)
        self._timer.timeout.connect(collect_due)
        self._timer.start()


def collect_due() -> None:
    """Collect the oldest generation whose threshold is passed, as the automatic collection would."""
    for generation in (2, 1, 0):
        if gc.get_count()[generation] > gc.get_threshold()[generation]:
            gc.collect(generation)
            return
