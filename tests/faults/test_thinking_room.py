"""A model that never stops thinking: in no context is a question left without an answer or a way on."""

import os
import random
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton

from app.chat.library.reply_choices import ReplyChoices
from app.engine.protocol import LoadSettings, Sampling
from app.ui.reply.reply_view import ReplyView
from tests.support.chat_desk import Opened, desk, engine_command, opened
from tests.support.starter_variants import shallow_path, write_thinking_model
from tests.support.widgets import all_seen

__all__ = ["desk", "engine_command", "opened"]

pytestmark = [pytest.mark.faults, pytest.mark.timeout(7200)]

QUESTIONS = int(os.environ.get("STILLROOM_THINKING_QUESTIONS", "100"))
CONTEXTS = (512, 1024, 2048, 4096, 8192)
ENDS = {0: -100.0, 2: -100.0}
"""The tokens by which the model would end its turn are never drawn."""


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of few layers: it says no language, and no end of a thought."""
    return write_thinking_model(tmp_path_factory.mktemp("thinking") / "thinking.gguf", shallow_path())


@pytest.mark.parametrize("context_tokens", CONTEXTS)
def test_each_question_ends_with_an_answer_or_with_a_way_on(
    opened: Opened, model_file: Path, context_tokens: int
) -> None:
    draw = random.Random(context_tokens)
    ends: dict[str, int] = {}

    async def ask(number: int) -> None:
        # Half of them could end by themselves; all begin with prompts of up to half of the context.
        bias = ENDS if number % 2 else {}
        sampling = Sampling(temperature=2.0, seed=number, logit_bias=bias)
        chat = opened.store.create_conversation(choices=ReplyChoices(sampling=sampling))
        opened.tab.open_chat(chat.id)
        view = await opened.reply_to("Why? " * draw.randint(1, context_tokens // 5))
        kept = opened.store.branch(chat.id)[-1]
        assert kept.stats is not None, kept
        end = f"{kept.outcome}, thought ended by {kept.stats.thinking_closed or 'nothing'}"
        ends[end] = ends.get(end, 0) + 1
        assert_goes_on(view, kept.content, end)

    opened.run(opened.desk.session.load(model_file, LoadSettings(context_tokens=context_tokens)))
    for number in range(QUESTIONS // len(CONTEXTS)):
        opened.run(ask(number))
    print(f"\n{context_tokens}: {ends}")
    assert any("room" in end for end in ends), ends


def assert_goes_on(view: ReplyView, answer: str, end: str) -> None:
    """There is an answer, or a sentence with a button that mends it."""
    ways = {button.text() for button in all_seen(view, QPushButton)} & {"Continue", "Larger context", "Retry"}
    assert answer.strip() or (view.notice_text and ways), end
    if "room" in end:
        assert answer.strip(), end
        assert "Larger context" in ways, end
