"""Memory and processor of the computer, and this program's share."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.telemetry.host import HostSample
from app.ui.base import figures
from app.ui.widgets.card import label


class HostSection(QWidget):
    """Two rows: what the machine uses at the left, what Stillroom and its engine use at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ram = label(self.tr("RAM –"), "small")
        self._own_ram = label("", "small")
        self._cpu = label(self.tr("CPU –"), "small")
        self._own_cpu = label("", "small")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(4)
        layout.addWidget(label(self.tr("MEMORY AND CPU"), "caption"), 0, 0, 1, 2)
        for row, pair in enumerate(((self._ram, self._own_ram), (self._cpu, self._own_cpu)), start=1):
            layout.addWidget(pair[0], row, 0)
            layout.addWidget(pair[1], row, 1, Qt.AlignmentFlag.AlignRight)
        layout.setColumnStretch(0, 1)

    def show_host(self, host: HostSample) -> None:
        """Show the machine now."""
        self._ram.setText(
            self.tr("RAM {used} of {total} GiB").format(
                used=figures.gib(host.ram_used_bytes), total=figures.gib(host.ram_total_bytes)
            )
        )
        self._own_ram.setText(self.tr("Stillroom {size}").format(size=figures.gib(host.own_ram_bytes)))
        self._cpu.setText(self.tr("CPU {percent}%").format(percent=round(host.cpu_percent)))
        self._own_cpu.setText(self.tr("Stillroom {percent}%").format(percent=round(host.own_cpu_percent)))
