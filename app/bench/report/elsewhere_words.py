"""The facts and protocols of a run over HTTP in English words; `report_words` has those of all other runs."""

from app.bench.results.report import Report

_PROTOCOLS = {
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
    """How the measure of that key is taken over HTTP."""
    if key.startswith("tg") and "x" in key:
        return _PROTOCOLS["streams"]
    return next((text for name, text in _PROTOCOLS.items() if key.startswith(name)), "")


def elsewhere_facts_of(report: Report) -> list[tuple[str, str]]:
    """The server, the model and the computer that it was measured from, by their names."""
    machine, engine = report.machine, report.engine
    return [
        ("Server", f"{engine.backend}, {report.source}"),
        ("Model", report.model.name),
        ("Context", f"{engine.context_tokens:,} tokens, as far as the server tells"),
        ("Measured from", f"{machine.processor}, {machine.cores} cores, {machine.system}"),
    ]
