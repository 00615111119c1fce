"""Why a model fits or not, in the window's language."""

from PySide6.QtCore import QCoreApplication

from models.fit import Fit, Verdict
from models.wording import byte_count


def fit_text(found: Fit) -> str:
    """The reason of a verdict as one sentence."""
    return QCoreApplication.translate("errors", found.reason).format(**found.values)


def verdict_text(found: Fit) -> str:
    """A verdict in a few words."""
    match found.verdict:
        case Verdict.GPU:
            return QCoreApplication.translate("fit", "Fits on the GPU")
        case Verdict.PARTLY:
            text = QCoreApplication.translate("fit", "{gpu_layers} of {layers} layers on GPU")
        case Verdict.RAM:
            return QCoreApplication.translate("fit", "Runs on the processor")
        case Verdict.TOO_LARGE:
            text = QCoreApplication.translate("fit", "Too large: {ram} free")
    return text.format(**found.values)


def need_text(found: Fit) -> str:
    """A verdict in a few words, with the memory that it is about."""
    if found.verdict is Verdict.TOO_LARGE:
        return verdict_text(found)
    template = QCoreApplication.translate("fit", "{verdict}: {needed} with a context of {context} tokens")
    needed = byte_count(found.needed_bytes)
    return template.format(verdict=verdict_text(found), needed=needed, context=found.values["context"])
