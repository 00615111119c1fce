"""The local API: on and off, where it listens, its key, and who uses it."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.server.access.addresses import addresses_for_others
from app.server.endpoints.docs_page import example
from app.settings import SettingsFile
from app.ui.base.file_dialogs import FileDialog
from app.ui.base.resource_words import enumerated
from app.ui.base.theme import Theme
from app.ui.settings.api_clients import NAME, ApiClients
from app.ui.settings.server_session import ServerSession
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label, name_field, set_look
from app.ui.widgets.notices import error_text
from app.ui.widgets.scrolled_page import ScrolledDialog, ScrolledPage
from app.ui.widgets.wheel_proof import ComboBox, SpinBox
from app.ui.widgets.wide_column import MeasuredTable

REFRESH_MS = 1000
ROW_PX = 30
PORT_PX = 120
HIDDEN_KEY = "•" * 24


class ServerDialog(ScrolledDialog):
    """Changes apply at once. GUI thread."""

    def __init__(
        self, session: ServerSession, settings: SettingsFile, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._theme = theme
        self._keys_asked = 0
        self._copies = 0
        """Of whatever, by whichever program."""
        QGuiApplication.clipboard().dataChanged.connect(self._on_copied)
        self.setWindowTitle(self.tr("Local API"))
        self.resize(760, 760)
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body.addWidget(scroll)
        inner = ScrolledPage(scroll.viewport())
        scroll.setWidget(inner)
        column = QVBoxLayout(inner)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(12)
        for fill in (self._fill_switch, self._fill_address, self._fill_reach, self._fill_clients):
            card = Card(inner)
            column.addWidget(card)
            fill(card)
        column.addStretch(1)
        session.changed.connect(self._show)
        timer = QTimer(self)
        timer.setInterval(REFRESH_MS)
        timer.timeout.connect(self._show_use)
        timer.start()
        self._show()
        self._show_use()

    def _fill_switch(self, card: Card) -> None:
        card.body.addWidget(label(self.tr("Local API"), "title"))
        card.body.addWidget(
            label(
                self.tr(
                    "Lets editors and scripts use the model that is loaded, by the protocols of OpenAI and "
                    "Ollama. Chats in this window go first."
                ),
                "muted",
                wrap=True,
            )
        )
        self.on = QCheckBox(self.tr("Let programs use the model (over HTTP)"))
        self.on.setChecked(self._settings.values.api_enabled)
        self.on.toggled.connect(lambda on: self._session.set(api_enabled=on))
        self.state = label("", "small", wrap=True, selectable=True)
        self.state.setAccessibleName(self.tr("State of the local API"))
        card.body.addWidget(self.on)
        card.body.addWidget(self.state)

    def _fill_address(self, card: Card) -> None:
        card.body.setSpacing(12)
        form = _form(card)
        self.url = _field(self.tr("Address"))
        copy_url = self._copier(self.tr("Copy the address"), lambda: self.url.text())
        form.addRow(label(self.tr("Address")), _row(card, self.url, copy_url))
        self.key = _field(self.tr("Key"))
        self.key.setText(HIDDEN_KEY)
        self.show_key = button(self.tr("Show"), "quiet", name=self.tr("Show the key"))
        self.show_key.setCheckable(True)
        self.show_key.toggled.connect(self._show_key)
        copy_key = self._key_copier(self.tr("Copy the key"), lambda key: key)
        self.renew = button(
            self.tr("Renew"),
            "quiet",
            name=self.tr("Renew the key"),
            tip=self.tr("Locks out every program that has the key"),
        )
        self.renew.clicked.connect(self._renew)
        form.addRow(label(self.tr("Key")), _row(card, self.key, self.show_key, copy_key, self.renew))
        self.port = SpinBox()
        self.port.setRange(1, 65535)
        self.port.setValue(self._settings.values.api_port)
        self.port.setKeyboardTracking(False)
        self.port.setFixedWidth(PORT_PX)
        self.port.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        self.port.setAccessibleName(self.tr("Port"))
        self.port.valueChanged.connect(lambda port: self._session.set(api_port=port))
        form.addRow(label(self.tr("Port")), self.port)
        self.loads = QCheckBox(self.tr("Load a model that a program asks for"))
        self.loads.setToolTip(self.tr("Otherwise only models that you have loaded answer."))
        self.loads.setChecked(self._settings.values.api_loads_models)
        self.loads.toggled.connect(lambda on: self._session.set(api_loads_models=on))
        card.body.addWidget(self.loads)
        self.example = label("", "small", wrap=True, selectable=True)
        self.example.setStyleSheet("font-family: 'JetBrains Mono';")
        self.example.setAccessibleName(self.tr("Example for a terminal"))
        copy_example = self._key_copier(
            self.tr("Copy the example with the key"), lambda key: example(self._address(), key)
        )
        code = Card(card, look="code", margin_px=12)
        card.body.addWidget(code)
        head = QHBoxLayout()
        code.body.addLayout(head)
        head.addWidget(label(self.tr("EXAMPLE FOR A TERMINAL"), "caption"), 1)
        head.addWidget(copy_example)
        code.body.addWidget(self.example)

    def _fill_reach(self, card: Card) -> None:
        values = self._settings.values
        self.reach = ComboBox()
        self.reach.addItem(self.tr("Programs on this computer only"), False)
        self.reach.addItem(self.tr("Other computers in the network too"), True)
        self.reach.setCurrentIndex(self.reach.findData(values.api_network))
        name_field(self.reach, self.tr("Who can connect"))
        self.reach.activated.connect(lambda _: self._session.set(api_network=self.reach.currentData()))
        self.origins = QLineEdit(", ".join(values.api_origins))
        self.origins.setPlaceholderText("https://example.org")
        self.origins.setAccessibleName(self.tr("Web pages that may call"))
        self.origins.setToolTip(
            self.tr("Addresses of web pages (origins) with commas between them. All others are refused.")
        )
        self.origins.editingFinished.connect(self._on_origins)
        self.certificate, self.private_key = QLineEdit(), QLineEdit()
        self._file_rows: list[QWidget] = []
        self._form = form = _form(card)
        form.addRow(label(self.tr("Who can connect")), self.reach)
        form.addRow(label(self.tr("Web pages that may call")), self.origins)
        for field, name, title in (
            (self.certificate, "api_certificate", self.tr("Certificate")),
            (self.private_key, "api_private_key", self.tr("Private key")),
        ):
            field.setText(getattr(values, name))
            field.setAccessibleName(title)
            field.setPlaceholderText(self.tr("PEM file"))
            field.editingFinished.connect(partial(self._on_file, name, field))
            choose = button(self.tr("Choose…"), "quiet", name=self.tr("Choose: {field}").format(field=title))
            choose.clicked.connect(partial(self._choose, name, field, title))
            row = _row(card, field, choose)
            self._file_rows.append(row)
            form.addRow(label(title), row)
        self.warning = label(
            self.tr(
                "Nothing is encrypted without a certificate: whoever listens on the network reads every "
                "question, every answer and the key. Do this only in a network that you trust."
            ),
            "warning",
            wrap=True,
        )
        self.others = label("", "small", wrap=True, selectable=True)
        self.others.setAccessibleName(self.tr("Addresses for other computers"))
        card.body.addWidget(self.others)
        card.body.addWidget(self.warning)

    def _fill_clients(self, card: Card) -> None:
        figures = QHBoxLayout()
        figures.setSpacing(32)
        card.body.addLayout(figures)
        self.rate, self.running, self.tokens = (label("0", "figure") for _ in range(3))
        for figure, unit in (
            (self.rate, self.tr("requests per second")),
            (self.running, self.tr("replies now")),
            (self.tokens, self.tr("tokens written")),
        ):
            figure.setAccessibleName(unit)
            pair = QVBoxLayout()
            figures.addLayout(pair)
            pair.setSpacing(0)
            pair.addWidget(figure)
            pair.addWidget(label(unit, "small"))
        figures.addStretch(1)
        self.clients = ApiClients(self)
        self.table = MeasuredTable(card)
        self.table.setModel(self.clients)
        self.table.setAccessibleName(self.tr("Programs that use the local API"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.table.setFixedHeight(5 * ROW_PX)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.nobody = label(self.tr("No program that has the key has asked in the last minutes."), "muted")
        card.body.addWidget(self.table)
        card.body.addWidget(self.nobody)

    def _show(self) -> None:
        values, running, error = self._settings.values, self._session.running, self._session.error
        if self._session.busy:
            words, look = self.tr("One moment…"), "muted"
        elif error is not None:
            words, look = error_text(error, "\n"), "danger"
        elif running is not None:
            words, look = self.tr("Listens at {url}").format(url=running.url), "good"
        else:
            words, look = self.tr("Off: no program can connect."), "muted"
        self.state.setText(words)
        set_look(self.state, look)
        self.url.setText(self._address())
        self.example.setText(example(self._address(), self.tr("KEY")))
        self._show_key(self.show_key.isChecked())
        found = addresses_for_others(running) if running is not None and values.api_network else ()
        self.others.setText(
            self.tr("Other computers reach it at {addresses}, where the firewall here lets them.").format(
                addresses=enumerated(found)
            )
        )
        self.others.setVisible(bool(found))
        for row in self._file_rows:
            self._form.setRowVisible(row, values.api_network)
        self.warning.setVisible(
            values.api_network and not (values.api_certificate and values.api_private_key)
        )

    def _show_use(self) -> None:
        stats = self._session.stats
        self.rate.setText(f"{stats.requests_per_s:.1f}")
        self.running.setText(f"{stats.running:,}")
        self.tokens.setText(f"{stats.completion_tokens:,}")
        self.clients.show_clients(stats.clients)
        self.table.setVisible(bool(stats.clients))
        self.nobody.setVisible(not stats.clients)

    def _address(self) -> str:
        running, values = self._session.running, self._settings.values
        if running is not None:
            return running.url
        scheme = "https" if values.api_certificate and values.api_private_key else "http"
        return f"{scheme}://127.0.0.1:{values.api_port}"

    def _show_key(self, shown: bool) -> None:
        self.show_key.setText(self.tr("Hide") if shown else self.tr("Show"))
        self.show_key.setAccessibleName(self.tr("Hide the key") if shown else self.tr("Show the key"))
        self._keys_asked += 1
        if not shown:
            self.key.setText(HIDDEN_KEY)
            return
        number = self._keys_asked

        def show(key: str) -> None:
            # Else it is hidden by now, or another one.
            if number == self._keys_asked:
                self.key.setText(key)

        self._session.give_key(show)

    def _renew(self) -> None:
        self._session.renew_key()

    def _on_origins(self) -> None:
        origins = [origin.strip().rstrip("/") for origin in self.origins.text().split(",")]
        self._session.set(api_origins=tuple(origin for origin in origins if origin))

    def _on_file(self, name: str, field: QLineEdit) -> None:
        self._session.set(**{name: field.text().strip()})

    def _choose(self, name: str, field: QLineEdit, title: str) -> None:
        chooser = FileDialog(self, title, "", self.tr("PEM files (*.pem *.crt *.cer *.key);;All files (*)"))
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def take(path: str) -> None:
            field.setText(path)
            self._on_file(name, field)

        chooser.fileSelected.connect(take)
        chooser.open()

    def _copier(self, name: str, text: Callable[[], str]) -> QPushButton:
        made = button("", "quiet", icon=self._theme.icon("copy"), name=name)
        made.clicked.connect(lambda: QGuiApplication.clipboard().setText(text()))
        return made

    def _key_copier(self, name: str, words: Callable[[str], str]) -> QPushButton:
        clipboard = QGuiApplication.clipboard()
        made = button("", "quiet", icon=self._theme.icon("copy"), name=name)

        def copy() -> None:
            before = self._copies

            def take(key: str) -> None:
                # Else something was copied since, which would be lost.
                if self._copies == before:
                    clipboard.setText(words(key))

            self._session.give_key(take)

        made.clicked.connect(copy)
        return made

    def _on_copied(self) -> None:
        self._copies += 1


def _field(name: str) -> QLineEdit:
    made = QLineEdit()
    made.setReadOnly(True)
    made.setAccessibleName(name)
    return made


def _form(card: Card) -> QFormLayout:
    form = QFormLayout()
    card.body.addLayout(form)
    form.setHorizontalSpacing(24)
    form.setVerticalSpacing(12)
    return form


def _row(place: QWidget, *widgets: QWidget) -> QWidget:
    made = QWidget(place)
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QPushButton | QLabel) else 1)
    return made
