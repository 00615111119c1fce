"""How each figure of a benchmark is measured, in the window's language; `report_words` has it in English."""

from PySide6.QtCore import QCoreApplication

from app.bench.report_words import parts_of

translate = QCoreApplication.translate


def protocol_text(key: str) -> str:
    """The protocol of the measure with that key; "" for one that is not ours."""
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
