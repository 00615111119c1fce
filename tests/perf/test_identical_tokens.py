"""Greedy replies, alone and four at a time, against llama.cpp's own: the same up to the first near tie.

In another batch llama.cpp adds in another order, so logits differ in their last places; where the two best
lie closer than that, either may win, and the texts part.
"""

import os

import pytest

from app.engine.messages import Delta, Finished, Generate, LoadSettings, ModelInfo
from tests.perf.build_llama_tools import llama_tool
from tests.perf.llama_server import llama_server
from tests.perf.test_engine_speed import model_path
from tests.support.engines import GREEDY, Session

PROMPTS = int(os.environ.get("STILLROOM_PERF_PROMPTS", "50"))
NEW_TOKENS = 64
NEAR_TIE = 0.05
"""Between the log probabilities of the two best tokens."""

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
    tool = llama_tool("llama-server")
    if tool is None:
        pytest.skip("no llama-server: run `python -m tests.perf.build_llama_tools llama-server`")
    session = Session("child")
    loaded = session.load(model_path(), LoadSettings(context_tokens=256, threads=1, sequences=4))
    assert isinstance(loaded, ModelInfo)
    texts = [task.format(subject) for subject in SUBJECTS for task in TASKS][:PROMPTS]
    prompts = [session.tokens_of(text) for text in texts]
    with llama_server(tool, model_path(), threads=1, slots=1, context_tokens=256) as server:
        reference = [server.complete(prompt, NEW_TOKENS)["tokens"] for prompt in prompts]
    alone = [ask(session, [prompt])[0] for prompt in prompts]
    batched = [
        said for start in range(0, len(prompts), 4) for said in ask(session, prompts[start : start + 4])
    ]
    session.engine.close()
    for name, replies in (("alone", alone), ("in a batch of 4", batched)):
        ties = whole = 0
        for (tokens, leads), expected in zip(replies, reference, strict=True):
            parted = next((n for n in range(NEW_TOKENS) if tokens[n] != expected[n]), None)
            if parted is None:
                whole += 1
                continue
            assert leads[parted] < NEAR_TIE, (name, parted, leads[parted])
            ties += 1
        print(f"\n  {name}: {whole} of {len(prompts)} replies the same to the end, {ties} part at a near tie")
