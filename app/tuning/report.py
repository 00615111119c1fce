"""The report of a tuning: its table, and what it chose."""

import logging
from typing import Literal

import msgspec

from app.engine.planning.load_history import Remembered, Tuned
from app.engine.protocol import LoadNotice

log = logging.getLogger(__name__)

Knob = Literal["threads", "prompt_threads", "batch_tokens", "flash_attention", "kv_type", "gpu_layers"]

TYPICAL_PROMPT_TOKENS = 512
TYPICAL_REPLY_TOKENS = 512


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens per second; None is not measured."""

    prompt_tok_per_s: float | None = None
    decode_tok_per_s: float | None = None

    @property
    def turn_s(self) -> float | None:
        """Seconds of a typical turn: 512 tokens of prompt, 512 tokens of reply."""
        if not self.prompt_tok_per_s or not self.decode_tok_per_s:
            return None
        return TYPICAL_PROMPT_TOKENS / self.prompt_tok_per_s + TYPICAL_REPLY_TOKENS / self.decode_tok_per_s


class TuningRow(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one setting. `gain` is against the best before it (0.1 is a tenth faster), by what the
    setting is for; `noise` is how far repeats lie apart. `why` says why it was taken or not."""

    knob: Knob
    value: int | str
    speed: Speed
    repeats: int
    gain: float | None
    noise: float | None
    chosen: bool
    why: LoadNotice


class TuningReport(msgspec.Struct, frozen=True, kw_only=True):
    """`before` is how fast the defaults are, `after` the choice; both in the same minutes."""

    file: str
    model: str
    quantisation: str
    backend: str
    llama_cpp_version: str
    seconds: float
    before: Speed
    after: Speed
    chosen: Tuned
    rows: list[TuningRow]
    notices: list[LoadNotice] = []


def kept_report(known: Remembered) -> TuningReport | None:
    """The table of a model's last tuning; None where it was not tuned."""
    if known.table is None:
        return None
    try:
        return msgspec.convert(known.table, TuningReport)
    except msgspec.ValidationError as error:
        log.warning("the table of a tuning cannot be read: %s", error)
        return None
