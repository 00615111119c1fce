"""Show what this computer can run, what is missing and what to do about it, in plain words."""

from collections.abc import Awaitable, Callable

import shiboken6
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.engine.protocol import BackendState, Device
from app.machine.doctor import Advice, Diagnosis
from app.machine.doctor_checks import Problem
from app.machine.hardware import Machine
from app.ui.base.bridge import Bridge
from app.ui.base.layouts import clear_layout
from app.ui.base.theme import Role, Theme
from app.ui.settings.cuda_card import CudaCard
from app.ui.settings.cuda_session import CudaSession
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.notices import translated
from app.ui.widgets.scrolled_page import BESIDE_BAR_PX, ScrolledPage
from models.system.units import byte_count

SEVERITY_LOOKS: dict[str, tuple[str, Role]] = {
    "stops": ("x-circle", "danger"),
    "limits": ("warning", "warning"),
    "info": ("info", "muted"),
}


class DoctorPage(QWidget):
    """Shows a `Diagnosis`; `examine` makes one, away from the GUI thread, and `copy_report` is what a button
    does."""

    def __init__(
        self,
        theme: Theme,
        bridge: Bridge,
        examine: Callable[[], Awaitable[Diagnosis]],
        copy_report: Callable[[], object],
        cuda: CudaSession,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._bridge = bridge
        self._examine = examine
        self._examined = 0
        self._verdict = label(self.tr("Looking at this computer…"), "title", wrap=True)
        again = button(self.tr("Examine again"))
        again.clicked.connect(self.examine)
        copy = button(self.tr("Copy report"), "quiet", tip=self.tr("Versions and log lines, no chat text"))
        copy.clicked.connect(lambda: copy_report())
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, BESIDE_BAR_PX, 0)
        top.addWidget(self._verdict, 1)
        top.addWidget(copy)
        top.addWidget(again)
        self._findings = QVBoxLayout()
        self._findings.setSpacing(8)
        self._cuda = cuda
        inner = ScrolledPage()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, BESIDE_BAR_PX, 0)
        column.setSpacing(8)
        column.addWidget(CudaCard(cuda))
        column.addLayout(self._findings)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        body.addLayout(top)
        body.addWidget(scroll, 1)

    def examine(self) -> None:
        """Look again and show what is found."""
        self._verdict.setText(self.tr("Looking at this computer…"))
        self._bridge.start(self._show_new())

    async def _show_new(self) -> None:
        self._examined += 1
        number, take_offer = self._examined, self._cuda.expect_offer()
        diagnosis = await self._examine()
        take_offer(diagnosis.cuda)
        if shiboken6.isValid(self) and number == self._examined:
            self.show_diagnosis(diagnosis)

    def show_diagnosis(self, diagnosis: Diagnosis) -> None:
        """Replace what is shown."""
        clear_layout(self._findings)
        if not diagnosis.can_run:
            self._verdict.setText(self.tr("Models cannot run here yet."))
        elif any(device.kind in ("gpu", "igpu") and device.backend != "RPC" for device in diagnosis.backends):
            self._verdict.setText(self.tr("Models run here, on the graphics card."))
        else:
            self._verdict.setText(self.tr("Models run here, on the processor."))
        for problem in diagnosis.problems:
            # The page itself shows that there is a display, and CUDA has a card of its own.
            if problem.key not in ("display", "cuda"):
                self._findings.addWidget(self._problem_card(problem))
        if diagnosis.recommended is not None:
            self._findings.addWidget(self._advice_card(diagnosis.recommended))
        self._findings.addWidget(self._machine_card(diagnosis.machine))
        for device in diagnosis.backends:
            self._findings.addWidget(self._device_card(device))
        for library in diagnosis.libraries:
            if library.reason:
                self._findings.addWidget(self._library_card(library))

    def _problem_card(self, problem: Problem) -> Card:
        icon, role = SEVERITY_LOOKS.get(problem.severity, SEVERITY_LOOKS["info"])
        message, hint = translated(problem.as_error())
        return self._card(icon, role, message, hint)

    def _advice_card(self, advice: Advice) -> Card:
        title = self.tr("Recommended: {model} in {type}, {size}").format(
            model=advice.title, type=advice.quantisation, size=byte_count(advice.bytes)
        )
        return self._card("star", "accent", title, translated(advice.as_sentence())[0])

    def _machine_card(self, machine: Machine) -> Card:
        title = self.tr("{processor}, {cores} cores").format(processor=machine.processor, cores=machine.cores)
        text = self.tr("{free} of {total} of memory free, {disk} of disk free").format(
            free=byte_count(machine.memory_free_bytes),
            total=byte_count(machine.memory_total_bytes),
            disk=byte_count(machine.disk_free_bytes),
        )
        return self._card("desktop", "muted", title, text)

    def _device_card(self, device: Device) -> Card:
        if device.backend == "RPC":
            title = self.tr("Another computer helps: {address}").format(address=device.description)
        else:
            title = self.tr("llama.cpp computes on {backend}: {device}").format(
                backend=device.backend, device=device.description or device.name
            )
        text = self.tr("{free} of {total} of memory free").format(
            free=byte_count(device.memory_free_bytes), total=byte_count(device.memory_total_bytes)
        )
        # The processor's memory is the computer's, which is said above, as it is free to programs.
        return self._card("cpu", "good", title, "" if device.backend == "CPU" else text)

    def _library_card(self, library: BackendState) -> Card:
        title = self.tr("llama.cpp's {backend} back end is not used").format(backend=library.name)
        return self._card("info", "muted", title, library.reason)

    def _card(self, icon: str, role: Role, title: str, text: str) -> Card:
        card = Card(margin_px=12)
        picture = QLabel()
        picture.setPixmap(self._theme.icon(icon, role).pixmap(QSize(18, 18)))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(title, wrap=True, selectable=True))
        if text:
            words.addWidget(label(text, "small", wrap=True, selectable=True))
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        card.body.addLayout(row)
        return card
