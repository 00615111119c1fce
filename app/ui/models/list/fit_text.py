"""Say why a model fits or not, in the window's language."""

from PySide6.QtCore import QCoreApplication

from app.machine.advisor import Outlook
from models.memory.fit import Fit, Verdict
from models.system.units import byte_count


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


def speed_text(outlook: Outlook) -> str:
    """Expected tokens per second, as sure as they are known."""
    if outlook.tok_per_s is None:
        return "–"
    rate = f"{outlook.tok_per_s:.1f}" if outlook.tok_per_s < 10 else f"{outlook.tok_per_s:.0f}"
    match outlook.basis:
        case "measured":
            return rate
        case "replies":
            return QCoreApplication.translate("fit", "about {rate}").format(rate=rate)
    return QCoreApplication.translate("fit", "up to {rate}").format(rate=rate)


def speed_tip(outlook: Outlook) -> str:
    """Say in one sentence where the expected speed comes from."""
    match outlook.basis:
        case "measured":
            return QCoreApplication.translate("fit", "Measured with this file: the fastest reply so far.")
        case "replies":
            return QCoreApplication.translate(
                "fit", "From how fast replies of another model read its weights on this PC."
            )
        case "memory":
            return QCoreApplication.translate(
                "fit", "What the measured speed of the memory allows; computing can make it slower."
            )
    if outlook.fit.verdict is Verdict.TOO_LARGE:
        return QCoreApplication.translate("fit", "It does not fit into memory.")
    return QCoreApplication.translate("fit", "Not known until a first reply has run on this graphics card.")
