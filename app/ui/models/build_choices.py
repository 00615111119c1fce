"""The choices for a model that is made of its original weights: whether they are kept, and the matrix."""

from collections.abc import Sequence

from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from app.settings import SettingsFile
from app.ui.base.add_action import allow
from app.ui.base.plain_text import set_tip
from models.quantisation.quantisation_types import WEIGHED
from models.system.units import byte_count


class BuildChoices(QWidget):
    """Stands where a type is chosen, and is remembered as the setting of the same meaning. GUI thread."""

    def __init__(self, settings: SettingsFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._keep = QCheckBox()
        self._keep.toggled.connect(lambda on: settings.change(keep_original_weights=on))
        set_tip(
            self._keep,
            self.tr(
                "Otherwise they go when the types are made, and each further type downloads them again. "
                "Measuring what a type costs needs them too."
            ),
        )
        self._weigh = QCheckBox(
            self.tr("Read a text with the model first, which makes small types more accurate")
        )
        self._weigh.toggled.connect(lambda on: settings.change(weigh_builds=on))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._keep)
        column.addWidget(self._weigh)
        self.show_choice((), 0)

    def show_choice(self, types: Sequence[str], originals_bytes: int, *, any_size: bool = False) -> None:
        """Ask for these types of weights of this size, and one of `any_size`; nothing without files."""
        self.setVisible(bool(types) or any_size)
        values = self._settings.values
        self._keep.setText(
            self.tr("Keep the original weights for further types and for measuring ({size})").format(
                size=byte_count(originals_bytes)
            )
        )
        for box, on in ((self._keep, values.keep_original_weights), (self._weigh, values.weigh_builds)):
            box.blockSignals(True)
            box.setChecked(on)
            box.blockSignals(False)
        # For a file of any size the text is read in any case.
        self._weigh.setVisible(bool(types))
        weighed = [kind for kind in types if kind in WEIGHED]
        allow(self._weigh, "" if weighed else self.tr("Only types of four bits and less gain by it"))
        if weighed:
            set_tip(
                self._weigh,
                self.tr(
                    "An importance matrix for {types}: some minutes to hours, and kept for further types."
                ).format(types=" + ".join(weighed)),
            )
