"""The line that says that what is sent leaves this computer."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app.ui.base.engine_session import EngineSession
from app.ui.base.theme import Theme
from app.ui.widgets.card import label


class ElsewhereLine(QWidget):
    """Shown while a model of a server elsewhere is the current one. GUI thread."""

    def __init__(self, session: EngineSession, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self._icon = QLabel()
        self.words = label("", "warning", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(8)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.words, 1)
        for changed in (session.loading, session.loaded, session.unloaded, session.load_failed):
            changed.connect(self._follow)
        theme.changed.connect(self._draw_icon)
        self._draw_icon()
        self._follow()

    def _follow(self, *_: object) -> None:
        info = self._session.info
        shown = info is not None and self._session.answers_elsewhere
        if info is not None and shown:
            self.words.setText(
                self.tr("Not on this computer: what you send goes to {host}.").format(host=info.backend)
            )
        self.setVisible(shown)

    def _draw_icon(self) -> None:
        self._icon.setPixmap(self._theme.icon("cloud", "warning").pixmap(QSize(16, 16)))
