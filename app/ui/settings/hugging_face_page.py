"""Hugging Face: the access token, a mirror and a proxy, and whether they work."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.base.errors import StillroomError
from app.hub_choices import HubChoices
from app.remote.server_keys import KeyStoreError
from app.settings import SettingsFile
from app.ui.base.add_action import allow
from app.ui.base.bridge import Bridge
from app.ui.widgets.card import Card, button, label, name_field, set_look
from app.ui.widgets.notices import error_text
from models.hub.hub_access import (
    LONGEST_ADDRESS,
    LONGEST_TOKEN,
    HubAccount,
    clean_mirror,
    clean_proxy,
    clean_token,
    environment_mirror,
    environment_token,
    masked,
    reads_along,
)

CheckAccess = Callable[[], HubAccount]


class HuggingFacePage(QWidget):
    """Edits the way to the hub; what is entered holds for the next request. GUI thread.

    `check_access` asks the hub, on a thread of its own, and only when the user says so.
    """

    def __init__(
        self,
        settings: SettingsFile,
        choices: HubChoices,
        bridge: Bridge,
        check_access: CheckAccess,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._choices = choices
        self._bridge = bridge
        self._check_access = check_access
        self._undo: Callable[[], None] | None = None
        self._kept = ""
        self._key_store = asyncio.Lock()
        """One after the other, as they were asked for: the last one is what is shown."""
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        body.addWidget(self._make_token_card())
        body.addWidget(self._make_way_card())
        body.addWidget(self._make_check_card())
        body.addStretch(1)
        self._show_token("")
        self._show_way()
        self._start(self._read_token())

    def _make_token_card(self) -> Card:
        card = Card()
        card.body.addWidget(label(self.tr("Access token"), "title"))
        card.body.addWidget(
            label(
                self.tr(
                    "Most models need none. Private ones, and those whose terms you accepted on their page, "
                    "come only with a token of your account: make one that may read at "
                    "huggingface.co/settings/tokens."
                ),
                wrap=True,
            )
        )
        self.token = QLineEdit()
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setMaxLength(LONGEST_TOKEN)
        self.token.setPlaceholderText("hf_…")
        name_field(self.token, self.tr("Access token"))
        self.token.returnPressed.connect(self._on_keep)
        self.token.textChanged.connect(self._update)
        self.keep = button(self.tr("Keep"), "primary")
        self.keep.clicked.connect(self._on_keep)
        self.remove = button(self.tr("Remove"), "quiet", name=self.tr("Remove the access token"))
        self.remove.clicked.connect(lambda: self._start(self._remove()))
        self.undo_button = button(self.tr("Undo"))
        self.undo_button.clicked.connect(self._on_undo)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.token, 1)
        row.addWidget(self.keep)
        self.kept = label("", "muted", wrap=True)
        kept_row = QHBoxLayout()
        kept_row.setSpacing(8)
        kept_row.addWidget(self.kept, 1)
        kept_row.addWidget(self.undo_button)
        kept_row.addWidget(self.remove)
        card.body.addLayout(row)
        card.body.addLayout(kept_row)
        if environment_token():
            card.body.addWidget(
                label(
                    self.tr(
                        "HF_TOKEN is set in the environment ({token}): it is used, whatever is kept here."
                    ).format(token=masked(environment_token())),
                    "warning",
                    wrap=True,
                )
            )
        return card

    def _make_way_card(self) -> Card:
        card = Card()
        card.body.addWidget(label(self.tr("Mirror and proxy"), "title"))
        self.mirror = self._address_field("https://huggingface.co", self._settings.values.hub_mirror)
        self.mirror.editingFinished.connect(self._on_mirror)
        name_field(self.mirror, self.tr("Mirror"))
        self.proxy = self._address_field(self.tr("The system's own"), self._settings.values.hub_proxy)
        self.proxy.editingFinished.connect(self._on_proxy)
        name_field(self.proxy, self.tr("Proxy"))
        form = QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(12)
        form.addRow(label(self.tr("Mirror")), self.mirror)
        form.addRow(label(self.tr("Proxy")), self.proxy)
        card.body.addLayout(form)
        self.refused = label("", "danger", wrap=True)
        card.body.addWidget(self.refused)
        self.trust = label("", "warning", wrap=True)
        card.body.addWidget(self.trust)
        if environment_mirror():
            card.body.addWidget(
                label(
                    self.tr(
                        "HF_ENDPOINT is set in the environment ({address}): it is used as the mirror."
                    ).format(address=environment_mirror()),
                    "warning",
                    wrap=True,
                )
            )
        return card

    def _make_check_card(self) -> Card:
        card = Card()
        self.check = button(self.tr("Check"), name=self.tr("Check token, mirror and proxy"))
        self.check.clicked.connect(lambda: self._start(self._check()))
        self.checked = label(
            self.tr("Asks the hub whose the token is. Nothing else is sent."),
            "muted",
            wrap=True,
            selectable=True,
        )
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.check)
        row.addWidget(self.checked, 1)
        card.body.addLayout(row)
        return card

    def _address_field(self, placeholder: str, text: str) -> QLineEdit:
        field = QLineEdit(text)
        field.setMaxLength(LONGEST_ADDRESS)
        field.setPlaceholderText(placeholder)
        field.setClearButtonEnabled(True)
        return field

    def _on_keep(self) -> None:
        if not self.keep.isEnabled():
            return
        try:
            token = clean_token(self.token.text())
        except StillroomError as error:
            self._say(error_text(error), "danger")
            return
        self.token.clear()
        self._start(self._keep(token))

    async def _keep(self, token: str) -> None:
        async with self._key_store:
            await self._change(token)

    async def _remove(self) -> None:
        async with self._key_store:
            token = self._kept
            if await self._change(""):
                self._say(self.tr("The token is removed."), undo=lambda: self._start(self._keep(token)))

    async def _change(self, token: str) -> bool:
        try:
            await asyncio.to_thread(self._choices.keep_token, token)
        except KeyStoreError as error:
            self._show_token(token)
            self._say(error_text(error), "danger")
            return False
        self._show_token(token)
        return True

    async def _read_token(self) -> None:
        async with self._key_store:
            self._show_token(await asyncio.to_thread(self._choices.token))

    def _show_token(self, token: str) -> None:
        self._kept = token
        self.remove.setVisible(bool(token))
        self._say(
            self.tr("{token} is kept in this computer's key store.").format(token=masked(token))
            if token
            else self.tr("No token is kept.")
        )
        self._update()

    def _say(self, text: str, look: str = "muted", undo: Callable[[], None] | None = None) -> None:
        self._undo = undo
        self.kept.setText(text)
        set_look(self.kept, look)
        self.undo_button.setVisible(undo is not None)

    def _on_undo(self) -> None:
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()

    def _update(self) -> None:
        allow(self.keep, "" if self.token.text().strip() else self.tr("Paste a token first"))

    def _on_mirror(self) -> None:
        self._take("hub_mirror", self.mirror, clean_mirror)

    def _on_proxy(self) -> None:
        self._take("hub_proxy", self.proxy, clean_proxy)

    def _take(self, setting: str, field: QLineEdit, clean: Callable[[str], str]) -> None:
        try:
            address = clean(field.text())
        except StillroomError as error:
            self.refused.setText(error_text(error))
            self.refused.show()
            return
        field.setText(address)
        self._settings.update(**{setting: address})
        self._show_way()

    def _show_way(self) -> None:
        self.refused.hide()
        mirror = self._settings.values.hub_mirror
        if reads_along(mirror):
            self.trust.setText(
                self.tr("The mirror is asked without encryption: whoever is in between can read the token.")
            )
        else:
            self.trust.setText(
                self.tr("Your token is sent to the mirror too: name only one that you trust with it.")
            )
        self.trust.setVisible(bool(mirror))

    async def _check(self) -> None:
        allow(self.check, self.tr("The hub is being asked"))
        self._tell(self.tr("Asking…"))
        try:
            account = await asyncio.to_thread(self._check_access)
        except StillroomError as error:
            self._tell(error_text(error), "danger")
        else:
            self._tell(self._words(account), "good")
        finally:
            allow(self.check)

    def _words(self, account: HubAccount) -> str:
        if not account.name:
            return self.tr("{host} answers. No token is set: public models need none.").format(
                host=account.host
            )
        if account.source == "environment":
            text = self.tr("{host} answers. The token of HF_TOKEN belongs to {name}.")
        elif account.source == "login":
            text = self.tr(
                "{host} answers. The token of Hugging Face's own login on this computer belongs to {name}."
            )
        else:
            text = self.tr("{host} answers. The token belongs to {name}.")
        return text.format(host=account.host, name=account.name)

    def _tell(self, text: str, look: str = "muted") -> None:
        self.checked.setText(text)
        set_look(self.checked, look)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._bridge.start(work)
        # The dialog may be closed, and its widgets gone, before the answer comes.
        self.destroyed.connect(lambda: task.cancel())
