"""Choosing a model that is not on this computer: asked once for each server, before anything goes there."""

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from app.remote.model_info import elsewhere_info
from app.remote.remote_server import ElsewhereModel, ElsewhereServer, sends_in_the_clear
from app.settings import SettingsFile
from app.ui.base.engine_session import EngineSession


class ElsewhereChoice:
    """Makes such a model the current one. GUI thread."""

    def __init__(self, settings: SettingsFile, session: EngineSession) -> None:
        self._settings = settings
        self._session = session

    def choose(self, server: ElsewhereServer, model: ElsewhereModel, parent: QWidget) -> QMessageBox | None:
        """Use a model, after the question where it is the first one of its server; gives the question."""
        if server.agreed:
            self._session.use_elsewhere(elsewhere_info(server, model))
            return None
        return _ask(server, parent, lambda: self._agree(server, model))

    def _agree(self, server: ElsewhereServer, model: ElsewhereModel) -> None:
        agreed = msgspec.structs.replace(server, agreed=True)
        servers = self._settings.values.elsewhere
        self._settings.change(elsewhere=tuple(agreed if each.id == server.id else each for each in servers))
        self._session.use_elsewhere(elsewhere_info(agreed, model))


def _ask(server: ElsewhereServer, parent: QWidget, agree: Callable[[], None]) -> QMessageBox:
    question = QMessageBox(parent)
    question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    question.setTextFormat(Qt.TextFormat.PlainText)
    question.setIcon(QMessageBox.Icon.NoIcon)
    question.setWindowTitle(QCoreApplication.translate("ElsewhereChoice", "Not on this computer"))
    question.setText(
        QCoreApplication.translate("ElsewhereChoice", "Send what you ask to {host}?").format(host=server.host)
    )
    words = QCoreApplication.translate(
        "ElsewhereChoice",
        "Your messages, the chat before them and its documents then leave this computer, each time you send "
        "something to a model of this server. You are asked this once.",
    )
    if sends_in_the_clear(server.url):
        words += "\n\n" + QCoreApplication.translate(
            "ElsewhereChoice", "The connection is not encrypted: whoever is in between can read along."
        )
    question.setInformativeText(words)
    send = question.addButton(
        QCoreApplication.translate("ElsewhereChoice", "Use it"), QMessageBox.ButtonRole.AcceptRole
    )
    cancel = question.addButton(QMessageBox.StandardButton.Cancel)
    question.setDefaultButton(cancel)
    send.clicked.connect(agree)
    question.open()
    return question
