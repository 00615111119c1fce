"""Say why a model fits or not, in the window's language."""

from PySide6.QtCore import QCoreApplication

from app.machine.advisor import Outlook
from models.memory.fit import Fit, Verdict
from models.quantisation.quantisation_loss import PUBLISHED_LOSS_PERCENT
from models.system.units import byte_count, rate_text


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
            text = QCoreApplication.translate("fit", "Too large: {needed}, room for {room}")
    return text.format(**found.values)


def here_text(outlook: Outlook, *, named: bool = False) -> str:
    """The speed, the memory that a load takes and the verdict: a narrow column cuts off the end. `named` says
    of which type that is."""
    found = outlook.fit
    kind = outlook.quantisation if named else ""
    if found.verdict is Verdict.TOO_LARGE:
        return " · ".join(filter(None, (verdict_text(found), kind)))
    values = {
        "verdict": " · ".join(filter(None, (kind, verdict_text(found)))),
        "memory": byte_count(outlook.ram_bytes + outlook.device_bytes),
        "rate": speed_text(outlook),
    }
    if outlook.tok_per_s is None:
        return QCoreApplication.translate("fit", "{memory} · {verdict}").format(**values)
    return QCoreApplication.translate("fit", "{rate} tok/s · {memory} · {verdict}").format(**values)


def type_text(kind: str) -> str:
    """Say how good a quantisation is, and by how much that is less than the original; empty for others."""
    percent = PUBLISHED_LOSS_PERCENT.get(kind)
    if percent is None:
        return ""
    return _loss_words(percent, f"+{percent}%")


def loss_text(percent: float | None) -> str:
    """Say how good a file of any size is to be expected, by an estimate; None is worse than any published."""
    if percent is None:
        worst = max(PUBLISHED_LOSS_PERCENT.values())
        return QCoreApplication.translate("fit", "Clearly worse: more than +{percent}%").format(percent=worst)
    about = QCoreApplication.translate("fit", "about +{percent}%")
    return _loss_words(percent, about.format(percent=f"{percent:.2f}" if percent < 0.1 else f"{percent:.1f}"))


def _loss_words(percent: float, growth: str) -> str:
    if percent < 0.1:
        text = QCoreApplication.translate("fit", "As good as the original ({growth})")
    elif percent < 2:
        text = QCoreApplication.translate("fit", "Hardly to be told from the original ({growth})")
    elif percent < 4:
        text = QCoreApplication.translate("fit", "A little worse ({growth})")
    else:
        text = QCoreApplication.translate("fit", "Noticeably worse ({growth})")
    return text.format(growth=growth)


def type_tip() -> str:
    """Say what the percentages of `type_text` are."""
    return QCoreApplication.translate(
        "fit",
        "By how much more a text surprises the smaller model than the original (growth of the perplexity), "
        "as llama.cpp's authors measured it with Llama 3 8B. Small models lose more. What a file of yours "
        "lost can be measured below.",
    )


def rough_text(found: Fit) -> str:
    """A verdict on a model whose dimensions are not known, with the memory and the most speed to expect."""
    match found.verdict:
        case Verdict.GPU:
            text = QCoreApplication.translate("fit", "About {needed} on the GPU")
        case Verdict.PARTLY:
            text = QCoreApplication.translate("fit", "About {needed}, partly on the GPU")
        case Verdict.RAM:
            text = QCoreApplication.translate("fit", "About {needed} of RAM")
        case Verdict.TOO_LARGE:
            text = QCoreApplication.translate("fit", "Too large: about {needed}")
    text = text.format(needed=byte_count(found.needed_bytes))
    if found.tok_per_s is None:
        return text
    rate = rate_text(found.tok_per_s)
    return QCoreApplication.translate("fit", "{verdict} · up to {rate} tok/s").format(verdict=text, rate=rate)


def speed_text(outlook: Outlook) -> str:
    """Expected tokens per second, as sure as they are known."""
    if outlook.tok_per_s is None:
        return "–"
    rate = rate_text(outlook.tok_per_s)
    match outlook.basis:
        case "measured":
            return rate
        case "replies":
            return QCoreApplication.translate("fit", "about {rate}").format(rate=rate)
        case "provisional":
            return QCoreApplication.translate("fit", "provisionally {rate}").format(rate=rate)
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
                "fit",
                "From how fast this PC was measured to compute with weights; a long chat makes it slower.",
            )
        case "provisional":
            return provisional_text()
    if outlook.fit.verdict is Verdict.TOO_LARGE:
        return QCoreApplication.translate("fit", "It does not fit into memory.")
    if outlook.fit.verdict is Verdict.RAM:
        return QCoreApplication.translate(
            "fit",
            "Not known yet: how fast this PC computes with weights is measured a moment after the start.",
        )
    return QCoreApplication.translate("fit", "Not known until a first reply has run on this graphics card.")


def provisional_text() -> str:
    """Say why an expected speed is not sure yet."""
    return QCoreApplication.translate(
        "fit",
        "Provisional: other programs kept this PC busy while the speed of its memory was measured. "
        "It is measured again by itself.",
    )
