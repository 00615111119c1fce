"""One file of any size: a slider from the smallest to the best, with what fits marked along it."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.acquire.build_options import NO_SIZE, FileSize
from app.machine.advisor import Advisor, Outlook, Use
from app.ui.base.add_action import allow
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.models.list.fit_text import fit_text, here_text, loss_text, speed_tip, type_tip
from app.ui.models.quality.quality_table import nats
from app.ui.widgets.card import button, label, set_look
from app.ui.widgets.wheel_proof import Slider
from models.catalogue.catalogue import CatalogueModel
from models.memory.fit import Verdict
from models.quantisation.chosen_mixture import ChosenMixture, expected_divergence
from models.quantisation.size_range import bits_per_weight, expected_loss_percent, file_sizes
from models.system.units import byte_count

HANDLE_PX = 16
"""The width of the slider's handle in window.qss, of which one half overhangs at each end."""
BAR_PX, TICK_PX, GAP_PX = 4, 4, 8
TICKS = ("Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")
"""The types whose sizes are named below the slider."""
PAGE_STEPS = 5


class SizeChoice(QWidget):
    """Chooses the bytes of one file whose types are chosen by measurement; GUI thread."""

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model: CatalogueModel | None = None
        self._advisor: Advisor | None = None
        self._use = Use()
        self._measured: ChosenMixture | None = None
        self._sizes: list[int] = []
        self._fitting: FileSize | None = None
        """The size that fits here, where it was asked for and the slider has not been moved since."""
        self.box = QCheckBox(self.tr("One file of any size"))
        self.box.toggled.connect(self._on_toggled)
        set_tip(
            self.box,
            self.tr(
                "The type of each tensor is chosen by measurement, so that a file of this size loses as "
                "little as it can. That reads a text with the original weights first: minutes to hours, kept "
                "for further sizes."
            ),
        )
        self.slider = Slider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Size of the file"))
        self.slider.setPageStep(PAGE_STEPS)
        self.slider.valueChanged.connect(self._on_moved)
        self.largest = button(self.tr("Largest that fits here"))
        self.largest.clicked.connect(self._on_largest)
        set_tip(
            self.largest,
            self.tr(
                "As large as the free memory takes at the context shown above. A KV cache in q8_0 takes half "
                "of one in f16 and leaves that room for the weights; which of the two loses less is measured."
            ),
        )
        self._scale = _Scale(theme)
        self._least, self._best = label("", "small"), label("", "small")
        self._size = label("", wrap=True)
        self._here = label("", "muted", wrap=True)
        self._loss = label("", "muted", wrap=True)
        self._room = label("", "small", wrap=True)
        track = QVBoxLayout()
        track.setSpacing(0)
        track.addWidget(self.slider)
        track.addWidget(self._scale)
        ends = QHBoxLayout()
        ends.addWidget(self._least)
        ends.addStretch()
        ends.addWidget(self.largest)
        ends.addStretch()
        ends.addWidget(self._best)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.box, 0, Qt.AlignmentFlag.AlignLeft)
        self._parts = QWidget()
        parts = QVBoxLayout(self._parts)
        parts.setContentsMargins(0, 0, 0, 0)
        parts.setSpacing(4)
        parts.addLayout(ends)
        parts.addLayout(track)
        for words in (self._size, self._here, self._loss, self._room):
            parts.addWidget(words)
        column.addWidget(self._parts)
        self._parts.hide()
        self.hide()

    @property
    def wanted(self) -> FileSize:
        """The size that was chosen; none where no such file is wanted."""
        if not self._sizes or not self.box.isChecked():
            return NO_SIZE
        return self._fitting or FileSize(self._sizes[self.slider.value()])

    def show_model(
        self,
        model: CatalogueModel | None,
        advisor: Advisor | None,
        use: Use,
        measured: ChosenMixture | None = None,
    ) -> None:
        """Show the sizes of a model, nothing for None. The choice stays while it is the same one.

        `measured` is a mixture of it that was chosen before: by what its types cost the others are expected.
        """
        self.setVisible(model is not None)
        if model is None:
            self._model = None
            return
        is_other = self._model is None or model.key != self._model.key
        self._model, self._advisor, self._use, self._measured = model, advisor, use, measured
        if is_other:
            self._sizes = file_sizes(model.shape)
            self._least.setText(self.tr("Smallest, {size}").format(size=byte_count(self._sizes[0])))
            self._best.setText(self.tr("Best, {size}").format(size=byte_count(self._sizes[-1])))
            self.slider.blockSignals(True)
            self.slider.setRange(0, len(self._sizes) - 1)
            self.slider.blockSignals(False)
            self.drop()
            self._fitting = None
            self.slider.setValue(self._usual_step(model))
        if self._fitting is not None:
            # What is free has changed.
            self._fitting = self._found_fitting()
        self._show_scale(model)
        self._show_size()

    def drop(self) -> None:
        """Want no such file any more."""
        self.box.setChecked(False)

    def _usual_step(self, model: CatalogueModel) -> int:
        """Begin at the size of the type that is recommended here."""
        kind = self._advisor.recommended_type(model) if self._advisor is not None else "Q4_K_M"
        return max(0, bisect_left(self._sizes, model.sizes_bytes[kind] + 1) - 1)

    def _outlook(self, size_bytes: int, use: Use) -> Outlook | None:
        if self._advisor is None or self._model is None:
            return None
        return self._advisor.size_outlook(self._model, size_bytes, use)

    def _steps_that(self, fit: Callable[[Verdict], bool]) -> int:
        """Count the steps, from the smallest on, whose verdict is good enough."""

        def does_not(size_bytes: int) -> bool:
            outlook = self._outlook(size_bytes, self._use)
            return outlook is None or not fit(outlook.fit.verdict)

        return bisect_left(self._sizes, True, key=does_not)

    def _show_scale(self, model: CatalogueModel) -> None:
        ticks = [(self._place_of(model.sizes_bytes[kind]), kind) for kind in TICKS]
        allow(self.largest, "" if self._advisor is not None else self.tr("The memory here is not known yet."))
        if self._advisor is None:
            self._scale.show_scale(ticks, 0.0, 0.0)
            self._room.hide()
            return
        on_card = self._steps_that(lambda verdict: verdict is Verdict.GPU)
        in_memory = self._steps_that(lambda verdict: verdict is not Verdict.TOO_LARGE)
        last = len(self._sizes) - 1
        self._scale.show_scale(ticks, max(0, on_card - 1) / last, max(0, in_memory - 1) / last)
        self._room.setText(self._room_text(on_card, in_memory))
        self._room.show()

    def _room_text(self, on_card: int, in_memory: int) -> str:
        sizes = {
            "card": byte_count(self._sizes[max(0, on_card - 1)]),
            "memory": byte_count(self._sizes[max(0, in_memory - 1)]),
        }
        if not in_memory:
            return self.tr("No size of this model fits into the memory that is free now.")
        if in_memory == len(self._sizes):
            text = self.tr("Every size fits into memory.")
        else:
            text = self.tr("Up to {memory} fit into memory.")
        if on_card == len(self._sizes):
            text = self.tr("Every size fits on the graphics card.")
        elif on_card:
            text = f"{self.tr('Up to {card} fit on the graphics card.')} {text}"
        return text.format(**sizes)

    def _place_of(self, size_bytes: int) -> float:
        return (size_bytes - self._sizes[0]) / (self._sizes[-1] - self._sizes[0])

    def _on_toggled(self, wanted: bool) -> None:
        self._parts.setVisible(wanted)
        self.changed.emit()

    def _on_moved(self) -> None:
        self._fitting = None
        self._show_size()
        self.changed.emit()

    def _on_largest(self) -> None:
        fitting = self._found_fitting()
        if fitting is None:
            return
        self.slider.setValue(max(0, bisect_left(self._sizes, fitting.most_bytes + 1) - 1))
        self._fitting = fitting
        self._show_size()
        self.changed.emit()

    def _found_fitting(self) -> FileSize | None:
        if self._advisor is None or self._model is None:
            return None
        wide, small = self._advisor.fitting_sizes(self._model, self._use)
        return FileSize(wide, small, fits=True) if wide or small else None

    def _show_size(self) -> None:
        if self._model is None:
            return
        fitting = self._fitting
        size = fitting.most_bytes if fitting is not None else self._sizes[self.slider.value()]
        shape = self._model.shape
        text = self.tr("{size} · {bits} bits a weight").format(
            size=byte_count(size), bits=f"{bits_per_weight(shape, size):.1f}"
        )
        self._size.setText("\n".join(filter(None, (text, self._cache_text()))))
        use = self._use
        if fitting is not None and fitting.small_cache_bytes:
            use = replace(use, kv_type="q8_0")
        outlook = self._outlook(size, use)
        self._here.setVisible(outlook is not None)
        if outlook is not None:
            self._here.setText(here_text(outlook))
            too_large = outlook.fit.verdict is Verdict.TOO_LARGE
            set_look(self._here, "warning" if too_large else "muted")
            set_tip(self._here, f"{fit_text(outlook.fit)} {speed_tip(outlook)}".strip())
        own = self._measured_text(size)
        self._loss.setText(own or loss_text(expected_loss_percent(shape, size)))
        set_tip(self._loss, self._measured_tip() if own else type_tip())
        said = [self._size.text(), self._here.text() if outlook is not None else "", self._loss.text()]
        self.slider.setAccessibleDescription(" · ".join(part for part in said if part))

    def _cache_text(self) -> str:
        """Say which KV cache the size is for, where that decides it."""
        fitting = self._fitting
        if fitting is None or not fitting.small_cache_bytes:
            return ""
        text = self.tr("With a KV cache in q8_0.")
        if fitting.size_bytes:
            text = self.tr(
                "With a KV cache in q8_0; with one in f16 it is {size}. Which of the two loses less is "
                "measured when it is made."
            )
        return text.format(size=byte_count(fitting.size_bytes))

    def _measured_text(self, size_bytes: int) -> str:
        """Say what a file of this size is expected to lose by this model's own costs; empty without them."""
        measured = self._measured
        if measured is None or not measured.plain:
            return ""
        divergence = expected_divergence(measured.sizes, size_bytes)
        if divergence is None:
            return ""
        nearest = min(measured.plain, key=lambda plain: (abs(plain.bytes - size_bytes), plain.type))
        return self.tr("Expected divergence {nats} · {type} of {size}: {other}").format(
            nats=nats(divergence),
            type=nearest.type,
            size=byte_count(nearest.bytes),
            other=nats(nearest.divergence),
        )

    def _measured_tip(self) -> str:
        return self.tr(
            "By what each type was measured to cost each tensor of this model: how far its predictions are "
            "from those of the original (Kullback-Leibler divergence, mean in nats per token). 0.01 can "
            "hardly be noticed, 0.1 can. What a file of yours lost can be measured below."
        )


