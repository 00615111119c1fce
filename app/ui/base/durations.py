"""Durations in the window's language."""

from PySide6.QtCore import QCoreApplication


def exact_duration(seconds: float) -> str:
    """A duration as `duration` writes it, with a tenth below ten seconds: "3.4 s"."""
    if round(seconds, 1) >= 10:
        return duration(seconds)
    return QCoreApplication.translate("durations", "{seconds} s").format(seconds=f"{seconds:.1f}")


def duration(seconds: float) -> str:
    """A duration such as "8 s", "3 min 20 s" or "1 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        template = QCoreApplication.translate("durations", "{seconds} s")
    elif whole < 3600:
        template = QCoreApplication.translate("durations", "{minutes} min {seconds:02} s")
    else:
        template = QCoreApplication.translate("durations", "{hours} h {minutes:02} min")
    return template.format(hours=whole // 3600, minutes=whole % 3600 // 60, seconds=whole % 60)
