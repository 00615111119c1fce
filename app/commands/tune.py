"""`stillroom tune`: find the fastest settings for a model on this computer, and keep them."""

import argparse
import threading
import time
from pathlib import Path

import msgspec

from app.base.errors import StillroomError
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import REDRAW_S, Console, time_text
from app.commands.terminal.installed import installed_model
from app.engine.planning.load_history import LoadMemory, Tuned
from app.engine.protocol import LoadSettings
from app.tuning.report import Speed, TuningReport, TuningRow, kept_report
from app.tuning.tuner import TUNED_FIELDS, Tuner, TuningProgress, left_open

NAME = "tune"
SUMMARY = "find the fastest settings for a model on this computer, in under two minutes"
EXAMPLE = "stillroom tune starter\n  stillroom tune starter --show\n  stillroom tune starter --forget"

_WORDS = {
    "load": "Loading",
    "default": "The defaults",
    "compare": "Defaults against the choice",
    "threads": "Threads",
    "prompt_threads": "Threads for prompts",
    "batch_tokens": "Batch size",
    "flash_attention": "Flash attention",
    "kv_type": "Type of the KV cache",
    "gpu_layers": "GPU layers",
}


class TuneRow(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one setting; rates are tokens per second, `why` is a sentence."""

    knob: str
    value: int | str
    speed: Speed
    repeats: int
    gain: float | None
    noise: float | None
    chosen: bool
    why: str


class TuneResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document. `turn_s` are seconds of a typical turn (512 tokens in, 512 out)."""

    model: str
    quantisation: str
    backend: str
    llama_cpp_version: str
    seconds: float
    before: Speed
    after: Speed
    turn_s_before: float | None
    turn_s_after: float | None
    chosen: Tuned
    rows: list[TuneRow]
    notices: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --show, --forget."""
    parser.add_argument(
        "model", metavar="MODEL", help="a model on disk (see `stillroom list`), name/TYPE, or a .gguf file"
    )
    parser.add_argument("--show", action="store_true", help="show what was measured the last time")
    parser.add_argument(
        "--forget", action="store_true", help="forget what was found or had to be given up for this model"
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Measure and keep; later loads use it where the settings are automatic."""
    model = installed_model(core.store, options.model)
    memory = core.load_memory()
    if options.forget:
        memory.forget(str(model.path))
        console.document({"model": model.reference, "forgotten": True})
        console.say(f"{model.reference} is loaded with the defaults again.")
        return
    asked = core.load_choices().of(model.path).load
    if options.show:
        _show(model.reference, _kept(memory, model.path), asked, console)
        return
    try:
        with core.engine() as engine:
            report = Tuner(engine, memory).run(model.path, left_open(asked), _TuningLine(console), cancel)
    finally:
        console.clear()
    _show(model.reference, report, asked, console)


def _kept(memory: LoadMemory, path: Path) -> TuningReport:
    report = kept_report(memory.of(str(path)))
    if report is None:
        raise StillroomError(
            "{name} has not been measured on this computer yet.",
            "Run “stillroom tune” for it without --show.",
            name=path.name,
        )
    return report


def _show(model: str, report: TuningReport, asked: LoadSettings, console: Console) -> None:
    notices = [*map(str, report.notices), *_notices(asked)]
    console.document(_result(model, report, notices))
    _say(model, report, console)
    for notice in notices:
        console.note(notice)


def _notices(asked: LoadSettings) -> list[str]:
    fresh = LoadSettings()
    fixed = [name for name in TUNED_FIELDS if getattr(asked, name) != getattr(fresh, name)]
    if not fixed:
        return []
    names = ", ".join(_WORDS[name].lower() for name in fixed)
    return [f"Your settings fix what tuning would choose, and go before it: {names}."]


def _result(model: str, report: TuningReport, notices: list[str]) -> TuneResult:
    return TuneResult(
        model=model,
        quantisation=report.quantisation,
        backend=report.backend,
        llama_cpp_version=report.llama_cpp_version,
        seconds=report.seconds,
        before=report.before,
        after=report.after,
        turn_s_before=report.before.turn_s,
        turn_s_after=report.after.turn_s,
        chosen=report.chosen,
        rows=[
            TuneRow(
                knob=row.knob,
                value=row.value,
                speed=row.speed,
                repeats=row.repeats,
                gain=row.gain,
                noise=row.noise,
                chosen=row.chosen,
                why=str(row.why),
            )
            for row in report.rows
        ],
        notices=notices,
    )


def _say(model: str, report: TuningReport, console: Console) -> None:
    console.say(
        f"{model}, {report.quantisation}, on {report.backend}, measured in {time_text(report.seconds)}:"
    )
    knob = ""
    for row in report.rows:
        if row.knob != knob:
            knob = row.knob
            console.say(f"  {_WORDS[knob]}")
        console.say(f"  {'→' if row.chosen else ' '} {row.value!s:>6}  {_figures(row):34} {row.why}")
    console.say(f"Prompts: {_change(report.before.prompt_tok_per_s, report.after.prompt_tok_per_s)}")
    console.say(f"Replies: {_change(report.before.decode_tok_per_s, report.after.decode_tok_per_s)}")


def _figures(row: TuningRow) -> str:
    rates = (("prompt", row.speed.prompt_tok_per_s), ("reply", row.speed.decode_tok_per_s))
    return ", ".join(f"{name} {rate:,.1f} tok/s" for name, rate in rates if rate is not None)


def _change(before: float | None, after: float | None) -> str:
    if not before or not after:
        return "not measured"
    if before == after:
        return f"{after:,.1f} tokens/s, as before"
    return f"{after:,.1f} tokens/s, {before:,.1f} before"


class _TuningLine:
    """One redrawn line on a terminal; nothing elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._drawn_s = 0.0

    def __call__(self, progress: TuningProgress) -> None:
        now_s = time.monotonic()
        if now_s - self._drawn_s < REDRAW_S:
            return
        self._drawn_s = now_s
        fields = [f"{100 * progress.fraction:3.0f}%", _WORDS[progress.what]]
        if progress.remaining_s is not None:
            fields.append(f"{time_text(progress.remaining_s)} left")
        self._console.status("  ".join(fields))
