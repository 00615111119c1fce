"""Greedy replies, alone and four at a time, against llama.cpp's own: the same up to the first near tie.

In another batch llama.cpp adds in another order, so logits differ in their last places; where the two best
lie closer than that, either may win, and the texts part.
"""

import os

import pytest

from app.engine.protocol import Delta, Finished, Generate, LoadSettings, ModelInfo
from tests.perf.engine_speed import model_path
from tests.perf.llama_greedy import LlamaGreedy
from tests.support.engines import GREEDY, Session

PROMPTS = int(os.environ.get("STILLROOM_PERF_PROMPTS", "50"))
NEW_TOKENS = 64

SUBJECTS = (
    "a lighthouse",
    "the sea",
    "old bridges",
    "a clock",
    "snow",
    "bread",
    "two rivers",
    "stars",
    "a fox",
    "tea",
)
TASKS = (
    "Write about {}.",
    "List facts on {}:",
    "Once there was {} and",
    "Explain {} to a child.",
    "Why do we love {}?",
)


def ask(session: Session, prompts: list[list[int]]) -> list[tuple[list[int], list[float]]]:
    """The tokens of replies that run side by side, and by how much each won."""
    ids = [session.new_id() for _ in prompts]
    for id_, prompt in zip(ids, prompts, strict=True):
        session.engine.post(
            Generate(
                request_id=id_, tokens=prompt, sampling=GREEDY, max_tokens=NEW_TOKENS, ignore_eog=True,
                logprobs=2, reuse_prefix=False,
            )
        )  # fmt: skip
    said: dict[int, tuple[list[int], list[float]]] = {id_: ([], []) for id_ in ids}
    ended = 0
    while ended < len(ids):
        event = session.engine.next_event()
        if isinstance(event, Delta):
            tokens, leads = said[event.request_id]
            for share in event.logprobs:
                tokens.append(share.drawn.token)
                leads.append(share.top[0].logprob - share.top[1].logprob)
        elif isinstance(event, Finished):
            ended += 1
    return [said[id_] for id_ in ids]


@pytest.mark.perf
@pytest.mark.timeout(3600)
def test_greedy_replies_are_llama_cpp_s_own() -> None:
    session = Session("child")
    loaded = session.load(model_path(), LoadSettings(context_tokens=256, threads=1, sequences=4))
    assert isinstance(loaded, ModelInfo)
    texts = [task.format(subject) for subject in SUBJECTS for task in TASKS][:PROMPTS]
    prompts = [session.tokens_of(text) for text in texts]
    llama = LlamaGreedy(model_path(), threads=1, context_tokens=256)
    reference = [llama.complete(prompt, NEW_TOKENS) for prompt in prompts]
    llama.close()
    alone = [ask(session, [prompt])[0] for prompt in prompts]
    batched = [
        said for start in range(0, len(prompts), 4) for said in ask(session, prompts[start : start + 4])
    ]
    session.engine.close()
    noise = batching_noise(alone, batched)
    print(f"\n  batching noise: the lead of the best token differs by up to {noise:.3f}")
    for name, replies in (("alone", alone), ("in a batch of 4", batched)):
        parted = 0
        for (tokens, leads), expected in zip(replies, reference, strict=True):
            place = parting(tokens, expected)
            if place is not None:
                assert leads[place] <= noise, (name, place, leads[place])
                parted += 1
        print(f"  {name}: {parted} of {len(prompts)} replies part from llama.cpp's at a near tie")


def parting(tokens: list[int], expected: list[int]) -> int | None:
    """The first place where the tokens differ."""
    return next((n for n in range(len(expected)) if tokens[n] != expected[n]), None)


def batching_noise(
    alone: list[tuple[list[int], list[float]]], batched: list[tuple[list[int], list[float]]]
) -> float:
    """Return how much the lead of the best token over the second differs between batches, at most."""
    noise = 0.0
    for (first, leads), (second, other_leads) in zip(alone, batched, strict=True):
        place = parting(second, first)
        same = NEW_TOKENS if place is None else place
        differences = [abs(a - b) for a, b in zip(leads[:same], other_leads[:same], strict=True)]
        if place is not None:
            # The two best have changed places.
            differences.append(leads[place] + other_leads[place])
        noise = max(noise, *differences)
    return noise