class _Scale(QWidget):
    """The bar below the slider: what fits where, and the sizes of llama.cpp's own types by their names."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._ticks: list[tuple[float, str]] = []
        self._on_card = self._in_memory = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_scale(self, ticks: list[tuple[float, str]], on_card: float, in_memory: float) -> None:
        """Show named places, and how far files fit on the cards and into memory, as parts of the whole."""
        self._ticks, self._on_card, self._in_memory = ticks, on_card, in_memory
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as the bar and a line of small type."""
        return QSize(0, BAR_PX + TICK_PX + 2 + QFontMetrics(self._font()).height())

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw it in the theme's colours."""
        left, width = HANDLE_PX / 2, self.width() - HANDLE_PX
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            zones = [(0.0, "good"), (self._on_card, "warning"), (max(self._on_card, self._in_memory), "line")]
            if not self._on_card:
                zones = [(0.0, "good"), (self._in_memory, "line")]
            for (begin, colour), (end, _colour) in pairwise([*zones, (1.0, "")]):
                if end > begin:
                    painter.fillRect(
                        round(left + begin * width),
                        0,
                        round((end - begin) * width),
                        BAR_PX,
                        self._theme.colour(colour),
                    )
            painter.setFont(self._font())
            painter.setPen(self._theme.colour("muted"))
            metrics = painter.fontMetrics()
            free = 0.0
            for place, name in self._ticks:
                at = left + place * width
                painter.drawLine(round(at), BAR_PX, round(at), BAR_PX + TICK_PX)
                length = metrics.horizontalAdvance(name)
                begin = min(max(0.0, at - length / 2), self.width() - length)
                if begin >= free:
                    painter.drawText(round(begin), BAR_PX + TICK_PX + 2 + metrics.ascent(), name)
                    free = begin + length + GAP_PX

    def _font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(self._theme.pixels(11))
        return font
