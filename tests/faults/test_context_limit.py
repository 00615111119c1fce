"""A thousand prompts around the size of the context: none ends the engine, each says what became of it."""

import os
import random

import pytest

from app.engine.protocol import Failed, Finished, Generate, LoadSettings, ModelInfo
from tests.support.engines import GREEDY, Session, starter_path

PROMPTS = int(os.environ.get("STILLROOM_CONTEXT_PROMPTS", "1000"))
CONTEXT_TOKENS = 256
AT_ONCE = 8


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_prompts_around_the_limit_are_answered_or_refused() -> None:
    session = Session("child")
    settings = LoadSettings(context_tokens=CONTEXT_TOKENS, batch_tokens=64, threads=1, sequences=4)
    info = session.load(starter_path(), settings)
    assert isinstance(info, ModelInfo)
    limit = info.context_tokens
    draw = random.Random(7)
    asked: dict[int, int] = {}
    counts = dict.fromkeys(("refused", "context", "length"), 0)
    waiting = 0
    for place in range(PROMPTS):
        length = limit + draw.randint(-12, 12)
        # Most begin alike, so that reused, copied and fresh beginnings all come to the edge.
        first = 1000 if place % 10 else 1000 + place
        request = Generate(
            request_id=session.new_id(),
            tokens=[first + number for number in range(length)],
            sampling=GREEDY,
            max_tokens=draw.choice((0, 1, 3, 8)),
            ignore_eog=True,
            speculation=draw.choice(("off", "lookup")),
        )
        asked[request.request_id] = length
        session.engine.post(request)
        waiting += 1
        while waiting >= AT_ONCE or (place == PROMPTS - 1 and waiting):
            event = session.engine.next_event()
            if isinstance(event, Failed):
                assert asked[event.request_id] >= limit
                assert event.values == {"prompt_tokens": asked[event.request_id], "context_tokens": limit}
                assert event.hint
                counts["refused"] += 1
                waiting -= 1
            elif isinstance(event, Finished):
                assert asked[event.request_id] < limit
                assert event.stats.context_tokens_used <= limit
                assert event.reason in ("context", "length")
                counts[event.reason] += 1
                waiting -= 1
    session.engine.close()
    print(f"\n  {PROMPTS} prompts around {limit} tokens: {counts}")
    assert sum(counts.values()) == PROMPTS
    assert all(counts.values())
