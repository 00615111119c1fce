"""The memory and the state of each graphics card, or why there is none to show."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.telemetry.nvml import GpuReading, GpuSample
from app.telemetry.sampler import History
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.live_panel.live_plot import LivePlot
from app.ui.widgets.card import label
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.plot_library import PlotLibrary
from models.system.units import gigabytes


class GpuSection(QWidget):
    """One card: VRAM used, total and this program's share, plotted below its limit; load, heat, power."""

    def __init__(self, theme: Theme, library: PlotLibrary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._caption = ElidedLabel("caption")
        self._figure = label("", "figure")
        self._total = label("", "unit")
        self._own = label("", "small")
        self._plot = LivePlot(theme, library, "good")
        self._state = [label("", "small") for _ in range(3)]
        value = QHBoxLayout()
        value.setSpacing(8)
        value.addWidget(self._figure, 0, Qt.AlignmentFlag.AlignBottom)
        value.addWidget(self._total, 1, Qt.AlignmentFlag.AlignBottom)
        value.addWidget(self._own, 0, Qt.AlignmentFlag.AlignBottom)
        for small in (self._total, self._own):
            small.setContentsMargins(0, 0, 0, 4)
        below = QHBoxLayout()
        for part in self._state:
            below.addWidget(part)
            if part is not self._state[-1]:
                below.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._caption)
        layout.addLayout(value)
        layout.addWidget(self._plot)
        layout.addLayout(below)

    def show_gpu(self, gpu: GpuSample, times_s: Sequence[float], vram_used_bytes: Sequence[int]) -> None:
        """Show the card now and over the last minutes."""
        self._caption.setText(self.tr("VRAM · {name}").format(name=gpu.name.upper()))
        self._figure.setText(gigabytes(gpu.vram_used_bytes))
        self._total.setText(self.tr("of {total} GB").format(total=gigabytes(gpu.vram_total_bytes)))
        own = gpu.own_vram_bytes
        self._own.setText("" if own is None else self.tr("Stillroom {size} GB").format(size=gigabytes(own)))
        self._plot.setAccessibleName(
            self.tr("Memory of {name} over the last two minutes; the dashed line is its limit").format(
                name=gpu.name
            )
        )
        set_tip(self._plot, self._plot.accessibleName())
        self._plot.show_series(times_s, vram_used_bytes, limit=float(gpu.vram_total_bytes))
        use, heat, power = gpu.utilisation_percent, gpu.temperature_c, gpu.power_w
        texts = (
            self.tr("GPU –") if use is None else self.tr("GPU {percent}%").format(percent=use),
            self.tr("– °C") if heat is None else self.tr("{degrees} °C").format(degrees=heat),
            self.tr("– W") if power is None else self.tr("{watts} W").format(watts=round(power)),
        )
        for part, text, figure in zip(self._state, texts, (use, heat, power), strict=True):
            part.setText(text)
            part.setToolTip(self.tr("The card's driver does not tell this.") if figure is None else "")


class GpuSections(QWidget):
    """A section a card, or one sentence that says why there is none."""

    def __init__(self, theme: Theme, library: PlotLibrary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._library = library
        self._sections: list[GpuSection] = []
        self._caption = label(self.tr("VRAM"), "caption")
        self._sentence = label("", "small", wrap=True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(16)
        none = QVBoxLayout()
        none.setSpacing(4)
        none.addWidget(self._caption)
        none.addWidget(self._sentence)
        self._layout.addLayout(none)
        self.show_cards(GpuReading("pending"), None, History())

    def show_cards(self, reading: GpuReading, others: tuple[GpuSample, ...] | None, history: History) -> None:
        """Show every card of the reading, and the `others`, which NVML does not know."""
        cards = (*reading.gpus, *(others or ()))
        while len(self._sections) < len(cards):
            self._sections.append(GpuSection(self._theme, self._library))
            self._layout.addWidget(self._sections[-1])
        for section in self._sections[len(cards) :]:
            section.hide()
        for section, gpu, vram in zip(
            self._sections, cards, history.vram_used_bytes or ((),) * len(cards), strict=False
        ):
            section.show()
            section.show_gpu(gpu, history.times_s, vram)
        for part in (self._caption, self._sentence):
            part.setVisible(not cards or reading.state == "failing")
        self._sentence.setText(self._why_none(reading, others))
        set_tip(self._sentence, reading.native if reading.state in ("failing", "hanging") else "")

    def _why_none(self, reading: GpuReading, others: tuple[GpuSample, ...] | None) -> str:
        match reading.state:
            case "pending":
                return self.tr("Asking NVIDIA's driver …")
            case "no_driver" if others is None:
                return self.tr("No NVIDIA driver found. Other cards are shown while the engine runs.")
            case "no_driver":
                return self.tr(
                    "No graphics card found: no NVIDIA driver, and the engine lists no other card."
                )
            case "no_gpu":
                return self.tr("NVIDIA's driver {version} is installed, but it sees no card.").format(
                    version=reading.driver
                )
            case "failing":
                return self.tr("NVIDIA's driver answers with an error: {reason}").format(
                    reason=reading.native
                )
            case "hanging":
                return self.tr("NVIDIA's driver does not answer. A restart of the computer usually helps.")
            case "asleep":
                return self.tr("The graphics card is left asleep until a model is loaded.")
            case "ok":
                return ""
