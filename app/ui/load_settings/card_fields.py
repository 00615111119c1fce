"""The fields that say which of several graphics cards compute a model."""

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QObject, QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox

from app.engine.planning.cards import card_key
from app.engine.protocol import Device, LoadSettings
from app.ui.base.resource_words import enumerated, setting_words
from app.ui.widgets.wheel_proof import ComboBox


class CardFields(QObject):
    """`use` says how many cards are taken, or which one; `main` the one that is taken first. GUI thread.

    Both are of use only with several cards (`several`). What was chosen stays also while its card is gone.
    """

    changed = Signal()

    def __init__(self, present: LoadSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._devices: tuple[Device, ...] = ()
        self.use = ComboBox()
        self.main = ComboBox()
        for field in (self.use, self.main):
            # A card's long name must not widen the dialog.
            field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            field.setMinimumContentsLength(12)
        self.show_choice(present)
        for field in (self.use, self.main):
            field.currentIndexChanged.connect(lambda _: self.changed.emit())

    @property
    def several(self) -> bool:
        """Tell whether there is anything to choose here."""
        return len(self._devices) > 1 or self._chosen != LoadSettings()

    def choice(self, load: LoadSettings) -> LoadSettings:
        """Return `load` with what the fields say."""
        use, cards = self.use.currentData()
        return msgspec.structs.replace(load, cards=cards, card_use=use, main_card=self.main.currentData())

    def show_choice(self, settings: LoadSettings) -> None:
        """Put a choice into the fields."""
        self._chosen = self._of(settings)
        self._fill()

    def offer(self, devices: Sequence[Device]) -> None:
        """Offer these cards."""
        if tuple(devices) != self._devices:
            self._chosen = self.choice(LoadSettings())
            self._devices = tuple(devices)
            self._fill()

    def _of(self, settings: LoadSettings) -> LoadSettings:
        return LoadSettings(cards=settings.cards, card_use=settings.card_use, main_card=settings.main_card)

    def _fill(self) -> None:
        blocked = [QSignalBlocker(field) for field in (self.use, self.main)]
        titles = {card_key(device): _title(device, self._devices) for device in self._devices}
        chosen = self._chosen
        for key in (*chosen.cards, *((chosen.main_card,) if chosen.main_card else ())):
            titles.setdefault(key, self.tr("{card} (not there)").format(card=key))
        self.use.clear()
        self.use.addItem(setting_words("auto"), ("auto", ()))
        self.use.addItem(self.tr("one of them"), ("one", ()))
        self.use.addItem(self.tr("all of them"), ("all", ()))
        for key, title in titles.items():
            self.use.addItem(self.tr("only {card}").format(card=title), ("auto", (key,)))
        if len(chosen.cards) > 1:
            names = enumerated(titles[key] for key in chosen.cards)
            self.use.addItem(self.tr("only {card}").format(card=names), (chosen.card_use, chosen.cards))
        self.main.clear()
        self.main.addItem(setting_words("auto"), "")
        for key, title in titles.items():
            self.main.addItem(title, key)
        wanted = (chosen.card_use, chosen.cards)
        present = [self.use.itemData(index) for index in range(self.use.count())]
        self.use.setCurrentIndex(present.index(wanted) if wanted in present else 0)
        self.main.setCurrentIndex(max(0, self.main.findData(chosen.main_card)))
        del blocked


def _title(device: Device, devices: Sequence[Device]) -> str:
    name = device.description or device.name
    same = sum((each.description or each.name) == name for each in devices)
    return f"{name} ({card_key(device)})" if same > 1 else name
