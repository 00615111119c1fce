"""Saves what is seen on a real display."""

import subprocess
from pathlib import Path

from PySide6.QtWidgets import QAbstractScrollArea

from app.ui.shell.window_application import WindowApplication
from tests.support.window import settle

OVERLAP_PX = 60


class Camera:
    """Saves numbered pictures into a folder."""

    def __init__(self, application: WindowApplication, folder: Path) -> None:
        self.application = application
        self._folder = folder
        self._taken = 0

    async def take(self, name: str) -> None:
        """Save the display as it is once nothing moves any more."""
        await settle(12)
        self._taken += 1
        path = self._folder / f"{self._taken:02}-{name}.png"
        subprocess.run(["import", "-window", "root", str(path)], check=True)

    async def take_all(self, name: str, area: QAbstractScrollArea) -> None:
        """Save a page from its top to its foot."""
        bar = area.verticalScrollBar()
        bar.setValue(0)
        await self.take(name)
        part = 1
        while bar.value() < bar.maximum():
            bar.setValue(bar.value() + area.viewport().height() - OVERLAP_PX)
            part += 1
            await self.take(f"{name}-{part}")
