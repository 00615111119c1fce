"""Other computers that take a part of a model: which ones, what they have free, and when they help."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.engine.protocol import Device, DevicesListed, LoadSettings, RpcProblem, RpcServer
from app.engine.rpc.rpc_address import DEFAULT_PORT, NotLocal, RpcError, parse_address
from app.settings import SettingsFile
from app.ui.base.add_action import allow
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Role, Theme
from app.ui.settings.removable_list import CardList
from app.ui.widgets.card import Card, button, label, name_field, set_look
from app.ui.widgets.notices import error_text, filled
from app.ui.widgets.wheel_proof import ComboBox
from models.system.units import byte_count

ListDevices = Callable[[Sequence[RpcServer]], Awaitable[DevicesListed]]
CheckAddress = Callable[[RpcServer], Awaitable[object]]


class OtherComputersPage(QWidget):
    """Edits the computers in `LoadSettings`; changes apply at once, to the next model that is loaded.

    `list_devices` asks the engine; `check_address` is `rpc_address.numeric_endpoint` off the GUI thread.
    """

    def __init__(
        self,
        settings: SettingsFile,
        theme: Theme,
        bridge: Bridge,
        list_devices: ListDevices,
        check_address: CheckAddress,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._theme = theme
        self._bridge = bridge
        self._list_devices = list_devices
        self._check_address = check_address
        self._cards = CardList()
        self._insisted = ""
        self._is_adding = False
        self._asked = 0
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        body.addWidget(self._make_explanation())
        body.addWidget(self._make_entry())
        body.addWidget(self._cards, 1)
        self._show({}, {})

    def check(self) -> None:
        """Ask each computer again and show what it answers."""
        if self._servers:
            self._start(self._ask())

    @property
    def _load(self) -> LoadSettings:
        return self._settings.values.load

    @property
    def _servers(self) -> tuple[RpcServer, ...]:
        return self._load.rpc_servers

    def _make_explanation(self) -> Card:
        card = Card()
        card.body.addWidget(label(self.tr("Other computers"), "title"))
        card.body.addWidget(
            label(
                self.tr(
                    "They take a part of a model that is too large for this computer. Each runs llama.cpp's "
                    "rpc-server; where Stillroom is installed, “stillroom lend” starts it."
                ),
                wrap=True,
            )
        )
        card.body.addWidget(
            label(
                self.tr(
                    "The connection has neither password nor encryption. Whoever is in the same network can "
                    "read along and use these computers: do this only in a network that you trust."
                ),
                "warning",
                wrap=True,
            )
        )
        self._use = ComboBox()
        name_field(self._use, self.tr("When other computers help"))
        self._use.addItem(self.tr("Only with a model that is too large for this computer"), "too_large")
        self._use.addItem(self.tr("With every model"), "always")
        self._use.setCurrentIndex(self._use.findData(self._load.rpc_use))
        self._use.activated.connect(lambda _: self._save(rpc_use=self._use.currentData()))
        card.body.addWidget(self._use, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def _make_entry(self) -> Card:
        card = Card()
        self._address = QLineEdit()
        self._address.setObjectName("rpc-address")
        self._address.setAccessibleName(self.tr("Address of the other computer"))
        self._address.setPlaceholderText(f"192.168.1.20:{DEFAULT_PORT}")
        self._address.returnPressed.connect(self._on_add)
        self._address.textEdited.connect(self._on_edited)
        self._address.textChanged.connect(self._update_add)
        self._add = button(self.tr("Add"), "primary")
        self._add.setObjectName("rpc-add")
        self._add.clicked.connect(self._on_add)
        row = QHBoxLayout()
        row.addWidget(self._address, 1)
        row.addWidget(self._add)
        card.body.addLayout(row)
        self._refusal = label("", "danger", wrap=True)
        self._refusal.setObjectName("rpc-refusal")
        self._refusal.hide()
        card.body.addWidget(self._refusal)
        self._update_add()
        return card

    def _on_edited(self) -> None:
        self._insisted = ""
        self._refusal.hide()
        self._add.setText(self.tr("Add"))

    def _update_add(self) -> None:
        if self._is_adding:
            allow(self._add, self.tr("A computer is being asked"))
        else:
            allow(self._add, "" if self._address.text().strip() else self.tr("Type an address first"))

    def _on_add(self) -> None:
        if not self._add.isEnabled():
            return
        address = self._address.text().strip()
        insists = self._insisted == address
        try:
            parse_address(address)
        except RpcError as error:
            self._refuse(error)
            return
        self._start(self._take(RpcServer(address, anywhere=insists)))

    async def _take(self, server: RpcServer) -> None:
        self._is_adding = True
        self._update_add()
        try:
            await self._check_address(server)
        except RpcError as error:
            if self._address.text().strip() != server.address:
                # Another one is being typed, which this says nothing of.
                return
            self._refuse(error)
            if isinstance(error, NotLocal):
                self._insisted = server.address
                self._add.setText(self.tr("Add it all the same"))
            return
        finally:
            self._is_adding = False
            self._update_add()
        others = tuple(each for each in self._servers if each.address != server.address)
        self._save(rpc_servers=(*others, server))
        if self._address.text().strip() == server.address:
            self._address.clear()
            self._on_edited()
        await self._ask()

    def _refuse(self, error: RpcError) -> None:
        self._refusal.setText(error_text(error, "\n"))
        self._refusal.show()

    async def _ask(self) -> None:
        self._asked += 1
        number = self._asked
        self._show({}, {})
        listed = await self._list_devices(self._servers)
        if number != self._asked:
            # Others are asked by now.
            return
        devices: dict[str, list[Device]] = {}
        for device in listed.devices:
            if device.backend == "RPC":
                devices.setdefault(device.description, []).append(device)
        self._show(devices, {problem.address: problem for problem in listed.problems})

    def _remove(self, address: str) -> None:
        self._save(rpc_servers=tuple(each for each in self._servers if each.address != address))
        self._show({}, {})
        self.check()

    def _save(self, **changes: object) -> None:
        self._settings.change(load=msgspec.structs.replace(self._load, **changes))

    def _show(self, devices: dict[str, list[Device]], problems: dict[str, RpcProblem]) -> None:
        self._cards.clear()
        for server in self._servers:
            problem = problems.get(server.address)
            found = devices.get(server.address, [])
            if problem is not None:
                words = f"{filled(problem.message, problem.values)} {filled(problem.hint, problem.values)}"
                self._add_card(server, "warning", "warning", words)
            elif found:
                words = self.tr("{free} of {total} of memory free").format(
                    free=byte_count(sum(device.memory_free_bytes for device in found)),
                    total=byte_count(sum(device.memory_total_bytes for device in found)),
                )
                self._add_card(server, "desktop", "good", words)
            else:
                self._add_card(server, "desktop", "muted", self.tr("Asking…"))

    def _add_card(self, server: RpcServer, icon: str, role: Role, words: str) -> None:
        state = label(words, "small", wrap=True, selectable=True)
        if role == "warning":
            set_look(state, "warning")
        lines = [label(server.address, selectable=True), state]
        if server.anywhere:
            lines.append(label(self.tr("Outside the local network, allowed by you"), "warning", wrap=True))
        remove = button(
            self.tr("Remove"), "quiet", name=self.tr("Remove {address}").format(address=server.address)
        )
        remove.clicked.connect(lambda: self._remove(server.address))
        self._cards.add(self._theme.icon(icon, role), lines, [remove])

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._bridge.start(work)
        # The dialog may be closed, and its widgets gone, before the answer comes.
        self.destroyed.connect(lambda: task.cancel())
