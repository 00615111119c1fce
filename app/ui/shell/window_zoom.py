"""The size of everything in the window: Ctrl and plus, minus, zero or the wheel."""

from functools import partial

from PySide6.QtCore import QObject

from app.settings import SettingsFile
from app.ui.base import shortcuts
from app.ui.base.add_action import add_action
from app.ui.base.theme import ZOOM_STEPS_PERCENT
from app.ui.shell.main_window import MainWindow


class WindowZoom(QObject):
    """Turns the keys of `window` into the setting that its theme follows. GUI thread."""

    def __init__(self, window: MainWindow, settings: SettingsFile) -> None:
        super().__init__(window)
        self._settings = settings
        add_action(window, self.tr("Larger"), shortcuts.LARGER, partial(self.step, 1))
        add_action(window, self.tr("Smaller"), shortcuts.SMALLER, partial(self.step, -1))
        add_action(window, self.tr("Normal size"), shortcuts.NORMAL_SIZE, self.reset)
        window.zoom_asked.connect(self.step)

    def step(self, direction: int) -> None:
        """Zoom one step in (1) or out (-1), as far as there are steps."""
        now = self._settings.values.zoom_percent
        beyond = [step for step in ZOOM_STEPS_PERCENT if (step - now) * direction > 0]
        if beyond:
            self._settings.change(zoom_percent=min(beyond, key=lambda step: abs(step - now)))

    def reset(self) -> None:
        """Set the size as designed."""
        self._settings.change(zoom_percent=100)
