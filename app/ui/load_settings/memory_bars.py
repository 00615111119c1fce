"""Show what a load would take of the free memory, as bars and sentences."""

from PySide6.QtWidgets import QGridLayout, QProgressBar, QWidget

from app.base.errors import StillroomError
from app.engine.protocol import Planned
from app.ui.widgets.card import Card, label, set_look
from app.ui.widgets.notices import notice_text, translated
from models.memory.memory_reserve import SPARE_RAM_BYTES
from models.system.units import byte_count, unlike_counts


class MemoryNeedView(Card):
    """A bar for RAM, one for the graphics memory where there is a card, and what to know about it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, look="sunken")
        self._summary = label("", "muted", wrap=True)
        self._bars = {name: _bar() for name in ("ram", "vram")}
        self._texts = {name: label("", "small") for name in self._bars}
        self._notes = label("", "warning", wrap=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        for row, (name, title) in enumerate((("vram", self.tr("VRAM")), ("ram", self.tr("RAM")))):
            caption = label(title, "small")
            grid.addWidget(caption, row, 0)
            grid.addWidget(self._bars[name], row, 1)
            grid.addWidget(self._texts[name], row, 2)
            self._bars[name].setAccessibleName(title)
            if name == "vram":
                self._vram_caption = caption
        grid.setColumnStretch(1, 1)
        self.body.addWidget(self._summary)
        self.body.addLayout(grid)
        self.body.addWidget(self._notes)
        self._show_bars(vram=False)
        self._notes.hide()
        self._summary.setText(self.tr("Load a model to see what it needs."))

    def wait(self) -> None:
        """Say that the plan is on its way: while a model is loaded it comes behind that."""
        self._summary.setText(self.tr("Working out what it needs…"))

    def show_plan(self, planned: Planned) -> None:
        """Show the plan of a load with these settings."""
        plan = planned.plan
        template = (
            self.tr(
                "{context:,} tokens of context for each of {sequences} replies, cache in {cache}, {on_gpu} "
                "of {layers} layers on the GPU, threads: {threads}."
            )
            if plan.gpu_layers
            else self.tr(
                "{context:,} tokens of context for each of {sequences} replies, cache in {cache}, everything "
                "on the processor, threads: {threads}."
            )
        )
        self._summary.setText(
            template.format(
                context=plan.context_tokens,
                sequences=plan.sequences,
                cache=plan.kv_type,
                on_gpu=plan.gpu_layers,
                layers=planned.layers,
                threads=plan.threads,
            )
        )
        self._show_bars(vram=planned.vram_free_bytes > 0)
        self._show_need("ram", planned.ram_bytes, planned.ram_free_bytes)
        self._show_need("vram", planned.vram_bytes, planned.vram_free_bytes)
        self._notes.setText("\n".join(notice_text(notice) for notice in planned.notices))
        self._notes.setVisible(bool(planned.notices))

    def show_problem(self, error: StillroomError) -> None:
        """Show why these settings cannot be combined."""
        message, hint = translated(error)
        self._notes.setText(f"{message} {hint}")
        self._notes.show()

    def _show_bars(self, *, vram: bool) -> None:
        for part in (self._bars["vram"], self._texts["vram"], self._vram_caption):
            part.setVisible(vram)

    def _show_need(self, name: str, needed: int, free: int) -> None:
        self._bars[name].setValue(min(1000, round(1000 * needed / max(1, free))))
        spare = SPARE_RAM_BYTES if name == "ram" else 0
        is_short = needed > free - spare
        text = self.tr("{needed} of {free} free")
        if is_short and spare:
            text = self.tr("{needed} of {free} free, {spare} of which other programs need")
        needed_text, free_text = unlike_counts(needed, free)
        text = text.format(needed=needed_text, free=free_text, spare=byte_count(spare))
        self._texts[name].setText(text)
        self._bars[name].setAccessibleDescription(text)
        set_look(self._texts[name], "warning" if is_short else "small")


def _bar() -> QProgressBar:
    bar = QProgressBar()
    bar.setTextVisible(False)
    bar.setRange(0, 1000)
    return bar
