"""Settings, the doctor's page, and what this program is."""

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
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
from app.ui.base.offers import reveal
from app.ui.base.plain_text import set_tip
from app.ui.settings.chat_states_card import ChatStatesCard
from app.ui.settings.doctor_page import DoctorPage
from app.ui.settings.general_rows import ChoiceRow, GeneralRow, GeneralRows, NumberRow, SwitchRow
from app.ui.settings.hugging_face_page import HuggingFacePage
from app.ui.settings.models_folder_card import ModelsFolderCard
from app.ui.settings.other_computers_page import OtherComputersPage
from app.ui.settings.remote_servers_page import ServersElsewherePage
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label, name_field
from app.ui.widgets.push_buttons import ButtonRow
from app.ui.widgets.scrolled_page import BESIDE_BAR_PX, ScrolledDialog, ScrolledPage
from app.ui.widgets.wheel_proof import ComboBox, DoubleSpinBox

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
class SettingsMakers:
    """Make what of the settings needs more than they have, in the widget that is given."""

    states: Callable[[QWidget], ChatStatesCard]
    doctor: Callable[[QWidget], DoctorPage]
    folder: Callable[[QWidget], ModelsFolderCard]
    hub: Callable[[QWidget], HuggingFacePage]
    others: Callable[[QWidget], OtherComputersPage]
    elsewhere: Callable[[QWidget], ServersElsewherePage]


@dataclass(frozen=True, slots=True)
class SettingsPlace:
    """Where somebody is in the settings, whatever their language."""

    page: SettingsPage
    control: int | None
    """The one of the page that has the keyboard, by its number; None for the list of pages."""


