"""The cost of the process around chat templates: a turn of a chat of 200 messages, with it and without."""

import asyncio
import random
import statistics
import time

from app.chat.prompting.built_in_templates import CHATML, LLAMA3, R1
from app.chat.prompting.jinja_template import JinjaTemplate
from app.chat.prompting.prompt import ChatMessage, ChatTemplate
from app.chat.prompting.prompt_parts import prompt_parts
from tests.support.templates import template_process

ROUNDS = 200
MESSAGES = 199


def long_chat(word: str) -> list[ChatMessage]:
    chance = random.Random(1)
    return [
        ChatMessage(
            "user" if number % 2 == 0 else "assistant",
            " ".join(f"{word}{chance.randrange(1000)}" for _ in range(60 if number % 2 == 0 else 250)),
        )
        for number in range(MESSAGES)
    ]


def cost_of_the_process(name: str, source: str, word: str) -> None:
    messages = long_chat(word)
    template = ChatTemplate(template_process(), source, bos_text="<b>", eos_text="<e>")
    here = JinjaTemplate(source, "<b>", "<e>")
    roles, contents = [m.role for m in messages], [m.content for m in messages]

    async def both() -> tuple[list[float], list[float]]:
        apart, within = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            prompt = await template.render(messages)
            apart.append(time.perf_counter() - began)
            began = time.perf_counter()
            parts = prompt_parts(lambda said: here.render(roles, said), contents)
            within.append(time.perf_counter() - began)
            assert [part.text for part in prompt.parts][: len(parts) - 1] == [p.text for p in parts][:-1]
        return apart, within

    apart, within = asyncio.run(both())
    print(
        f"\n{name}, {MESSAGES} messages, {sum(len(m.content) for m in messages)} characters: "
        f"{statistics.median(apart) * 1e3:.2f} ms (least {min(apart) * 1e3:.2f}) in a process of its own, "
        f"{statistics.median(within) * 1e3:.2f} ({min(within) * 1e3:.2f}) in this one (medians of {ROUNDS})"
    )


def main() -> None:
    """Measure and print."""
    for name, source in (("r1", R1), ("llama3", LLAMA3), ("chatml", CHATML)):
        for word in ("word", "слово", "词"):
            cost_of_the_process(name, source, word)


if __name__ == "__main__":
    main()
