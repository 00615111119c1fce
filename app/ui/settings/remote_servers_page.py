"""Servers elsewhere: which ones, what they offer, and a key for each."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.remote.remote_server import (
    ElsewhereError,
    ElsewhereModel,
    ElsewhereServer,
    clean_url,
    sends_in_the_clear,
)
from app.remote.server_keys import KeyStoreError, ServerKeys
from app.settings import SettingsFile
from app.ui.base.add_action import allow
from app.ui.base.bridge import Bridge
from app.ui.base.resource_words import enumerated
from app.ui.base.theme import Theme
from app.ui.settings.removable_list import CardList
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.notices import error_text

FetchModels = Callable[[ElsewhereServer, str], tuple[ElsewhereModel, ...]]
NAMED_MODELS = 3


class ServersElsewherePage(QWidget):
    """Edits the servers in the settings; changes apply at once. GUI thread.

    `fetch_models` asks a server, on a thread of its own, and only when the user says so.
    """

    def __init__(
        self,
        settings: SettingsFile,
        keys: ServerKeys,
        theme: Theme,
        bridge: Bridge,
        fetch_models: FetchModels,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._keys = keys
        self._theme = theme
        self._bridge = bridge
        self._fetch_models = fetch_models
        self._undo: Callable[[], None] | None = None
        self._is_adding = False
        self._acts = 0
        """The number of what the user has done last, which alone is told of."""
        self._cards = CardList()
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        body.addWidget(self._make_explanation())
        body.addWidget(self._make_entry())
        body.addWidget(self._cards, 1)
        self._show()

    @property
    def servers(self) -> tuple[ElsewhereServer, ...]:
        """Those in the settings."""
        return self._settings.values.elsewhere

    def _make_explanation(self) -> Card:
        card = Card()
        card.body.addWidget(label(self.tr("Servers elsewhere"), "title"))
        card.body.addWidget(
            label(
                self.tr(
                    "The models of an OpenAI-compatible server (llama-server, vLLM, another Stillroom) can "
                    "be chosen at the top of the window, marked as not on this computer."
                ),
                wrap=True,
            )
        )
        card.body.addWidget(
            label(
                self.tr(
                    "What you send to such a model leaves this computer: your messages, the chat before them "
                    "and documents. You are asked once for each server. The input filter applies to it too."
                ),
                "warning",
                wrap=True,
            )
        )
        return card

    def _make_entry(self) -> Card:
        card = Card()
        self.address = QLineEdit()
        self.address.setAccessibleName(self.tr("Address of the server"))
        self.address.setPlaceholderText("http://192.168.1.20:8000")
        self.key = QLineEdit()
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.key.setAccessibleName(self.tr("Key of the server"))
        self.key.setPlaceholderText(self.tr("Key, if it wants one"))
        self.add = button(self.tr("Add"), "primary")
        for field in (self.address, self.key):
            field.returnPressed.connect(self._on_add)
        self.address.textChanged.connect(self._update_add)
        self.add.clicked.connect(self._on_add)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.address, 3)
        row.addWidget(self.key, 2)
        row.addWidget(self.add)
        card.body.addLayout(row)
        self.said = label("", "muted", wrap=True)
        self.undo_button = button(self.tr("Undo"))
        self.undo_button.clicked.connect(self._on_undo)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.said, 1)
        foot.addWidget(self.undo_button)
        card.body.addLayout(foot)
        self._say("")
        self._update_add()
        return card

    def _update_add(self) -> None:
        if self._is_adding:
            allow(self.add, self.tr("A server is being asked"))
        else:
            allow(self.add, "" if self.address.text().strip() else self.tr("Type an address first"))

    def _on_add(self) -> None:
        if not self.add.isEnabled():
            return
        try:
            url = clean_url(self.address.text())
        except ElsewhereError as error:
            self._refuse(error, self._begin_act(""))
            return
        present = next((server for server in self.servers if server.url == url), None)
        made = present or ElsewhereServer(id=secrets.token_hex(4), name="", url=url)
        self._start(self._take(made, self.key.text().strip()))

    async def _take(self, server: ElsewhereServer, key: str) -> None:
        """Ask a server what it offers, and keep it with its key."""
        typed = self.address.text(), self.key.text()
        was_there = self._now(server) is not None
        self._is_adding = True
        self._update_add()
        act = self._begin_act(self.tr("Asking {host}…").format(host=server.host))
        try:
            models = await asyncio.to_thread(self._fetch_models, server, key)
        except ElsewhereError as error:
            self._refuse(error, act)
            return
        finally:
            self._is_adding = False
            self._update_add()
        now = self._now(server)
        if was_there and now is None:
            # The user has removed it meanwhile.
            return
        self._put(msgspec.structs.replace(now or server, models=models))
        if (self.address.text(), self.key.text()) == typed:
            self.address.clear()
            self.key.clear()
        self._tell(act, self.tr("{host} is in the list of models.").format(host=server.host))
        await self._keep_key(server, key, act)

    async def _keep_key(self, server: ElsewhereServer, key: str, act: int) -> None:
        try:
            await asyncio.to_thread(self._keys.keep, server.id, key)
        except KeyStoreError as error:
            if key:
                self._refuse(error, act)

    async def _refresh(self, server: ElsewhereServer) -> None:
        act = self._begin_act(self.tr("Asking {host}…").format(host=server.host))
        try:
            key = await asyncio.to_thread(self._keys.of, server.id)
            models = await asyncio.to_thread(self._fetch_models, server, key)
        except ElsewhereError as error:
            self._refuse(error, act)
            return
        now = self._now(server)
        if now is not None:
            # Else the user has removed it meanwhile.
            self._put(msgspec.structs.replace(now, models=models))
            self._tell(act, "")

    async def _remove(self, server: ElsewhereServer) -> None:
        act = self._begin_act("")
        key = await asyncio.to_thread(self._keys.of, server.id)
        removed = self._now(server)
        if removed is None:
            # It was pressed twice.
            return
        self._save([each for each in self.servers if each.id != server.id])
        await self._keep_key(server, "", act)

        def put_back() -> None:
            self._put(removed)
            self._start(self._keep_key(removed, key, self._begin_act("")))

        # With the way back, whatever else was asked for meanwhile.
        self._say(self.tr("{host} is removed, and its key with it.").format(host=server.host), undo=put_back)

    def _now(self, server: ElsewhereServer) -> ElsewhereServer | None:
        """Return a server as it is in the settings by now; None where it is not in them."""
        return next((each for each in self.servers if each.id == server.id), None)

    def _put(self, server: ElsewhereServer) -> None:
        """Save a server in its own place, or at the end."""
        if any(each.id == server.id for each in self.servers):
            self._save([server if each.id == server.id else each for each in self.servers])
        else:
            self._save([*self.servers, server])

    def _save(self, servers: Sequence[ElsewhereServer]) -> None:
        self._settings.change(elsewhere=tuple(servers))
        self._show()

    def _on_undo(self) -> None:
        undo = self._undo
        self._say("")
        if undo is not None:
            undo()

    def _begin_act(self, text: str) -> int:
        """Say what is done from now on; what comes of earlier acts is not told any more."""
        self._acts += 1
        self._say(text)
        return self._acts

    def _refuse(self, error: ElsewhereError, act: int) -> None:
        self._tell(act, error_text(error), "danger")

    def _tell(self, act: int, text: str, look: str = "muted") -> None:
        if act == self._acts:
            self._say(text, look)

    def _say(self, text: str, look: str = "muted", undo: Callable[[], None] | None = None) -> None:
        self._undo = undo
        self.said.setText(text)
        self.said.setVisible(bool(text))
        set_look(self.said, look)
        self.undo_button.setVisible(undo is not None)

    def _show(self) -> None:
        self._cards.clear()
        for server in self.servers:
            self._add_card(server)

    def _add_card(self, server: ElsewhereServer) -> None:
        names = [model.name for model in server.models]
        more = len(names) - NAMED_MODELS
        words = enumerated(names[:NAMED_MODELS])
        if more > 0:
            words = self.tr("{models} and {count} more").format(models=words, count=more)
        lines = [label(server.url, selectable=True), label(words, "small", wrap=True)]
        if sends_in_the_clear(server.url):
            lines.append(
                label(self.tr("Not encrypted: whoever is in between can read along."), "warning", wrap=True)
            )
        refresh = button(
            self.tr("Refresh"),
            "quiet",
            name=self.tr("Ask {host} for its models again").format(host=server.host),
        )
        refresh.clicked.connect(lambda: self._start(self._refresh(server)))
        remove = button(
            self.tr("Remove"), "quiet", name=self.tr("Remove {address}").format(address=server.host)
        )
        remove.clicked.connect(lambda: self._start(self._remove(server)))
        self._cards.add(self._theme.icon("cloud", "warning"), lines, [refresh, remove])

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._bridge.start(work)
        # The dialog may be closed, and its widgets gone, before the answer comes.
        self.destroyed.connect(lambda: task.cancel())
