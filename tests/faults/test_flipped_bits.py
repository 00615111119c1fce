"""500 flipped bits and 50 truncations of each kind of file: the user is told, or there is no difference."""

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.support.damage import DamagedCopies, flipped
from tests.support.own_files import OWN_FILES, OwnFile

pytestmark = pytest.mark.faults

FLIPS, TRUNCATIONS = 500, 50


@pytest.mark.parametrize("kind", OWN_FILES, ids=lambda kind: kind.name)
def test_no_damage_is_silent(kind: OwnFile, tmp_path: Path) -> None:
    copies, rng = DamagedCopies(kind, tmp_path), random.Random(kind.name)
    bits = range(8 * len(copies.content))
    flips: Counter[str] = Counter()
    for bit in rng.sample(bits, FLIPS) if len(bits) > FLIPS else bits:
        outcome, text = copies.outcome(lambda data, bit=bit: flipped(data, bit))
        flips[outcome] += 1
        assert outcome != "silent", f"bit {bit}: {text}"
    cuts: Counter[str] = Counter()
    lengths = range(len(copies.content))
    # Always the empty file, and the one that lacks its last byte.
    for length in {0, len(copies.content) - 1, *rng.sample(lengths, min(TRUNCATIONS - 2, len(lengths)))}:
        outcome, text = copies.outcome(lambda data, length=length: data[:length])
        cuts[outcome] += 1
        assert outcome != "silent", f"{length} bytes: {text}"
    print(
        f"\n{kind.name}: of {flips.total()} flipped bits {flips['said']} said, {flips['no effect']} without "
        f"effect; of {cuts.total()} truncations {cuts['said']} said, {cuts['no effect']} without effect"
    )
