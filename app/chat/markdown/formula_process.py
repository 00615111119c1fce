"""Draws formulas in a process of its own, with limits on time and memory.

A formula comes in a model's reply or a document, and some of few characters take minutes or a picture of
gigabytes.
"""

import logging
import threading
from collections.abc import Callable, Sequence

import msgspec

from app.base.limited_process import LimitedProcess
from app.chat.markdown.formula import LONGEST_FORMULA, FormulaSvg, is_whole
from app.chat.markdown.formula_worker import FormulaRequest

log = logging.getLogger(__name__)

CPU_LIMIT_S = 0.5
"""Of a processor's time for one formula; ordinary ones take 1 to 60 ms."""

DrawFormula = Callable[[str, bool, float, str], FormulaSvg | None]
"""LaTeX, whether it stands apart, the size of its text in pixels, and its colour."""


class FormulaProcess:
    """Draws one formula after the other. Any thread that may wait; the process ends with the thread that
    drew first."""

    def __init__(self, command: Sequence[str], most_breaches: int | None = None) -> None:
        """`command` is `child_command("formulas")`. After `most_breaches` formulas that passed a
        limit nothing is drawn any more."""
        self._process = LimitedProcess(command)
        self._most_breaches = most_breaches
        self._breaches = 0
        self._lock = threading.Lock()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[FormulaSvg | None] = msgspec.msgpack.Decoder(FormulaSvg | None)

    def draw(self, latex: str, display: bool, pixel_size: float, colour: str) -> FormulaSvg | None:
        """The drawn formula; None where its source says more, and where it passes a limit."""
        if len(latex) > LONGEST_FORMULA or not is_whole(latex):
            return None
        try:
            request = self._encoder.encode(FormulaRequest(latex, display, pixel_size, colour))
        except UnicodeEncodeError:
            return None
        with self._lock:
            # One whose process was ended from outside is tried again.
            for _ in range(2):
                if self._most_breaches is not None and self._breaches >= self._most_breaches:
                    return None
                try:
                    answer = self._process.ask(request, CPU_LIMIT_S)
                    if isinstance(answer, bytes):
                        return self._decoder.decode(answer)
                except (OSError, msgspec.DecodeError) as error:
                    if not self._process.closed:
                        log.warning("formulas cannot be drawn: %s", error)
                    return None
                self._breaches += 1
                if answer == "time":
                    return None
            return None

    def close(self) -> None:
        """End the process, also while it draws. Returns at once."""
        self._process.close()