class SettingsDialog(ScrolledDialog):
    """Changes apply at once. The theme and language observers of `settings` do the rest.

    Each page is made when it is first shown, as all of them together take a while. GUI thread.
    """

    filters_asked = Signal()
    audit_asked = Signal()
    api_asked = Signal()

    def __init__(
        self,
        settings: SettingsFile,
        paths: AppPaths,
        makers: SettingsMakers,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._paths = paths
        self.setWindowTitle(self.tr("Settings"))
        self.resize(800, 620)
        self._stack = QStackedWidget(self)
        self._group = ButtonRow(self)
        side = QVBoxLayout()
        side.setSpacing(4)
        self._titles: dict[SettingsPage, str] = {
            "general": self.tr("General"),
            "this computer": self.tr("This computer"),
            "models folder": self.tr("Models folder"),
            "hugging face": "Hugging Face",
            "other computers": self.tr("Other computers"),
            "servers elsewhere": self.tr("Servers elsewhere"),
            "about": self.tr("About"),
        }
        self._makers: dict[SettingsPage, Callable[[QWidget], QWidget]] = {
            "general": partial(self._make_general, makers.states),
            "this computer": makers.doctor,
            "models folder": partial(self._make_folder, makers.folder),
            "hugging face": makers.hub,
            "other computers": makers.others,
            "servers elsewhere": makers.elsewhere,
            "about": self._make_about,
        }
        self._pages: dict[SettingsPage, QWidget] = {}
        self._names = list(self._titles)
        self._places = [_Place(self._stack) for _ in self._names]
        for place, (name, title) in zip(self._places, self._titles.items(), strict=True):
            tab = button(title, "tab")
            tab.setCheckable(True)
            self._group.addButton(tab, self._stack.addWidget(place))
            tab.clicked.connect(lambda _=False, name=name: self.show_page(name))
            side.addWidget(tab)
        side.addStretch(1)
        body = QHBoxLayout(self)
        body.setContentsMargins(20, 20, 20 - BESIDE_BAR_PX, 20)
        body.setSpacing(20)
        body.addLayout(side)
        body.addWidget(self._stack, 1)

    @property
    def titles(self) -> dict[SettingsPage, str]:
        """The titles of the pages, in their order."""
        return dict(self._titles)

    @property
    def pages(self) -> list[QWidget]:
        """All pages in their order, made now as far as they were not needed before."""
        return [self.page_of(name) for name in self._names]

    def page_of(self, name: SettingsPage) -> QWidget:
        """Return a page, made now if it was never needed."""
        if name not in self._pages:
            place = self._places[self._names.index(name)]
            self._pages[name] = self._makers[name](place)
            place.room.addWidget(self._pages[name])
            if isinstance(self._pages[name], (QScrollArea, DoctorPage)):
                # These leave the gap beside their cards: the bar stands in the edge of the dialog.
                place.room.setContentsMargins(0, 0, 0, 0)
        return self._pages[name]

    @property
    def page(self) -> SettingsPage:
        """The page in front."""
        return self._names[self._stack.currentIndex()]

    def show_page(self, name: SettingsPage) -> None:
        """Bring a page to the front."""
        page = self.page_of(name)
        index = self._names.index(name)
        self._group.button(index).setChecked(True)
        self._group.button(index).setFocus()
        self._stack.setCurrentIndex(index)
        if isinstance(page, DoctorPage):
            page.examine()
        elif isinstance(page, OtherComputersPage):
            page.check()

    @property
    def place(self) -> SettingsPlace:
        """The page in front, and what has the keyboard there."""
        focused = self.focusWidget()
        controls = _controls(self.page_of(self.page))
        return SettingsPlace(self.page, controls.index(focused) if focused in controls else None)

    def go_to(self, control: int) -> None:
        """Let the keyboard go on at a control of the page in front, unless it cannot be used now."""
        controls = _controls(self.page_of(self.page))
        if control < len(controls) and controls[control].isEnabled():
            reveal(controls[control])

    def _make_general(self, states: Callable[[QWidget], ChatStatesCard], place: QWidget) -> QWidget:
        area, inside, column = _scrolled(place)
        form = QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(12)
        for row_of in GeneralRows().rows():
            field = self._field(row_of)
            set_tip(field, row_of.tip)
            if isinstance(row_of, SwitchRow):
                form.addRow(field)
            else:
                name_field(field, row_of.title)
                form.addRow(label(row_of.title, wrap=True), field)
        card = Card(inside)
        card.body.addLayout(form)
        column.addWidget(card)
        column.addWidget(states(inside))
        outgoing, others, folder = Card(inside), Card(inside), Card(inside)
        for each in (outgoing, others, folder):
            column.addWidget(each)
        column.addStretch(1)
        folder.body.addWidget(label(self.tr("Where your files are"), "title"))
        folder.body.addWidget(label(str(self._paths.data), "small", wrap=True, selectable=True))
        outgoing.body.addWidget(label(self.tr("What you send"), "title"))
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
        others.body.addWidget(label(self.tr("For other programs"), "title"))
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
        return area

    def _field(self, row: GeneralRow) -> QWidget:
        """The field of a row, which changes its setting at once."""
        settings = self._settings
        value = getattr(settings.values, row.key)
        match row:
            case ChoiceRow():
                choice = ComboBox()
                for each, text in row.values:
                    choice.addItem(text, each)
                choice.setCurrentIndex(choice.findData(value))
                choice.activated.connect(lambda _: settings.change(**{row.key: choice.currentData()}))
                return choice
            case NumberRow():
                number = DoubleSpinBox()
                number.setRange(row.lowest, row.highest)
                number.setDecimals(row.decimals)
                number.setSingleStep(row.step)
                number.setSuffix(row.suffix)
                number.setValue(value)
                number.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
                number.valueChanged.connect(lambda new: settings.change(**{row.key: new}))
                return number
            case SwitchRow():
                switch = QCheckBox(row.title)
                switch.setChecked(value)
                switch.toggled.connect(lambda on: settings.change(**{row.key: on}))
                return switch

    def _make_folder(self, make: Callable[[QWidget], ModelsFolderCard], place: QWidget) -> QWidget:
        area, inside, column = _scrolled(place)
        column.addWidget(make(inside))
        column.addStretch(1)
        return area

    def _make_about(self, place: QWidget) -> QWidget:
        area, inside, column = _scrolled(place)
        card = Card(inside)
        column.addWidget(card)
        column.addStretch(1)
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
        return area

    def _open_data_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._paths.data)))


class _Place(QWidget):
    """Holds a page once it is made."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.room = QVBoxLayout(self)
        self.room.setContentsMargins(0, 0, BESIDE_BAR_PX, 0)


def _controls(page: QWidget) -> list[QWidget]:
    """List what can have the keyboard on a page, in the order in which it was made."""
    return [each for each in page.findChildren(QWidget) if each.focusPolicy() != Qt.FocusPolicy.NoFocus]


def _scrolled(place: QWidget) -> tuple[QScrollArea, QWidget, QVBoxLayout]:
    """Make room for cards one below the other, to be scrolled where the dialog is lower than they are: the
    area, what it scrolls, and the layout of that."""
    area = QScrollArea(place)
    page = ScrolledPage(area.viewport())
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, BESIDE_BAR_PX, 0)
    column.setSpacing(12)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(page)
    return area, page, column
