"""How small a token's share may be so that nobody can tell whether it was left out."""

NEGLIGIBLE_MASS = 2.0**-24
"""Half a unit in the last place of a float32 sum of probabilities."""


def negligible_ratio(vocabulary: int, temperature: float) -> float:
    """The `min_p` for the untempered logits that removes less than `NEGLIGIBLE_MASS` of the distribution.

    Top_p over a whole vocabulary computes an exponential for every token and sorts them: 1.5 ms a token
    over 152,000, and 7 to 12 ms where the nucleus is wide. A `min_p` in front compares logits only, and
    leaves some hundred to some thousand tokens of a language model's.

    Why nothing changes: `min_p` r removes the tokens whose untempered share is below r times the largest, so
    whose logit lies more than -ln r below the largest. At temperature t their tempered share is below
    r ** (1 / t) times the largest, which is at most 1. With r = (m / vocabulary) ** t, all of them together
    have less than vocabulary * m / vocabulary = m = `NEGLIGIBLE_MASS`. Their loss raises every other share by
    a factor below 1 / (1 - m), which rounds to 1 in the float32 in which llama.cpp sums the nucleus, so the
    nucleus and each share in it stay what they are, whatever the logits. (A wide top_k gives no such bound:
    flat logits have their mass in the tail.)
    """
    return float((NEGLIGIBLE_MASS / max(vocabulary, 1)) ** temperature)
