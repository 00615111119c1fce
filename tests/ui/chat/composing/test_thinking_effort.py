"""The length of thoughts, chosen below the message and kept with the chat."""

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from app.chat.library.reply_choices import ReplyChoices
from app.chat.prompting.built_in_templates import CHATML, R1, can_think
from app.engine.protocol import ThinkingLimits
from app.ui.base.theme import Theme
from app.ui.chat.composing.thinking_effort import SHORT_TOKENS, ThinkingEffort
from tests.support.chat_desk import Opened
from tests.support.waiting import until


def test_it_says_the_level_or_the_tokens(qapp: QApplication) -> None:
    effort = ThinkingEffort(Theme(qapp, "light"))
    assert effort.words == "Thinking: No limit"
    effort.show_tokens(0)
    assert effort.words == "Thinking: Off"
    effort.show_tokens(SHORT_TOKENS)
    assert effort.words == "Thinking: Short"
    effort.show_tokens(3000)
    assert effort.words == "Thinking: up to 3,000 tokens"
    assert not any(action.isChecked() for action in effort.menu().actions())


def test_what_is_chosen_belongs_to_the_chat(opened: Opened) -> None:
    async def scenario() -> None:
        one, two = (opened.store.create_conversation(title=title) for title in ("one", "two"))
        opened.tab.open_chat(one.id)
        short = next(
            action
            for action in opened.tab.composer.effort.menu().actions()
            if action.text().startswith("Short")
        )
        short.trigger()
        await until(lambda: opened.store.conversation(one.id).thinking.tokens == SHORT_TOKENS)
        assert opened.tab.choices.choices.thinking == ThinkingLimits(tokens=SHORT_TOKENS)
        opened.tab.open_chat(two.id)
        assert opened.tab.composer.effort.words == "Thinking: No limit"
        opened.tab.open_chat(one.id)
        assert opened.tab.composer.effort.words == "Thinking: Short"
        opened.tab.choices.show_choices(
            ReplyChoices(thinking=ThinkingLimits(tokens=0)), opened.settings.values.sampling
        )
        assert opened.tab.composer.effort.words == "Thinking: Off"

    opened.run(scenario())


def test_it_is_there_for_models_that_think(opened: Opened) -> None:
    info = opened.desk.session.info
    assert info is not None
    assert opened.tab.composer.effort.isHidden()
    thinking = msgspec.structs.replace(info, chat_template=R1)
    opened.desk.session.info = thinking
    try:
        opened.desk.session.loaded.emit(thinking)
        assert not opened.tab.composer.effort.isHidden()
    finally:
        opened.desk.session.info = info
        opened.desk.session.loaded.emit(info)
    assert opened.tab.composer.effort.isHidden()


@pytest.mark.parametrize(
    ("template", "name", "thinks"),
    [
        (R1, "DeepSeek-R1-Distill-Qwen-1.5B", True),
        (CHATML, "SmolLM2-135M-Instruct", False),
        ("{% if '</think>' in content %}", "", True),
        ("{{ '<｜Assistant｜>' }}", "DeepSeek-R1", True),
        ("", "", False),
    ],
)
def test_who_can_think_is_known_by_template_and_name(template: str, name: str, thinks: bool) -> None:
    assert can_think(template, name) is thinks
