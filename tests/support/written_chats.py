"""Written chats for the pictures: the starter model does not think, so these have no speed under them."""

import re
from importlib.resources import files

from app.chat.documents.retrieval import Passage, passages_of
from app.chat.store.records import Conversation
from app.chat.store.store import ChatStore

MODEL = "a written example"

QUESTION = "Does the sum of 1/n² converge? Check it in Python."
THINKING = (
    "The terms are positive, so it is enough to bound the partial sums.\n\n"
    "For $n \\ge 2$ compare $1/n^2$ with $1/(n(n-1))$, which telescopes: the sum from 2 to $N$ is"
    " $1 - 1/N$.\n\n"
    "So every partial sum is below 2. Euler's value is $\\pi^2/6$, about 1.6449; a short program can check"
    " that."
)
ANSWER = (
    r"Yes. For $n \ge 2$ each term is below a telescoping one, so the partial sums stay below 2 and, being"
    " increasing, converge. Euler found the value:\n"
    r"""
\[ \sum_{n=1}^{\infty} \frac{1}{n^2} = \frac{\pi^2}{6} \approx 1.6449 \]

```python
from math import pi

s = sum(1 / n**2 for n in range(1, 1_000_000))
print(s, pi**2 / 6)
```

| terms | sum | difference |
|---:|---:|---:|
| 1,000 | 1.643935 | 0.001000 |
| 1,000,000 | 1.644933 | 0.000001 |
"""
)

HANDBOOK_QUESTION = "How much may a hotel in Lisbon cost, and who signs?"
HANDBOOK_ANSWER = (
    "Up to **140 euros a night**: Lisbon is in the middle group of cities. The head of the office signs"
    " before the room is booked; afterwards the receipt is enough."
)
HANDBOOK_NAME = "handbook.md"

STORY_QUESTIONS = ("Write about an old observatory.", "And about salt?", "Go on.", "Another one.", "Go on.")
TEXTS = ("held_out", "calibration")
PROSE = re.compile(r"[A-Z][ -~]*")
MARKUP = set("`{}<>\\\\=|#$")
LEAST_CHARACTERS = 250
STORY_NEXT = "How does the first story end?"


def write_chats(store: ChatStore) -> dict[str, Conversation]:
    """Write them into an empty store; the chats by what they show."""
    return {
        "story": _story(store),
        "handbook": _handbook(store),
        "lisbon": _exchange(
            store, "Three days in Lisbon", "Plan three days in Lisbon.", "First day: Alfama."
        ),
        "sky": _exchange(
            store, "为什么天空是蓝色的", "为什么天空是蓝色的？", "因为瑞利散射：波长越短，散射越强。"
        ),
        "series": _exchange(store, "Does the sum of 1/n² converge?", QUESTION, ANSWER, THINKING),
    }


def handbook() -> str:
    """A document of many pages, which does not fit the starter model's context."""
    cities = (
        "Athens",
        "Berlin",
        "Copenhagen",
        "Dublin",
        "Lisbon",
        "Madrid",
        "Oslo",
        "Prague",
        "Riga",
        "Vienna",
    )
    pages = []
    for number, city in enumerate(cities * 6, start=1):
        pages.append(
            f"## {number}. Travel to {city}\n\nA hotel in {city} may cost up to 140 euros a night. The head"
            " of the office signs before the room is booked; afterwards the receipt is enough. Trains are"
            " taken where they need less than six hours, and flights are booked two weeks ahead. Meals are"
            " paid by the day, not by the receipt: breakfast is in the price of the room. Whoever stays for"
            " longer than a week asks for a flat."
        )
    return "# Travel handbook\n\n" + "\n\n".join(pages)


def _exchange(store: ChatStore, title: str, question: str, answer: str, thinking: str = "") -> Conversation:
    chat = store.create_conversation()
    asked = store.add_message(chat.id, None, "user", question)
    reply = store.add_message(chat.id, asked.id, "assistant", model=MODEL)
    store.save_reply(reply.id, answer, thinking, outcome="stop")
    store.rename(chat.id, title)
    return store.conversation(chat.id)


def _handbook(store: ChatStore) -> Conversation:
    """A question about a document, with the passages that went along."""
    chat = store.create_conversation()
    text = handbook()
    document = store.attach(chat.id, HANDBOOK_NAME, text)
    used: list[Passage] = [each for each in passages_of(0, text) if "Lisbon" in text[each.start : each.end]]
    asked = store.add_message(
        chat.id, None, "user", HANDBOOK_QUESTION, attachments=[document], passages=used[:4]
    )
    reply = store.add_message(chat.id, asked.id, "assistant", model=MODEL)
    store.save_reply(reply.id, HANDBOOK_ANSWER, "", outcome="stop")
    store.rename(chat.id, "Hotels in Lisbon")
    return store.conversation(chat.id)


def _story(store: ChatStore) -> Conversation:
    """A chat that is longer than the starter model's context."""
    prose = _prose()
    chat = store.create_conversation()
    last: int | None = None
    for number, question in enumerate(STORY_QUESTIONS):
        asked = store.add_message(chat.id, last, "user", question)
        reply = store.add_message(chat.id, asked.id, "assistant", model=MODEL)
        part = prose[number :: len(STORY_QUESTIONS)]
        store.save_reply(reply.id, "\n\n".join(part), "", outcome="stop")
        last = reply.id
    store.rename(chat.id, "Stories")
    return store.conversation(chat.id)


def _prose() -> list[str]:
    """The English paragraphs of the texts that models are measured with."""
    texts = [(files("resources") / "texts" / f"{name}.txt").read_text("utf-8") for name in TEXTS]
    paragraphs = "\n\n".join(texts).split("\n\n")
    return [one for one in paragraphs if len(one) > LEAST_CHARACTERS and PROSE.fullmatch(one)]
