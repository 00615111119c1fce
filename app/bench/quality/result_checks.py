"""Checks on quality runs that somebody else may have made up, as they are read."""

import msgspec

from app.bench.quality.result import ItemResult, QualityRun
from app.bench.results.report_checks import LONGEST_NAME, MOST_CARDS, check_numbers, is_time, with_shown_texts
from models.system.shown_text import shown

LONGEST_ID = 200
MOST_COLLECTIONS = 64
MOST_TURNS = 20
MOST_TOKENS = 1 << 31
"""Of a reply."""
LONGEST_S = 1e7
"""Of a reply; a third of a year."""
LARGEST_NLL = 50.0
"""Of a part's mean: a model that draws from a million tokens at random has 14."""

_MOST_OF_A_SCORE = {"rouge_l": 1.0, "bleu": 100.0}
_READ_TEXT = ("scored_tokens", "nll", "nll_squares")


def check_run(run: QualityRun) -> None:
    """Raise `ValueError` with the reason for the head of a run that cannot be shown and compared."""
    check_numbers(msgspec.to_builtins(run))
    _check(_is_plain(run.id, LONGEST_NAME), "its name is too long, or cannot be shown")
    _check(is_time(run.started_at), "it does not say when it was measured")
    _check(len(run.collections) <= MOST_COLLECTIONS, "it has more collections than a run has")
    _check(len(run.machine.gpus) <= MOST_CARDS, "it has more graphics cards than a computer has")
    protocol = run.protocol
    counts = (protocol.max_tokens, protocol.samples, protocol.sampling.temperature, protocol.sampling.top_p)
    sizes = (run.model.size_bytes, *(facts.items for facts in run.collections))
    _check(min(*counts, *sizes) >= 0, "it holds a negative size or count")


def shown_run(run: QualityRun) -> QualityRun:
    """Return the same head with every name in it as one line that can be shown."""
    # What replies were drawn with has ends of lines.
    return msgspec.structs.replace(with_shown_texts(run), protocol=run.protocol)


def check_result(result: ItemResult) -> None:
    """Raise `ValueError` with the reason for a result whose figures nothing measures."""
    check_numbers(msgspec.to_builtins(result))
    _check(_is_plain(result.id, LONGEST_ID), "an item's name in it is too long, or cannot be shown")
    _check(len(result.turns) <= MOST_TURNS, "an item in it has more questions than one has")
    for turn in result.turns:
        counts = (turn.prompt_tokens, turn.completion_tokens, turn.thinking_tokens)
        _check(0 <= min(counts) <= max(counts) <= MOST_TOKENS, "a reply in it has no number of tokens")
        _check(0 <= turn.seconds <= LONGEST_S, "a reply in it took no time that one takes")
    _check(result.words >= 0 and 0 <= result.depth <= 1, "an item in it stands at no place of a text")
    for name, score in result.scores.items():
        most = _MOST_OF_A_SCORE.get(name)
        _check(most is None or 0 <= score <= most, "it holds a score beyond its scale")
    if result.kind == "perplexity":
        _check_read_text(result)
    else:
        _check(min(result.scores.values(), default=0.0) >= 0, "it holds a negative score")


def _check_read_text(result: ItemResult) -> None:
    """Check the sums of a part of a text: of their means the powers of e are taken."""
    _check(set(_READ_TEXT) <= set(result.scores), "a part of a text in it has no sums")
    n, nll, squares = (result.scores[name] for name in _READ_TEXT)
    _check(n >= 0 and n == int(n), "a part of a text in it has no number of tokens")
    # Sums of rounded numbers may be a little below zero.
    _check(-0.01 * n <= nll <= LARGEST_NLL * n, "a part of a text in it has sums that no model has")
    _check(0 <= squares <= LARGEST_NLL**2 * n, "a part of a text in it has sums that no model has")


def _is_plain(text: str, most: int) -> bool:
    return shown(text, most) == text


def _check(holds: bool, reason: str) -> None:
    if not holds:
        raise ValueError(reason)
