"""A report's figures and facts in English words, for Markdown, HTML and the terminal."""

import re

from app.bench.results.report import OVER_HTTP, Limit, Mark, Measure, ModelFacts, Report
from app.bench.results.run_difference import Outcome, Verdict

LABELS = {
    "load": "Load time (file in the page cache)",
    "first_token": "Time to first token",
    "peak_ram": "Peak memory of the engine process",
    "peak_vram": "VRAM of the engine process",
    "latency_p50": "Between two tokens, half at most",
    "latency_p95": "Between two tokens, 95% at most",
    "latency_p99": "Between two tokens, 99% at most",
    "power": "Power while generating",
    "tok_per_j": "Tokens per joule",
    "memory_bytes_per_s": "Memory speed",
}

MARKS: dict[Mark, str] = {
    "busy": "Other programs used the processor during some repeats.",
    "battery": "The computer ran on battery.",
    "hot": "The processor was at its heat limit.",
    "throttled": "The processor or the graphics card slowed down for heat or power during some repeats.",
}

VERDICTS: dict[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "noise": "within noise",
    "not_conclusive": "not conclusive: a run scatters too much",
    "too_few": "too few repeats to say",
}

OUTCOMES: dict[Outcome, str] = {
    "faster": "faster",
    "slower": "slower",
    "mixed": "faster in one, slower in the other",
    "noise": "no difference beyond noise",
    "not_conclusive": "not conclusive",
    "too_few": "too few repeats to say",
}

_PROTOCOLS = {
    "load": "From the request to the loaded model, the file being in the page cache.",
    "first_token": "Our own English text of about 450 tokens, nothing of it in the cache; from the request's "
    "arrival at the engine to its first token.",
    "latency": "Over each repeat of the reply, on the engine's thread.",
    "peak_ram": "The largest resident memory of the engine's process, the mapped file included, counted by "
    "the system from before the first load to the end.",
    "peak_vram": "The most that the driver counted for the engine's process, read after each repeat.",
    "power": "Energy of the graphics cards, or else of the processor's package, by their own counters over a "
    "whole generation, by its time.",
    "tok_per_j": "Generated tokens by that energy.",
    "pp": "llama-bench's pp: random tokens, from an empty context.",
    "tg": "llama-bench's tg: random tokens, one at a time, from an empty context; none is drawn.",
    "depth": "llama-bench's tg at a depth: the same, behind a prompt of so many random tokens.",
    "reply": "As a chat gets it, from an empty context: each token is drawn (greedy, past end-of-generation "
    "tokens), made text of and sent. The first token belongs to the prompt and is left out.",
    "streams": "llama-batched-bench's tg: replies to prompts of 16 random tokens, all at once; the tokens of "
    "all by the time of the longest.",
}

BELIEVABLE_SHARE = 1.05
"""A speed above this share of its limit shows that the limit was measured too low."""

STATISTICS = (
    "Every figure is the mean over n repeats, which go round all steps, so that drift shows as scatter. ± is "
    "the sample deviation, the interval 95% by Student's t."
)


def interruptions_text(count: int) -> str:
    """Say how often a run was interrupted before its end."""
    return f"The run was interrupted {'once' if count == 1 else f'{count} times'}, and went on."


def label_of(key: str) -> str:
    """The English name of a measure."""
    if key in LABELS:
        return LABELS[key]
    tokens, depth, streams = parts_of(key)
    if key.startswith("pp") and tokens:
        return f"Prompt, {tokens:,} tokens"
    if key.startswith("reply") and tokens:
        return f"A reply of {tokens:,} tokens"
    if key.startswith("tg") and depth:
        return f"Generation, {tokens:,} tokens after {depth:,}"
    if key.startswith("tg") and streams:
        return f"Replies at once: {streams}, {tokens:,} tokens each"
    if key.startswith("tg") and tokens:
        return f"Generation, {tokens:,} tokens"
    return key


def model_title(model: ModelFacts) -> str:
    """A model with its quantisation, where that is known."""
    return f"{model.name} ({model.quantisation})" if model.quantisation else model.name


def protocol_of(key: str, source: str = "stillroom") -> str:
    """Describe how the measure of that key is taken in a run of that source; "" for one that is not ours."""
    if source == OVER_HTTP:
        return elsewhere_protocol_of(key)
    if key.startswith("latency"):
        return _PROTOCOLS["latency"]
    tokens, depth, streams = parts_of(key)
    if tokens:
        name = "depth" if depth else "streams" if streams else key.rstrip("0123456789")
        return _PROTOCOLS.get(name, "")
    return _PROTOCOLS.get(key, "")


def parts_of(key: str) -> tuple[int, int, int]:
    """Tokens, depth and replies at once of a speed's key, such as "tg128@2048" or "tg64x8"; 0 where it says
    none."""
    found = re.fullmatch(r"[a-z]+(\d+)(?:@(\d+))?(?:x(\d+))?", key)
    tokens, depth, streams = found.groups("0") if found else ("0", "0", "0")
    return int(tokens), int(depth), int(streams)


def limit_text(limit: Limit) -> str:
    """Say how near a speed is to its limit."""
    if limit.share > BELIEVABLE_SHARE:
        return "more than was measured as possible: other programs disturbed that measurement"
    what = "this memory allows" if limit.bound == "memory" else "this computer can compute"
    return f"{100 * limit.share:.0f}% of what {what}"


