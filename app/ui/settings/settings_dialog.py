"""Settings, the doctor's page, and what this program is."""

import importlib.metadata
from typing import Literal

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.base.paths import AppPaths
from app.settings import SettingsFile
from app.ui.base.theme import ZOOM_STEPS_PERCENT
from app.ui.settings.chat_states_card import ChatStatesCard
from app.ui.settings.doctor_page import DoctorPage
from app.ui.settings.other_computers_page import OtherComputersPage
from app.ui.settings.servers_elsewhere_page import ServersElsewherePage
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label

SettingsPage = Literal["general", "this computer", "other computers", "servers elsewhere", "about"]


class SettingsDialog(QDialog):
    """Changes apply at once. The theme and language observers of `settings` do the rest."""

    filters_asked = Signal()
    audit_asked = Signal()

    def __init__(
        self,
        settings: SettingsFile,
        paths: AppPaths,
        doctor: DoctorPage,
        others: OtherComputersPage,
        elsewhere: ServersElsewherePage,
        states: ChatStatesCard,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._paths = paths
        self._doctor = doctor
        self._others = others
        self.setWindowTitle(self.tr("Settings"))
        self.resize(760, 560)
        self._stack = QStackedWidget()
        self._group = QButtonGroup(self)
        side = QVBoxLayout()
        side.setSpacing(4)
        self._names: list[SettingsPage] = []
        pages: tuple[tuple[SettingsPage, str, QWidget], ...] = (
            ("general", self.tr("General"), self._make_general(states)),
            ("this computer", self.tr("This computer"), doctor),
            ("other computers", self.tr("Other computers"), others),
            ("servers elsewhere", self.tr("Servers elsewhere"), elsewhere),
            ("about", self.tr("About"), self._make_about()),
        )
        for name, title, page in pages:
            self._names.append(name)
            tab = button(title, "tab")
            tab.setCheckable(True)
            self._group.addButton(tab, self._stack.addWidget(page))
            tab.clicked.connect(lambda _=False, name=name: self.show_page(name))
            side.addWidget(tab)
        side.addStretch(1)
        body = QHBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(20)
        body.addLayout(side)
        body.addWidget(self._stack, 1)
        self.show_page("general")

    def show_page(self, name: SettingsPage) -> None:
        """Bring a page to the front."""
        index = self._names.index(name)
        self._group.button(index).setChecked(True)
        self._group.button(index).setFocus()
        self._stack.setCurrentIndex(index)
        if self._stack.currentWidget() is self._doctor:
            self._doctor.examine()
        elif self._stack.currentWidget() is self._others:
            self._others.check()

    def _make_general(self, states: ChatStatesCard) -> QWidget:
        values = self._settings.values
        theme = QComboBox()
        for value, text in (
            ("system", self.tr("As the desktop")),
            ("light", self.tr("Light")),
            ("dark", self.tr("Dark")),
            ("light-contrast", self.tr("Light, high contrast")),
            ("dark-contrast", self.tr("Dark, high contrast")),
        ):
            theme.addItem(text, value)
        theme.setCurrentIndex(theme.findData(values.theme))
        theme.activated.connect(lambda _: self._settings.update(theme=theme.currentData()))
        language = QComboBox()
        # A language is named in itself, so that whoever needs it can read it.
        for value, text in (("system", self.tr("As the desktop")), ("en", "English"), ("zh_CN", "简体中文")):
            language.addItem(text, value)
        language.setCurrentIndex(language.findData(values.language))
        language.activated.connect(lambda _: self._settings.update(language=language.currentData()))
        size = QComboBox()
        for percent in ZOOM_STEPS_PERCENT:
            size.addItem(f"{percent} %", percent)
        size.setCurrentIndex(size.findData(values.zoom_percent))
        size.activated.connect(lambda _: self._settings.update(zoom_percent=size.currentData()))
        size.setToolTip(self.tr("Ctrl with plus, minus and 0 changes it too."))
        rate = QDoubleSpinBox()
        rate.setRange(1, 4)
        rate.setDecimals(0)
        rate.setValue(values.telemetry_hz)
        rate.setSuffix(" Hz")
        rate.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        rate.valueChanged.connect(lambda hz: self._settings.update(telemetry_hz=hz))
        keep = QCheckBox(self.tr("Keep the original weights after a build"))
        keep.setChecked(values.keep_original_weights)
        keep.toggled.connect(lambda on: self._settings.update(keep_original_weights=on))
        keep.setToolTip(self.tr("They are needed to build another quantisation without a new download."))
        measure = QCheckBox(self.tr("Measure what quantising cost after each build"))
        measure.setChecked(values.measure_builds)
        measure.toggled.connect(lambda on: self._settings.update(measure_builds=on))
        measure.setToolTip(self.tr("Takes room for the model in full precision meanwhile, and some minutes."))
        weigh = QCheckBox(self.tr("Weigh all types of four bits and less by an importance matrix"))
        weigh.setChecked(values.weigh_builds)
        weigh.toggled.connect(lambda on: self._settings.update(weigh_builds=on))
        weigh.setToolTip(
            self.tr(
                "They answer more like the original. The model reads a text for it, some minutes to hours; "
                "IQ4_XS and Q3_K_M are weighed in any case."
            )
        )
        gate = QDoubleSpinBox()
        gate.setRange(0, 100)
        gate.setDecimals(1)
        gate.setSingleStep(0.1)
        gate.setValue(values.accuracy_loss_gate_percent)
        gate.setSuffix(" %")
        gate.setToolTip(self.tr("By how much the perplexity of a text may grow before a build warns."))
        gate.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        gate.valueChanged.connect(lambda loss: self._settings.update(accuracy_loss_gate_percent=loss))
        form = QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(12)
        for title, field in (
            (self.tr("Colours"), theme),
            (self.tr("Size"), size),
            (self.tr("Language"), language),
            (self.tr("Live measurements"), rate),
            (self.tr("Warn of an accuracy loss above"), gate),
        ):
            field.setAccessibleName(title)
            form.addRow(label(title), field)
        notify = QCheckBox(self.tr("Tell when a long reply ends while another window is in front"))
        notify.setChecked(values.notify_long_replies)
        notify.toggled.connect(lambda on: self._settings.update(notify_long_replies=on))
        form.addRow("", notify)
        form.addRow("", keep)
        form.addRow("", measure)
        form.addRow("", weigh)
        card = Card()
        card.body.addLayout(form)
        folder = Card()
        folder.body.addWidget(label(self.tr("Where your files are"), "caption"))
        folder.body.addWidget(label(str(self._paths.data), "small", wrap=True, selectable=True))
        outgoing = Card()
        outgoing.body.addWidget(label(self.tr("What you send"), "caption"))
        outgoing.body.addWidget(
            label(
                self.tr(
                    "Rules that keep secrets in, and a log of requests and replies. Both are off until you "
                    "switch them on."
                ),
                "small",
                wrap=True,
            )
        )
        filters = button(self.tr("Input filter…"))
        filters.clicked.connect(self.filters_asked)
        audit = button(self.tr("Audit log…"))
        audit.clicked.connect(self.audit_asked)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(filters)
        row.addWidget(audit)
        row.addStretch(1)
        outgoing.body.addLayout(row)
        open_folder = button(self.tr("Open folder"))
        open_folder.clicked.connect(self._open_data_folder)
        folder.body.addWidget(open_folder, 0, Qt.AlignmentFlag.AlignLeft)
        return _page(card, states, outgoing, folder)

    def _make_about(self) -> QWidget:
        card = Card()
        card.body.addWidget(label("Stillroom", "title"))
        version = importlib.metadata.version("stillroom")
        card.body.addWidget(label(self.tr("Version {version}").format(version=version), "muted"))
        card.body.addWidget(
            label(
                self.tr(
                    "Runs DeepSeek-R1 distilled models on your own computer. Nothing leaves it except the "
                    "downloads that you ask for."
                ),
                wrap=True,
            )
        )
        card.body.addWidget(
            label(
                self.tr("MIT licence. Built on llama.cpp, Qt and Python. Models have licences of their own."),
                "small",
                wrap=True,
            )
        )
        return _page(card)

    def _open_data_folder(self) -> None:
        self._paths.data.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._paths.data)))


def _page(*cards: Card) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(12)
    for card in cards:
        column.addWidget(card)
    column.addStretch(1)
    return page
