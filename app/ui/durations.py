"""Durations in the window's language."""

from PySide6.QtCore import QCoreApplication


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
