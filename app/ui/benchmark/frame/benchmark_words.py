"""The Benchmark tab's names for figures, verdicts and disturbances, in the window's language."""

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale, Qt

from app.bench.report.report_words import BELIEVABLE_SHARE
from app.bench.results.difference_causes import Difference, Run
from app.bench.results.report import Limit, Mark, Measure, NotMeasured, Report
from app.bench.results.run_difference import Outcome, Verdict
from app.bench.run.run_progress import BenchmarkProgress
from app.ui.base import figures
from app.ui.base.resource_words import setting_words
from models.system.shown_text import fill
from models.system.units import GIGABYTE, gigabytes

translate = QCoreApplication.translate


def measure_name(key: str) -> str:
    """The name of a figure by its key, such as "tg128"."""
    match key:
        case "load":
            return translate("benchmark", "Load time")
        case "first_token":
            return translate("benchmark", "Time to first token")
        case "peak_ram":
            return translate("benchmark", "Peak memory")
        case "peak_vram":
            return translate("benchmark", "VRAM")
        case "power":
            return translate("benchmark", "Power while generating")
        case "tok_per_j":
            return translate("benchmark", "Tokens per joule")
        case "memory_bytes_per_s":
            return translate("benchmark", "Memory speed")
    if key.startswith("latency_p"):
        return translate("benchmark", "Between two tokens, {share}% at most").format(share=key[9:])
    if key.startswith("pp"):
        return translate("benchmark", "Prompt, {tokens} tokens").format(tokens=_thousands(key[2:]))
    if key.startswith("reply"):
        return translate("benchmark", "A reply of {tokens} tokens").format(tokens=_thousands(key[5:]))
    tokens, at, depth = key[2:].partition("@")
    if key.startswith("tg") and at:
        return translate("benchmark", "Generation, {tokens} tokens after {depth}").format(
            tokens=_thousands(tokens), depth=_thousands(depth)
        )
    tokens, times, streams = key[2:].partition("x")
    if key.startswith("tg") and times:
        if streams == "1":
            return translate("benchmark", "One reply of {tokens} tokens").format(tokens=tokens)
        return translate("benchmark", "{streams} replies at once, {tokens} tokens each").format(
            streams=streams, tokens=tokens
        )
    if key.startswith("tg"):
        return translate("benchmark", "Generation, {tokens} tokens").format(tokens=_thousands(tokens))
    return key


def _thousands(count: str) -> str:
    return f"{int(count):,}" if count.isdecimal() else count


def mean_text(measure: Measure) -> str:
    """The mean without its unit."""
    return value_text(measure, measure.mean)


def shown_factor(measure: Measure) -> float:
    """Return the factor for showing a value: memory is in GB, a time below a second in ms."""
    if measure.unit == "bytes":
        return 1 / GIGABYTE
    return 1000.0 if measure.unit == "s" and measure.mean < 1 else 1.0


def value_text(measure: Measure, value: float) -> str:
    """A value in the unit in which that measure is shown, without it."""
    if measure.unit == "bytes":
        return gigabytes(value)
    return figures.number(shown_factor(measure) * value)


def unit_text(measure: Measure) -> str:
    """The unit as it is shown."""
    match measure.unit:
        case "bytes":
            return translate("benchmark", "GB")
        case "s":
            return translate("benchmark", "ms") if measure.mean < 1 else translate("benchmark", "s")
        case "tok/s":
            return translate("benchmark", "tok/s")
        case "W":
            return translate("benchmark", "W")
        case "tok/J":
            return translate("benchmark", "tok/J")


def deviation_text(measure: Measure) -> str:
    """The sample deviation to the decimals of the mean, "" where there is none."""
    if measure.sd is None:
        return ""
    decimals = len(mean_text(measure).partition(".")[2])
    return f"± {shown_factor(measure) * measure.sd:.{decimals}f}"


def limit_text(limit: Limit) -> str:
    """Say how near a speed is to what memory or processor allow."""
    if limit.share > BELIEVABLE_SHARE:
        return translate("benchmark", "its limit was measured too low: other programs ran")
    if limit.bound == "memory":
        return translate("benchmark", "{share}% of what this memory allows").format(
            share=f"{100 * limit.share:.0f}"
        )
    return translate("benchmark", "{share}% of measured compute").format(share=f"{100 * limit.share:.0f}")


def outcome_text(outcome: Outcome) -> str:
    """Sum up a comparison, in generation and prompt."""
    return {
        "faster": translate("benchmark", "faster"),
        "slower": translate("benchmark", "slower"),
        "mixed": translate("benchmark", "faster in one, slower in the other"),
        "noise": translate("benchmark", "no difference beyond noise"),
        "not_conclusive": translate("benchmark", "not conclusive"),
        "too_few": translate("benchmark", "too few repeats to say"),
    }[outcome]


def reason_text(item: NotMeasured) -> str:
    """Say why a figure is missing."""
    return fill(translate("errors", item.reason), item.values)


