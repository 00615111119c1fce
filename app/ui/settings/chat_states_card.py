"""The disk space for the saved KV states of chats: its limit, and how much is used."""

import asyncio
from pathlib import Path

import shiboken6
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.engine.kv_states.saved_states import keep_within, kept_bytes
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label
from app.ui.widgets.wheel_proof import DoubleSpinBox
from models.system.units import GIGABYTE, byte_count


class ChatStatesCard(Card):
    """Changes apply at once: what is beyond a lower limit is deleted. GUI thread; the disk is not."""

    def __init__(
        self, settings: SettingsFile, folder: Path, bridge: Bridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._folder = folder
        self._bridge = bridge
        self._looks = 0
        self.body.addWidget(label(self.tr("Chats that need no waiting"), "title"))
        self.body.addWidget(
            label(
                self.tr(
                    "What the model has read of a chat is kept on the disk, so that even a long one "
                    "goes on without waiting after a restart. Where the space is used up, this is "
                    "removed of the chats that were not used for longest; the chats themselves always "
                    "stay."
                ),
                "small",
                wrap=True,
            )
        )
        self._limit = limit = DoubleSpinBox()
        limit.setRange(0, 1000)
        limit.setDecimals(1)
        limit.setSingleStep(0.5)
        limit.setSuffix(" GB")
        limit.setSpecialValueText(self.tr("none"))
        limit.setValue(settings.values.chat_states_gb)
        limit.setAccessibleName(self.tr("Disk space for this"))
        limit.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        # While "10" is being typed, "1" is no limit yet.
        limit.setKeyboardTracking(False)
        limit.valueChanged.connect(self._on_limit)
        self._used = label("", "small")
        self._clear = button(self.tr("Clear now"))
        self._clear.setObjectName("clear-states")
        self._clear.setEnabled(False)
        self._clear.clicked.connect(lambda: bridge.start(self._keep(0)))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(label(self.tr("Disk space for this")))
        row.addWidget(limit)
        row.addWidget(self._used, 1)
        row.addWidget(self._clear)
        self.body.addLayout(row)
        bridge.start(self._look())

    def _on_limit(self, gigabytes: float) -> None:
        self._settings.change(chat_states_gb=gigabytes)
        self._bridge.start(self._keep(int(gigabytes * GIGABYTE)))

    async def _keep(self, most_bytes: int) -> None:
        await asyncio.to_thread(keep_within, self._folder, most_bytes)
        await self._look()

    async def _look(self) -> None:
        self._looks += 1
        number = self._looks
        used = await asyncio.to_thread(kept_bytes, self._folder)
        if not shiboken6.isValid(self) or number != self._looks:
            # The dialog was closed meanwhile, or something was deleted.
            return
        self._used.setText(self.tr("{size} are in use").format(size=byte_count(used)))
        self._clear.setEnabled(used > 0)
