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
        return card

    def _on_add(self) -> None:
        if not self.address.text().strip() or not self.add.isEnabled():
            return
        try:
            url = clean_url(self.address.text())
        except ElsewhereError as error:
            self._refuse(error)
            return
        present = next((server for server in self.servers if server.url == url), None)
        made = present or ElsewhereServer(id=secrets.token_hex(4), name="", url=url)
        self._start(self._take(made, self.key.text().strip()))

    async def _take(self, server: ElsewhereServer, key: str) -> None:
        """Ask a server what it offers, and keep it with its key."""
        self.add.setEnabled(False)
        self._say(self.tr("Asking {host}…").format(host=server.host))
        try:
            models = await asyncio.to_thread(self._fetch_models, server, key)
        except ElsewhereError as error:
            self._refuse(error)
            return
        finally:
            self.add.setEnabled(True)
        self._put(msgspec.structs.replace(server, models=models))
        self.address.clear()
        self.key.clear()
        self._say(self.tr("{host} is in the list of models.").format(host=server.host))
        await self._keep_key(server, key)

    async def _keep_key(self, server: ElsewhereServer, key: str) -> None:
        try:
            await asyncio.to_thread(self._keys.keep, server.id, key)
        except KeyStoreError as error:
            if key:
                self._refuse(error)

    async def _refresh(self, server: ElsewhereServer) -> None:
        self._say(self.tr("Asking {host}…").format(host=server.host))
        try:
            key = await asyncio.to_thread(self._keys.of, server.id)
            models = await asyncio.to_thread(self._fetch_models, server, key)
        except ElsewhereError as error:
            self._refuse(error)
            return
        self._put(msgspec.structs.replace(server, models=models))
        self._say("")

    async def _remove(self, server: ElsewhereServer) -> None:
        key = await asyncio.to_thread(self._keys.of, server.id)
        self._save([each for each in self.servers if each.id != server.id])
        await self._keep_key(server, "")

        def put_back() -> None:
            self._put(server)
            self._start(self._keep_key(server, key))

        self._say(self.tr("{host} is removed, and its key with it.").format(host=server.host), undo=put_back)

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

    def _refuse(self, error: ElsewhereError) -> None:
        self._say(error_text(error), "danger")

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