def verdict_text(verdict: Verdict) -> str:
    """Say what a change means."""
    return {
        "better": translate("benchmark", "better"),
        "worse": translate("benchmark", "worse"),
        "noise": translate("benchmark", "within noise"),
        "not_conclusive": translate("benchmark", "not conclusive: the repeats scatter too much"),
        "too_few": translate("benchmark", "too few repeats to say: measure again, at least three times"),
    }[verdict]


def mark_text(mark: Mark) -> str:
    """A sentence about a disturbance."""
    return {
        "busy": translate("benchmark", "Other programs used the processor meanwhile."),
        "battery": translate("benchmark", "The computer ran on battery."),
        "hot": translate("benchmark", "The processor was at its heat limit."),
        "throttled": translate("benchmark", "Processor or graphics card slowed down for heat or power."),
    }[mark]


def suite_name(name: str) -> str:
    """The name of a suite in the window."""
    return {
        "speed": translate("benchmark", "Standard, up to three minutes"),
        "full": translate("benchmark", "Full, without a limit"),
        "quick": translate("benchmark", "Quick, two figures"),
    }.get(name, name)


def suite_text(name: str) -> str:
    """Say what a suite measures, and how often."""
    return {
        "speed": translate(
            "benchmark",
            "Speed at several lengths, latency, replies at once, memory and energy, each three times. Where "
            "that would take longer than three minutes, the least important steps are left out.",
        ),
        "full": translate(
            "benchmark",
            "All that Standard has, five times, and nothing left out: hours on a slow computer.",
        ),
        "quick": translate(
            "benchmark", "Reading a prompt of 512 tokens and writing 32, three times. Nothing else."
        ),
    }.get(name, "")


def stage_text(progress: BenchmarkProgress) -> str:
    """Say what a running benchmark does now."""
    step = {
        "identify": translate("benchmark", "Reading the model file"),
        "load": translate("benchmark", "Loading the model"),
        "prompt": translate("benchmark", "Measuring the prompt speed"),
        "generation": translate("benchmark", "Measuring the generation speed"),
        "reply": translate("benchmark", "Measuring a reply"),
        "first_token": translate("benchmark", "Measuring the time to the first token"),
        "streams": translate("benchmark", "Measuring several replies at once"),
        "ceilings": translate("benchmark", "Measuring memory and processor"),
    }[progress.stage]
    if progress.stage in ("identify", "ceilings"):
        return step
    if progress.repeat == 0:
        return translate("benchmark", "{step}, warm-up").format(step=step)
    return translate("benchmark", "{step}, {repeat} of {repeats}").format(
        step=step, repeat=progress.repeat, repeats=progress.repeats
    )


def field_name(field: str) -> str:
    """The name of something that differs between two runs."""
    return {
        "source": translate("benchmark", "program"),
        "processor": translate("benchmark", "processor"),
        "gpus": translate("benchmark", "graphics card"),
        "gpu_driver": translate("benchmark", "graphics driver"),
        "system": translate("benchmark", "system"),
        "model": translate("benchmark", "model"),
        "quantisation": translate("benchmark", "quantisation"),
        "sha256": translate("benchmark", "file"),
        "llama_cpp_version": translate("benchmark", "llama.cpp"),
        "stillroom_version": translate("benchmark", "Stillroom"),
        "backend": translate("benchmark", "back end"),
        "gpu_layers": translate("benchmark", "layers on the GPU"),
        "threads": translate("benchmark", "threads"),
        "context_tokens": translate("benchmark", "context"),
        "batch_tokens": translate("benchmark", "batch"),
        "kv_type": translate("benchmark", "KV cache"),
        "suite": translate("benchmark", "suite"),
    }.get(field, field)


def difference_text(item: Difference) -> str:
    """Name a difference between two runs, with both values."""
    return translate("benchmark", "{field} {before} → {after}").format(
        field=field_name(item.field),
        before=setting_words(item.before, item.field) or "–",
        after=setting_words(item.after, item.field) or "–",
    )


def when_text(started_at: str) -> str:
    """Format the start of a run (ISO 8601) in local time, short."""
    started = QDateTime.fromString(started_at, Qt.DateFormat.ISODate).toLocalTime()
    return QLocale().toString(started, QLocale.FormatType.ShortFormat)


def model_text(report: Report) -> str:
    """The model of a run, marked where it is not on this computer."""
    model = report.model
    if report.is_elsewhere:
        return translate("benchmark", "{model}, not on this computer").format(model=model.name)
    return f"{model.name} {model.quantisation}".strip()


def machine_text(run: Run) -> str:
    """One line about where and when a run was made."""
    backend = "" if run.engine is None else run.engine.backend
    if run.is_elsewhere:
        return translate("benchmark", "over HTTP from {server}, not on this computer · {when}").format(
            server=backend, when=when_text(run.started_at)
        )
    machine = run.machine
    parts = [machine.gpus[0].name if machine.gpus else machine.processor]
    if machine.gpu_driver:
        parts.append(translate("benchmark", "driver {version}").format(version=machine.gpu_driver))
    parts += [backend, when_text(run.started_at)]
    return " · ".join(filter(None, parts))
