"""The general settings as rows: each with its name, what it can be, and what it means."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.ui.base import shortcuts
from app.ui.base.add_action import keys_text
from app.ui.base.theme import ZOOM_STEPS_PERCENT


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """One of several values; `key` is the field of `Settings`."""

    key: str
    title: str
    values: tuple[tuple[object, str], ...]
    tip: str = ""


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A number with its unit."""

    key: str
    title: str
    lowest: float
    highest: float
    suffix: str
    tip: str
    decimals: int = 0
    step: float = 1.0


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """On or off."""

    key: str
    title: str
    tip: str = ""


GeneralRow = ChoiceRow | NumberRow | SwitchRow


class GeneralRows:
    """Texts of the context "GeneralRows"."""

    @staticmethod
    def tr(text: str) -> str:
        """In the window's language."""
        return QCoreApplication.translate("GeneralRows", text)

    def rows(self) -> tuple[GeneralRow, ...]:
        """The rows in the window's language, in their order."""
        return (
            ChoiceRow(
                "theme",
                self.tr("Theme"),
                (
                    ("system", self.tr("As the desktop")),
                    ("light", self.tr("Light")),
                    ("dark", self.tr("Dark")),
                    ("light-contrast", self.tr("Light, high contrast")),
                    ("dark-contrast", self.tr("Dark, high contrast")),
                ),
            ),
            ChoiceRow(
                "zoom_percent",
                self.tr("Size of everything"),
                tuple((percent, f"{percent}%") for percent in ZOOM_STEPS_PERCENT),
                self.tr("{larger}, {smaller} and {normal} change it too.").format(
                    larger=keys_text(shortcuts.LARGER),
                    smaller=keys_text(shortcuts.SMALLER),
                    normal=keys_text(shortcuts.NORMAL_SIZE),
                ),
            ),
            # A language is named in itself, so that whoever needs it can read it.
            ChoiceRow(
                "language",
                self.tr("Language"),
                (("system", self.tr("As the desktop")), ("en", "English"), ("zh_CN", "简体中文")),
            ),
            NumberRow(
                "telemetry_hz",
                self.tr("Live panel: new figures"),
                1,
                4,
                self.tr(" times a second"),
                self.tr("How often speed and memory at the right of the window are measured."),
            ),
            NumberRow(
                "accuracy_loss_gate_percent",
                self.tr("Warn when making a model smaller raises its perplexity by"),
                0,
                100,
                "%",
                self.tr(
                    "Perplexity is how much a text surprises a model, and a smaller size is surprised more. "
                    "Up to some 2% is hardly noticed in answers, 10% is."
                ),
                decimals=1,
                step=0.1,
            ),
            SwitchRow(
                "notify_long_replies",
                self.tr("Notify me when a long reply is complete while I am in another window"),
            ),
            SwitchRow(
                "keep_original_weights",
                self.tr("Keep the downloaded originals of models that are made here"),
                self.tr(
                    "Other sizes of the model can then be made without a new download. They take much disk "
                    "space."
                ),
            ),
            SwitchRow(
                "measure_builds",
                self.tr("After making a model, measure how close it is to its original"),
                self.tr("Takes some minutes, and disk space for the model in full precision meanwhile."),
            ),
            SwitchRow(
                "weigh_builds",
                self.tr("Make small models more accurate (importance matrix)"),
                self.tr(
                    "The model first reads a text to find which of its weights matter most: some minutes to "
                    "hours. It is for types of four bits and less, such as Q4_K_M; IQ4_XS and Q3_K_M "
                    "always get it."
                ),
            ),
        )