def facts_of(report: Report) -> list[tuple[str, str]]:
    """The computer, the model and the settings, by their names; what is not known is left out."""
    if report.is_elsewhere:
        return elsewhere_facts_of(report)
    machine, model, engine, ceilings = report.machine, report.model, report.engine, report.ceilings
    rows = [("Processor", machine.processor)]
    if machine.cores:
        rows[0] = ("Processor", f"{machine.processor}, {machine.cores} cores, {machine.threads} threads")
    if machine.features:
        rows.append(("Instruction sets", ", ".join(machine.features)))
    if machine.memory_total_bytes:
        rows.append(("Memory", format_bytes(machine.memory_total_bytes)))
    if ceilings is not None:
        if ceilings.memory_bytes_per_s:
            rows.append(
                (
                    "Memory speed, measured",
                    f"{format_rate(ceilings.memory_one_thread_bytes_per_s)} with 1 thread, "
                    f"{format_rate(ceilings.memory_bytes_per_s)} with {ceilings.threads}; "
                    f"{format_rate(ceilings.working_set_bytes_per_s)} over the "
                    f"{format_bytes(ceilings.working_set_bytes)} that a token of this model needs",
                )
            )
        if ceilings.flop_per_s:
            rows.append(
                (
                    "Computing, measured",
                    f"{ceilings.flop_per_s / 1e9:,.0f} GFLOP/s (llama.cpp's product of "
                    f"{ceilings.weight_type} matrices, {ceilings.device.upper()})",
                )
            )
    for gpu in machine.gpus:
        parts = [gpu.name]
        if gpu.vram_total_bytes:
            parts.append(format_bytes(gpu.vram_total_bytes))
        if gpu.vram_bytes_per_s:
            parts.append(f"{format_rate(gpu.vram_bytes_per_s)} by clock and bus")
        if gpu.pcie:
            parts.append(f"PCIe {gpu.pcie}")
        rows.append(("GPU", ", ".join(parts)))
    if not machine.gpus:
        rows.append(("GPU", "none that NVIDIA's driver or llama.cpp knows"))
    if machine.gpu_driver:
        rows.append(("GPU driver", machine.gpu_driver))
    if machine.system:
        rows.append(("System", machine.system))
    rows.append(
        (
            "Model file",
            f"{model.file}, {format_bytes(model.size_bytes)}, {model.parameters / 1e9:.2f} B parameters",
        )
    )
    if model.sha256:
        rows.append(("SHA-256", model.sha256))
    rows.append(("llama.cpp", f"{engine.llama_cpp_version}, {engine.backend}"))
    rows.append(("Settings", _settings_text(report)))
    return rows


def _settings_text(report: Report) -> str:
    engine, layers = report.engine, report.model.layers
    parts = [f"{engine.gpu_layers} of {layers} layers on the GPU"] if layers else []
    parts.append(f"{engine.threads} threads")
    if engine.context_tokens:
        parts.append(f"context {engine.context_tokens:,}")
    return ", ".join([*parts, f"batch {engine.batch_tokens}", f"KV cache {engine.kv_type}"])


def format_measure(measure: Measure) -> str:
    """Mean and deviation with the unit."""
    if measure.unit == "bytes":
        return format_bytes(measure.mean)
    factor, unit = _shown(measure)
    digits = decimals(factor * measure.mean)
    deviation = "" if measure.sd is None else f" ± {factor * measure.sd:.{digits}f}"
    return f"{factor * measure.mean:,.{digits}f}{deviation} {unit}"


def format_interval(measure: Measure) -> str:
    """The ends of the confidence interval, "" where there is none."""
    if measure.low is None or measure.high is None:
        return ""
    factor, _ = _shown(measure)
    digits = decimals(factor * measure.mean)
    return f"{max(0.0, factor * measure.low):,.{digits}f} to {factor * measure.high:,.{digits}f}"


def _shown(measure: Measure) -> tuple[float, str]:
    """Return the factor that a value is shown with, and its unit then: a time below a second is in
    milliseconds."""
    return (1000.0, "ms") if measure.unit == "s" and measure.mean < 1 else (1.0, measure.unit)


def decimals(value: float) -> int:
    """Return the number of decimals for about three significant figures."""
    return 0 if value >= 1000 else 1 if value >= 10 else 2 if value >= 1 else 3


def format_bytes(count: float) -> str:
    """Gigabytes and megabytes of powers of ten, as on a disk."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def format_rate(bytes_per_s: float) -> str:
    """Gigabytes per second."""
    return f"{bytes_per_s / 1e9:.1f} GB/s"


_ELSEWHERE_PROTOCOLS = {
    "first_token": "Over HTTP: our own English text of about 450 tokens, which begins differently each time; "
    "from the request to the first piece of the reply, with the way there and back.",
    "pp": "Over HTTP: the tokens by which a long prompt and a short one differ, by the server's own count, "
    "by the difference of their times to the first token.",
    "tg": "Over HTTP: a story, greedy, of so many tokens if the model does not end it before; the tokens "
    "after the first by the time from the first piece to the last, as they arrive here.",
    "latency": "Over HTTP: the time between two pieces of that reply, a token each, as they arrive here.",
    "streams": "Over HTTP: so many stories asked for at once; the tokens of all by the time from asking to "
    "the end of the last, prompts included.",
}


def elsewhere_protocol_of(key: str) -> str:
    """Describe how the measure of that key is taken over HTTP."""
    if key.startswith("tg") and "x" in key:
        return _ELSEWHERE_PROTOCOLS["streams"]
    return next((text for name, text in _ELSEWHERE_PROTOCOLS.items() if key.startswith(name)), "")


def elsewhere_facts_of(report: Report) -> list[tuple[str, str]]:
    """The server, the model and the computer that it was measured from, by their names."""
    machine, engine = report.machine, report.engine
    return [
        ("Server", f"{engine.backend}, {report.source}"),
        ("Model", report.model.name),
        ("Context", f"{engine.context_tokens:,} tokens, as far as the server tells"),
        ("Measured from", f"{machine.processor}, {machine.cores} cores, {machine.system}"),
    ]
