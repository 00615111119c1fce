"""Find files by what somebody types of their paths."""

from collections.abc import Sequence


def names_with(paths: Sequence[str], typed: str, most: int) -> list[str]:
    """Return the paths that hold every word of `typed`, whatever its case: first those whose own name begins
    so, then those whose name holds it, then those where a folder does; shorter ones first."""
    words = typed.casefold().replace("\\", "/").split()
    if not words:
        return list(paths[:most])
    found = []
    for path in paths:
        folded = path.casefold()
        if all(word in folded for word in words):
            name = folded.rpartition("/")[2]
            rank = 0 if name.startswith(words[0]) else 1 if words[0] in name else 2
            found.append((rank, len(path), path))
    return [path for _, _, path in sorted(found)[:most]]
