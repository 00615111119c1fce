"""Measures how soon a cut reply goes on: `python -m tests.perf.continued_reply [FILE] [PROMPT_TOKENS]
[SAID_TOKENS] [ROUNDS]`, with the starter model where no file is given.

It prints JSON: the seconds to the first token of the cold prompt and of the continued reply, and their ratio
(aim: 5%), where the state is in memory, where it comes from the disk after a reload, and where it is gone, so
that the text has to be tokenised and evaluated with its prompt.
"""

import json
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.engine.protocol import DropStates, LoadSettings, ModelInfo, Unload, Unloaded
from tests.support.continued import Said, say
from tests.support.engines import Session, starter_path

FURTHER_TOKENS = 4


def main() -> None:
    model = sys.argv[1] if len(sys.argv) > 1 else starter_path()
    prompt_tokens, said_tokens, rounds = (
        int(sys.argv[place]) if len(sys.argv) > place else usual
        for place, usual in ((2, 1500), (3, 300), (4, 5))
    )
    session = Session("child")
    try:
        measure(session, model, prompt_tokens, said_tokens, rounds)
    finally:
        session.engine.close()


def measure(session: Session, model: str, prompt_tokens: int, said_tokens: int, rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        settings = LoadSettings(context_tokens=prompt_tokens + said_tokens + 512)
        info = loaded(session, model, settings, Path(folder))
        ways: dict[str, Callable[[], object]] = {
            "in memory": lambda: None,
            "from the disk": lambda: loaded(session, model, settings, Path(folder)),
            "without the state": lambda: session.engine.post(DropStates(chat_keys=["chat"])),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ("cold", *ways)}
        draw = random.Random(7)
        for _ in range(rounds):
            for name, prepare in ways.items():
                tokens = [draw.randrange(1000, min(40_000, info.vocabulary)) for _ in range(prompt_tokens)]
                options: dict[str, object] = {"tokens": tokens, "thinking": "open", "logprobs": None}
                first = say(session, max_tokens=said_tokens, **options)
                seconds["cold"].append(first.end.stats.ttft_s)
                prepare()
                second = went_on(session, first, options)
                seconds[name].append(second.end.stats.ttft_s)
    cold_s = statistics.median(seconds["cold"])
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(
        json.dumps(
            {
                "model": info.name,
                "prompt_tokens": prompt_tokens,
                "said_tokens": said_tokens,
                "rounds": rounds,
                "first_token_s": {name: round(value, 4) for name, value in medians.items()},
                "ratio": {
                    name: round(value / cold_s, 4) for name, value in medians.items() if name != "cold"
                },
            }
        )
    )


def loaded(session: Session, model: str, settings: LoadSettings, states: Path) -> ModelInfo:
    """Load the model anew."""
    session.engine.post(Unload(request_id=session.new_id()))
    session.wait_for(Unloaded)
    info = session.load(model, settings, states_path=str(states))
    assert isinstance(info, ModelInfo)
    return info


def went_on(session: Session, first: Said, options: dict[str, object]) -> Said:
    """Let the reply go on for some tokens."""
    return say(session, partial=first.partial(), max_tokens=FURTHER_TOKENS, **options)


if __name__ == "__main__":
    main()
