"""A report as Markdown, for an issue, a forum or a wiki. English, as such places are."""

import re

from app.bench.compare import Comparison
from app.bench.report import Mark, Measure, Report

LABELS = {
    "load": "Load time (file in the page cache)",
    "first_token": "Time to first token",
    "peak_ram": "Peak memory of the engine process",
    "peak_vram": "GPU memory of the engine process",
    "latency_p50": "Between two tokens, half at most",
    "latency_p95": "Between two tokens, 95% at most",
    "latency_p99": "Between two tokens, 99% at most",
    "power": "Power while generating",
    "tok_per_j": "Tokens per joule",
}

MARKS: dict[Mark, str] = {
    "busy": "Other programs used the processor during some repeats.",
    "battery": "The computer ran on battery.",
    "hot": "The processor was at its heat limit.",
    "throttled": "The processor or the graphics card slowed down for heat or power during some repeats.",
}

VERDICTS = {
    "better": "better",
    "worse": "worse",
    "noise": "within noise",
    "not_conclusive": "not conclusive: a run scatters too much",
}

PROTOCOL = """\
Prompt: random tokens after the model's BOS, from an empty context. Generation: from an empty context, one
token at a time, greedy, past end-of-generation tokens; the first token belongs to the prompt and is left out.
llama-bench differs in two things: it feeds random tokens instead of sampling, and its tokens stand one
position earlier. ± is the sample deviation, the interval Student's t."""


def report_to_markdown(report: Report) -> str:
    """The whole report."""
    machine, model, engine = report.machine, report.model, report.engine
    gpus = ", ".join(f"{gpu.name} ({format_bytes(gpu.vram_total_bytes)})" for gpu in machine.gpus) or "none"
    lines = [
        f"# Benchmark of {model.name} ({model.quantisation})",
        "",
        f"Stillroom {report.stillroom_version}, suite {report.suite}, {report.started_at}, "
        f"{report.duration_s:.0f} s.",
        "",
        "| | mean ± deviation | 95% interval | n |",
        "|---|---:|---:|---:|",
        *(_measure_row(measure) for measure in report.measures),
        "",
        PROTOCOL,
        "",
        *(f"> {MARKS[mark]}\n" for mark in report.marks),
        "| | |",
        "|---|---|",
        f"| Processor | {machine.processor}, {machine.cores} cores, {machine.threads} threads |",
        f"| Memory | {format_bytes(machine.memory_total_bytes)} |",
        f"| GPU | {gpus} |",
        *([f"| GPU driver | {machine.gpu_driver} |"] if machine.gpu_driver else []),
        f"| System | {machine.system} |",
        f"| Model file | {model.file}, {format_bytes(model.size_bytes)}, "
        f"{model.parameters / 1e9:.2f} B parameters |",
        f"| SHA-256 | `{model.sha256}` |",
        f"| llama.cpp | {engine.llama_cpp_version}, {engine.backend} |",
        f"| Settings | {engine.gpu_layers} of {model.layers} layers on the GPU, {engine.threads} threads, "
        f"context {engine.context_tokens}, batch {engine.batch_tokens}, KV cache {engine.kv_type} |",
    ]
    return "\n".join(lines) + "\n"


def comparison_to_markdown(comparison: Comparison) -> str:
    """Two runs side by side."""
    before, after = comparison.before, comparison.after
    lines = [
        f"# {before.model.name} ({before.model.quantisation}) against "
        f"{after.model.name} ({after.model.quantisation})",
        "",
        f"| | {before.started_at} | {after.started_at} | change | |",
        "|---|---:|---:|---:|---|",
    ]
    for change in comparison.changes:
        lines.append(
            f"| {label_of(change.key)} | {format_measure(change.before)} | {format_measure(change.after)} "
            f"| {change.change_percent:+.1f}% | {VERDICTS[change.verdict]} |"
        )
    if comparison.differences:
        lines += ["", "What else differs:", ""]
        lines += [f"- {item.field}: {item.before} / {item.after}" for item in comparison.differences]
    return "\n".join(lines) + "\n"


def label_of(key: str) -> str:
    """The English name of a measure."""
    if key in LABELS:
        return LABELS[key]
    tokens, depth, streams = parts_of(key)
    if key.startswith("pp") and tokens:
        return f"Prompt, {tokens:,} tokens"
    if key.startswith("tg") and depth:
        return f"Generation, {tokens:,} tokens after {depth:,}"
    if key.startswith("tg") and streams:
        return f"Replies at once: {streams}, {tokens:,} tokens each"
    if key.startswith("tg") and tokens:
        return f"Generation, {tokens:,} tokens"
    return key


def parts_of(key: str) -> tuple[int, int, int]:
    """Tokens, depth and replies at once of a speed's key, such as "tg128@2048" or "tg64x8"; 0 where it says
    none."""
    found = re.fullmatch(r"[a-z]+(\d+)(?:@(\d+))?(?:x(\d+))?", key)
    tokens, depth, streams = found.groups("0") if found else ("0", "0", "0")
    return int(tokens), int(depth), int(streams)


def format_measure(measure: Measure) -> str:
    """Mean and deviation with the unit."""
    if measure.unit == "bytes":
        return format_bytes(measure.mean)
    digits = decimals(measure.mean)
    deviation = "" if measure.sd is None else f" ± {measure.sd:.{digits}f}"
    return f"{measure.mean:,.{digits}f}{deviation} {measure.unit}"


def decimals(value: float) -> int:
    """How many decimals give about three significant figures."""
    return 0 if value >= 1000 else 1 if value >= 10 else 2 if value >= 1 else 3


def format_bytes(count: float) -> str:
    """Gigabytes and megabytes of powers of ten, as on a disk."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _measure_row(measure: Measure) -> str:
    interval = (
        "" if measure.low is None or measure.high is None else _interval(measure.low, measure.high, measure)
    )
    return f"| {label_of(measure.key)} | {format_measure(measure)} | {interval} | {len(measure.samples)} |"


def _interval(low: float, high: float, measure: Measure) -> str:
    digits = decimals(measure.mean)
    return f"{low:,.{digits}f} to {high:,.{digits}f}"
