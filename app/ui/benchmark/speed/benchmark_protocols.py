"""The protocol of each figure of a benchmark, in the window's language; `report_words` has it in English."""

from PySide6.QtCore import QCoreApplication

from app.bench.report.report_words import parts_of
from app.bench.results.report import OVER_HTTP

translate = QCoreApplication.translate


def protocol_text(key: str, source: str = "stillroom") -> str:
    """The protocol of the measure with that key in a run of that source; "" for one that is not ours."""
    if source == OVER_HTTP:
        return _over_http(key)
    tokens, depth, streams = parts_of(key)
    if key.startswith("latency"):
        return translate("benchmark", "Over each repeat of the reply, on the engine's thread.")
    if key.startswith("pp") and tokens:
        return translate("benchmark", "llama-bench's pp: random tokens, from an empty context.")
    if key.startswith("reply") and tokens:
        return translate(
            "benchmark",
            "As a chat gets it, from an empty context: each token is drawn (greedy, past end-of-generation "
            "tokens), made text of and sent. The first token belongs to the prompt and is left out.",
        )
    if key.startswith("tg") and depth:
        return translate(
            "benchmark", "llama-bench's tg at a depth, behind a prompt of so many random tokens."
        )
    if key.startswith("tg") and streams:
        return translate(
            "benchmark",
            "llama-batched-bench's tg: replies to prompts of 16 random tokens, all at once; the tokens of "
            "all by the time of the longest.",
        )
    if key.startswith("tg") and tokens:
        return translate(
            "benchmark",
            "llama-bench's tg: random tokens, one at a time, from an empty context; none is drawn.",
        )
    return {
        "load": translate(
            "benchmark", "From the request to the loaded model, the file being in the page cache."
        ),
        "first_token": translate(
            "benchmark",
            "An English text of about 450 tokens, nothing of it in the cache; from the request's arrival at "
            "the engine to its first token.",
        ),
        "peak_ram": translate(
            "benchmark", "The largest resident memory of the engine's process, the mapped file included."
        ),
        "peak_vram": translate(
            "benchmark", "The most that the driver counted for the engine's process, read after each repeat."
        ),
        "power": translate(
            "benchmark",
            "Energy of the graphics cards, or else of the processor's package, over a whole generation, by "
            "its time.",
        ),
        "tok_per_j": translate("benchmark", "Generated tokens by that energy."),
    }.get(key, "")


def _over_http(key: str) -> str:
    if key.startswith("pp"):
        return translate(
            "benchmark",
            "Over HTTP: the tokens by which a long prompt and a short one differ, by the server's own count, "
            "by the difference of their times to the first token.",
        )
    if key.startswith("tg") and "x" in key:
        return translate(
            "benchmark",
            "Over HTTP: so many stories asked for at once; the tokens of all by the time from asking to the "
            "end of the last, prompts included.",
        )
    if key.startswith("tg"):
        return translate(
            "benchmark",
            "Over HTTP: a story, greedy, of so many tokens if the model does not end it before; the tokens "
            "after the first by the time from the first piece to the last, as they arrive here.",
        )
    if key.startswith("latency"):
        return translate(
            "benchmark",
            "Over HTTP: the time between two pieces of that reply, a token each, as they arrive here.",
        )
    return translate(
        "benchmark",
        "Over HTTP: an English text of about 450 tokens, which begins differently each time; from the "
        "request to the first piece of the reply, with the way there and back.",
    )
