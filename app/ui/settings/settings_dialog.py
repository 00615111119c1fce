"""Settings, the doctor's page, and what this program is."""

import importlib.metadata
from dataclasses import dataclass
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
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.base.paths import AppPaths
from app.settings import SettingsFile
from app.ui.base.plain_text import set_tip
from app.ui.settings.chat_states_card import ChatStatesCard
from app.ui.settings.doctor_page import DoctorPage
from app.ui.settings.general_rows import ChoiceRow, GeneralRow, GeneralRows, NumberRow, SwitchRow
from app.ui.settings.hugging_face_page import HuggingFacePage
from app.ui.settings.models_folder_card import ModelsFolderCard
from app.ui.settings.other_computers_page import OtherComputersPage
from app.ui.settings.remote_servers_page import ServersElsewherePage
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label, name_field
from app.ui.widgets.scrolled_page import ScrolledPage

SettingsPage = Literal[
    "general",
    "this computer",
    "models folder",
    "hugging face",
    "other computers",
    "servers elsewhere",
    "about",
]


@dataclass(frozen=True, slots=True)
class SettingsCards:
    """Cards that are made elsewhere for pages of the settings."""

    folder: ModelsFolderCard
    hub: HuggingFacePage
    states: ChatStatesCard


class SettingsDialog(QDialog):
    """Changes apply at once. The theme and language observers of `settings` do the rest."""

    filters_asked = Signal()
    audit_asked = Signal()
    api_asked = Signal()

    def __init__(
        self,
        settings: SettingsFile,
        paths: AppPaths,
        doctor: DoctorPage,
        others: OtherComputersPage,
        elsewhere: ServersElsewherePage,
        cards: SettingsCards,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._paths = paths
        self._doctor = doctor
        self._others = others
        self.setWindowTitle(self.tr("Settings"))
        self.resize(800, 620)
        self._stack = QStackedWidget(self)
        self._group = QButtonGroup(self)
        side = QVBoxLayout()
        side.setSpacing(4)
        self._names: list[SettingsPage] = []
        pages: tuple[tuple[SettingsPage, str, QWidget], ...] = (
            ("general", self.tr("General"), self._make_general(cards.states)),
            ("this computer", self.tr("This computer"), doctor),
            ("models folder", self.tr("Models folder"), self._page(cards.folder)),
            ("hugging face", "Hugging Face", cards.hub),
            ("other computers", self.tr("Other computers"), others),
            ("servers elsewhere", self.tr("Servers elsewhere"), elsewhere),
            ("about", self.tr("About"), self._make_about()),
        )
        self._pages = pages
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

    @property
    def pages(self) -> list[tuple[SettingsPage, str, QWidget]]:
        """The pages with their keys and titles, in their order."""
        return list(self._pages)

    @property
    def page(self) -> SettingsPage:
        """The page in front."""
        return self._names[self._stack.currentIndex()]

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
        form = QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(12)
        for each in GeneralRows().rows():
            field = self._field(each)
            set_tip(field, each.tip)
            if isinstance(each, SwitchRow):
                form.addRow(field)
            else:
                name_field(field, each.title)
                form.addRow(label(each.title, wrap=True), field)
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
        others = Card()
        others.body.addWidget(label(self.tr("For other programs"), "caption"))
        others.body.addWidget(
            label(
                self.tr(
                    "Editors and scripts on this computer can ask the loaded model, by the protocols of "
                    "OpenAI and Ollama. Off until you switch it on."
                ),
                "small",
                wrap=True,
            )
        )
        api = button(self.tr("Local API…"))
        api.clicked.connect(self.api_asked)
        others.body.addWidget(api, 0, Qt.AlignmentFlag.AlignLeft)
        open_folder = button(self.tr("Open folder"))
        open_folder.clicked.connect(self._open_data_folder)
        folder.body.addWidget(open_folder, 0, Qt.AlignmentFlag.AlignLeft)
        return self._page(card, states, outgoing, others, folder)

    def _field(self, row: GeneralRow) -> QWidget:
        """The field of a row, which changes its setting at once."""
        settings = self._settings
        value = getattr(settings.values, row.key)
        match row:
            case ChoiceRow():
                choice = QComboBox()
                for each, text in row.values:
                    choice.addItem(text, each)
                choice.setCurrentIndex(choice.findData(value))
                choice.activated.connect(lambda _: settings.update(**{row.key: choice.currentData()}))
                return choice
            case NumberRow():
                number = QDoubleSpinBox()
                number.setRange(row.lowest, row.highest)
                number.setDecimals(row.decimals)
                number.setSingleStep(row.step)
                number.setSuffix(row.suffix)
                number.setValue(value)
                number.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
                number.valueChanged.connect(lambda new: settings.update(**{row.key: new}))
                return number
            case SwitchRow():
                switch = QCheckBox(row.title)
                switch.setChecked(value)
                switch.toggled.connect(lambda on: settings.update(**{row.key: on}))
                return switch

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
        return self._page(card)

    def _open_data_folder(self) -> None:
        self._paths.data.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._paths.data)))

    def _page(self, *cards: Card) -> QWidget:
        """Put cards one below the other, to be scrolled where the dialog is lower than they are."""
        area = QScrollArea(self._stack)
        page = ScrolledPage(area.viewport())
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        for card in cards:
            column.addWidget(card)
        column.addStretch(1)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(page)
        return area
