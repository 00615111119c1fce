"""The input filter's kinds and actions in the window's language."""

from PySide6.QtCore import QCoreApplication

from app.filters.rule import Action, Kind


def action_word(action: Action) -> str:
    """Name what a rule does, in one word."""
    return {
        "block": QCoreApplication.translate("filters", "Block"),
        "redact": QCoreApplication.translate("filters", "Redact"),
        "flag": QCoreApplication.translate("filters", "Flag"),
    }[action]


def action_sentence(action: Action) -> str:
    """Say what a rule does with a message in which it finds something."""
    return {
        "block": QCoreApplication.translate("filters", "Block: the message is not sent"),
        "redact": QCoreApplication.translate("filters", "Redact: it is sent without what was found"),
        "flag": QCoreApplication.translate("filters", "Flag: it is sent, and you are told"),
    }[action]


def kind_sentence(kind: Kind) -> str:
    """Say what a rule looks for."""
    return {
        "pattern": QCoreApplication.translate("filters", "A regular expression"),
        "length": QCoreApplication.translate("filters", "More than a number of characters"),
        "control": QCoreApplication.translate("filters", "Invisible and control characters"),
    }[kind]
