"""Memory and processor of the computer, this program's share, and which parts of it work."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.base.children import ChildName
from app.telemetry.host import HostSample, PartSample
from app.ui.base.plain_text import set_tip
from app.ui.widgets.card import label
from app.ui.widgets.elided_label import ElidedLabel
from models.system.units import gigabytes

WORKERS: tuple[ChildName, ...] = (
    "engine",
    "build",
    "measure",
    "sandbox",
    "ceilings",
    "memory_speed",
    "kernel_check",
    "rpc_server",
)
"""The children that work for long or take much memory; others help the window for a moment and are counted
with it."""


class HostSection(QWidget):
    """Two rows: what the machine uses at the left, what Stillroom and all it started use at the right; below
    them a row for each part of it, where more than the window works."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ram = label(self.tr("RAM –"), "small")
        self._own_ram = label("", "small")
        self._cpu = label(self.tr("CPU –"), "small")
        self._own_cpu = label("", "small")
        self._parts: list[tuple[ElidedLabel, QLabel]] = []
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(4)
        layout.addWidget(label(self.tr("MEMORY AND CPU"), "caption"), 0, 0, 1, 2)
        for row, pair in enumerate(((self._ram, self._own_ram), (self._cpu, self._own_cpu)), start=1):
            layout.addWidget(pair[0], row, 0)
            layout.addWidget(pair[1], row, 1, Qt.AlignmentFlag.AlignRight)
        layout.setColumnStretch(0, 1)
        self._layout = layout

    def show_host(self, host: HostSample) -> None:
        """Show the machine now."""
        self._ram.setText(
            self.tr("RAM {used} of {total} GB").format(
                used=gigabytes(host.ram_used_bytes), total=gigabytes(host.ram_total_bytes)
            )
        )
        self._own_ram.setText(self.tr("Stillroom {size} GB").format(size=gigabytes(host.own_ram_bytes)))
        self._cpu.setText(self.tr("CPU {percent}%").format(percent=round(host.cpu_percent)))
        self._own_cpu.setText(self.tr("Stillroom {percent}%").format(percent=round(host.own_cpu_percent)))
        self._show_parts(_shown_parts(host))

    def _show_parts(self, parts: list[PartSample]) -> None:
        while len(self._parts) < len(parts):
            pair = (ElidedLabel("small"), label("", "small"))
            row = 3 + len(self._parts)
            self._layout.addWidget(pair[0], row, 0)
            self._layout.addWidget(pair[1], row, 1, Qt.AlignmentFlag.AlignRight)
            self._parts.append(pair)
        for pair, part in zip(self._parts, parts, strict=False):
            pair[0].setText(self._part_name(part.name))
            pair[1].setText(
                self.tr("{size} GB · {percent}%").format(
                    size=gigabytes(part.ram_bytes), percent=round(part.cpu_percent)
                )
            )
            set_tip(
                pair[1],
                self.tr("Memory, and share of all processor cores, of {part}").format(part=pair[0].text()),
            )
        for number, pair in enumerate(self._parts):
            for shown in pair:
                shown.setVisible(number < len(parts))

    def _part_name(self, name: str) -> str:
        match name:
            case "engine":
                return self.tr("Engine")
            case "build":
                return self.tr("Building a model")
            case "measure":
                return self.tr("Measuring a model")
            case "sandbox":
                return self.tr("Program in the sandbox")
            case "ceilings" | "memory_speed":
                return self.tr("Measuring this computer")
            case "kernel_check":
                return self.tr("Checking the graphics card")
            case "rpc_server":
                return self.tr("Lent to another computer")
            case _:
                return self.tr("Window")


def _shown_parts(host: HostSample) -> list[PartSample]:
    """The window first, its helpers with it, then what works beside it; none where only the window does."""
    window = PartSample("", 0, 0.0)
    workers: dict[str, PartSample] = {}
    for part in host.parts:
        if part.name in WORKERS:
            workers[part.name] = part
        else:
            window = PartSample("", window.ram_bytes + part.ram_bytes, window.cpu_percent + part.cpu_percent)
    return [window, *(workers[name] for name in WORKERS if name in workers)] if workers else []
