"""NVIDIA's libraries: what they take, getting them, removing them."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QProgressBar, QWidget

from app.cuda.offer import CudaOffer
from app.ui.base.durations import duration
from app.ui.base.file_dialogs import FileDialog
from app.ui.reply.link_question import ask_before_opening
from app.ui.settings.cuda_session import CudaSession
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.notices import translated
from app.ui.widgets.push_buttons import SingleClicks
from models.system.progress import Progress
from models.system.units import byte_count

SHOWN = ("card_old", "driver_old", "no_back_end", "offered", "unchecked", "failed", "ready")
"""Nothing is said where there is no card of NVIDIA's, and where CUDA works without our doing."""


class CudaCard(Card):
    """Shows a `CudaSession`; hidden while there is nothing to say. GUI thread."""

    def __init__(self, session: CudaSession, parent: QWidget | None = None) -> None:
        super().__init__(parent, margin_px=12)
        self._session = session
        self._title = label("", wrap=True, selectable=True)
        self._text = label("", "small", wrap=True, selectable=True)
        self._licence = label("", "small", wrap=True, selectable=True)
        self._mirror = QLineEdit()
        self._mirror.setPlaceholderText(
            self.tr("Address of a mirror; leave it empty for the usual source (PyPI)")
        )
        self._mirror.setAccessibleName(self.tr("Mirror of the download"))
        self._get = button("", "primary")
        self._get.clicked.connect(lambda: session.get(self._mirror.text().strip()))
        self._bring = button(
            self.tr("Use files…"), tip=self.tr("Files that were downloaded on another computer (.whl)")
        )
        self._bring.clicked.connect(self._choose_files)
        self._read = button(self.tr("Read the licence…"), "quiet")
        self._read.clicked.connect(self._open_licence)
        self._cancel = button(self.tr("Cancel"))
        self._cancel.clicked.connect(session.cancel)
        self._remove = button(self.tr("Remove"))
        self._remove.clicked.connect(session.remove)
        # Which of them are there changes with a click.
        SingleClicks(self._get, self._bring, self._cancel, self._remove)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._step = label("", "small")
        row = QHBoxLayout()
        row.setSpacing(8)
        for part in (self._get, self._bring, self._read, self._cancel, self._remove):
            row.addWidget(part)
        row.addStretch(1)
        for widget in (self._title, self._text, self._licence, self._mirror, self._step, self._bar):
            self.body.addWidget(widget)
        self.body.addLayout(row)
        session.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        session, offer = self._session, self._session.offer
        self.setVisible(session.busy or (offer is not None and offer.state in SHOWN))
        if offer is None:
            return
        title, hint = translated(offer.as_error())
        if offer.state == "ready" and not offer.in_use:
            title = self.tr("CUDA was tried on {card} and computes correctly.").format(card=offer.card)
            hint = self.tr("Stillroom uses it from its next start on.")
        self._title.setText(title)
        self.setAccessibleName(title)
        set_look(self._text, "small" if session.error is None else "danger")
        self._text.setText(self._text_of(offer, hint))
        self._text.setVisible(bool(self._text.text()))
        can_get = offer.can_get and not session.busy
        fetches = can_get and not offer.installed_bytes
        self._licence.setVisible(fetches)
        self._licence.setText(self.tr("Licence: {name}").format(name=offer.licence))
        self._read.setVisible(fetches)
        self._mirror.setVisible(fetches and offer.state != "no_back_end")
        self._get.setVisible(can_get and offer.state != "no_back_end")
        self._get.setText(self._get_text(offer))
        self._bring.setVisible(fetches)
        self._cancel.setVisible(session.busy)
        there_bytes = offer.installed_bytes + offer.outdated_bytes + offer.arrived_bytes
        self._remove.setVisible(not session.busy and there_bytes > 0)
        self._step.setVisible(session.busy)
        self._bar.setVisible(session.busy)
        self._show_progress(session.progress)

    def _text_of(self, offer: CudaOffer, hint: str) -> str:
        if self._session.error is not None:
            message, advice = translated(self._session.error)
            return f"{message} {advice}".strip()
        if self._session.freed_bytes:
            freed = byte_count(self._session.freed_bytes)
            return self.tr("NVIDIA's libraries are removed: {size} are free again.").format(size=freed)
        if offer.installed_bytes:
            size = byte_count(offer.installed_bytes)
            return f"{hint} {self.tr('They take {size}.').format(size=size)}".strip()
        if offer.state != "offered":
            return hint
        return self.tr("{hint} To fetch: {download}. On disk when unpacked: {unpacked}.").format(
            hint=hint,
            download=byte_count(offer.download_bytes),
            unpacked=byte_count(offer.unpacked_bytes),
        )

    def _get_text(self, offer: CudaOffer) -> str:
        if offer.installed_bytes:
            return self.tr("Try again")
        left = byte_count(offer.download_bytes - offer.arrived_bytes)
        if offer.arrived_bytes:
            return self.tr("Resume ({size} left)").format(size=left)
        return self.tr("Get it ({size})").format(size=left)

    def _show_progress(self, progress: Progress | None) -> None:
        if progress is None or progress.total == 0:
            # An indefinite bar, in the window's own way.
            self._bar.setRange(0, 0)
            trying = progress is not None and progress.stage == "check"
            self._step.setText(
                self.tr("Preparing your card and trying it: once, about a minute…")
                if trying
                else self.tr("One moment…")
            )
            return
        self._bar.setRange(0, 1000)
        self._bar.setValue(round(1000 * progress.done / progress.total))
        stage = {
            "download": self.tr("Downloading"),
            "verify": self.tr("Verifying"),
            "unpack": self.tr("Unpacking"),
        }.get(progress.stage, progress.stage)
        text = self.tr("{stage}: {done} of {total}").format(
            stage=stage, done=byte_count(progress.done), total=byte_count(progress.total)
        )
        if progress.remaining_s is not None:
            left = self.tr("{time} left").format(time=duration(progress.remaining_s))
            text = f"{text} · {left}"
        self._step.setText(text)
        self._bar.setAccessibleName(text)

    def _open_licence(self) -> None:
        if self._session.offer is not None:
            ask_before_opening(self._session.offer.licence_url, self)

    def _choose_files(self) -> None:
        dialog = FileDialog(self, self.tr("NVIDIA's files"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilter(self.tr("Python wheels (*.whl)"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(
            lambda paths: self._session.get(self._mirror.text().strip(), [Path(path) for path in paths])
        )
        dialog.open()
