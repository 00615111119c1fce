"""Every character there is, and many random texts, through the ways by which texts from outside are shown."""

import io
import random
import sys
import time
import unicodedata

import pytest

from app.commands.terminal.console import Console
from models.system.errors import StillroomError
from models.system.shown_text import MOST_OF_A_VALUE, shown

TEXTS = 20_000
SEED = 7


@pytest.mark.faults
def test_every_character_is_seen_or_shown() -> None:
    unseen = [
        code
        for code in range(sys.maxunicode + 1)
        if len(one := shown(chr(code))) != 1
        or not one.isprintable()
        or unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]
    print(f"\n{sys.maxunicode + 1:,} characters, {len(unseen)} unseen")
    assert unseen == []


@pytest.mark.faults
def test_random_texts_are_one_line_of_bounded_length() -> None:
    source = random.Random(SEED)
    worst_s, longest = 0.0, 0
    for _ in range(TEXTS):
        length = int(10 ** source.uniform(0, 5))
        few = [
            chr(source.choice((source.randrange(0xA0), source.randrange(sys.maxunicode + 1))))
            for _ in range(50)
        ]
        text = "".join(few) * (length // 50 + 1)
        began_s = time.perf_counter()
        out = io.StringIO()
        Console(out, out).error(StillroomError("No {name}: {name}.", "Ask {name}.", name=text))
        worst_s = max(worst_s, time.perf_counter() - began_s)
        said = out.getvalue()
        longest = max(longest, len(said))
        assert said.count("\n") == 2
        assert said.replace("\n", "").isprintable()
        said.encode("utf-8")
    print(f"\n{TEXTS:,} texts of 50 to 100,050 characters: {worst_s * 1000:.1f} ms, {longest} characters")
    assert longest <= 3 * MOST_OF_A_VALUE + 100
    assert worst_s < 2
