"""Texts of files that ship with Stillroom, and settings, in the window's language; what the user wrote stays
as it is."""

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication

_CHOSEN_BY_ENGINE = {"gpu_layers": "-1", "threads": "0", "prompt_threads": "0", "batch_tokens": "0"}
"""The number with which `LoadSettings` leave the choice to the engine."""


def rule_words(text: str) -> str:
    """Give the name or the note of a rule of the input filter, translated where it is a shipped one."""
    return QCoreApplication.translate("shipped rules", text) if text else ""


def rule_text(shown: str, present: str) -> str:
    """Give what a rule is to say: what it says at `present` where that is `shown`, else what is shown."""
    return present if shown == rule_words(present) else shown


def data_set_words(name: str) -> str:
    """Give the name of a collection of questions or of a text, translated where it is Stillroom's own."""
    return QCoreApplication.translate("data sets", name) if name else ""


def licence_words(licence: str) -> str:
    """Give the licence of a model of the catalogue, its names as they are."""
    return QCoreApplication.translate("licences", licence) if licence else ""


def sentences(parts: Iterable[str]) -> str:
    """Put sentences one behind the other, as the window's language does."""
    text = ""
    for part in filter(None, parts):
        joint = QCoreApplication.translate("sentences", "{before} {next}")
        text = joint.format(before=text, next=part) if text else part
    return text


def listed(parts: Iterable[str]) -> str:
    """Put what is no sentence one behind the other, as the window's language does."""
    return QCoreApplication.translate("sentences", "; ").join(parts)


def enumerated(parts: Iterable[str]) -> str:
    """Put names one behind the other, as the window's language does."""
    return comma().join(parts)


def comma() -> str:
    """Give what stands between the names of a list."""
    return QCoreApplication.translate("sentences", ", ")


def setting_words(value: str, setting: str = "") -> str:
    """Give a value of a load setting in words; of `setting` also a number that leaves it to the engine."""
    said = {
        "auto": QCoreApplication.translate("load settings", "automatic"),
        "on": QCoreApplication.translate("load settings", "on"),
        "off": QCoreApplication.translate("load settings", "off"),
    }
    return said.get("auto" if value == _CHOSEN_BY_ENGINE.get(setting) else value, value)


def language_words(name: str) -> str:
    """Give the name of a programming language, or what stands for none."""
    return QCoreApplication.translate("code languages", name) if name else ""
