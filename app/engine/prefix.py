"""Which part of a prompt the KV cache holds already. Pure."""

from collections.abc import Sequence


def common_prefix_length(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens at the start are the same."""
    limit = min(len(first), len(second))
    if first[:limit] == second[:limit]:
        return limit
    low, high = 0, limit
    while low + 1 < high:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low


def reusable_length(cached: Sequence[int], prompt: Sequence[int]) -> int:
    """Prompt tokens that need no evaluation; the last one does: its logits give the first new token."""
    return min(common_prefix_length(cached, prompt), max(len(prompt) - 1, 0))
