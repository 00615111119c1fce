"""Stillroom's own collections (CC0), which need no network."""

import tomllib
from importlib.resources import files
from typing import Any

from app.bench.quality.item import Collection, Item, Kind
from converters.quality.measuring_client import OWN_TEXT, held_out_text

MATHS_ADVICE = "Please reason step by step, and put your final answer within \\boxed{}."
"""The authors' words: https://github.com/deepseek-ai/DeepSeek-R1#usage-recommendations"""


def built_in() -> list[Collection]:
    """A collection of each kind."""
    return [_perplexity(), _maths(), _dialogue(), _retention(), _intent()]


def maths_question(question: str) -> str:
    """A question as the authors advise to ask it."""
    return f"{question}\n{MATHS_ADVICE}"


def intent_question(text: str, labels: list[str]) -> str:
    """Write the question for the intent of a message."""
    return (
        "Which of these intents does the customer's message have?\n"
        + "\n".join(f"- {label}" for label in labels)
        + f"\n\nMessage: {text}\n\nAnswer with the name of the intent only."
    )


def _perplexity() -> Collection:
    text = held_out_text().read_text("utf-8").removesuffix("\n")  # as llama.cpp's tools read a prompt's file
    return Collection(kind="perplexity", name=OWN_TEXT, licence="CC0-1.0", text=text)


def _maths() -> Collection:
    data = _read("maths")
    return _collection(
        "maths",
        data,
        [
            Item(
                id=f"maths/{item['id']}",
                kind="maths",
                turns=[maths_question(item["question"])],
                expected=[item["answer"]],
            )
            for item in data["items"]
        ],
    )


def _dialogue() -> Collection:
    data = _read("dialogue")
    return _collection(
        "dialogue",
        data,
        [
            Item(
                id=f"dialogue/{item['id']}",
                kind="dialogue",
                turns=item["turns"],
                expected=item["references"],
            )
            for item in data["items"]
        ],
    )


def _retention() -> Collection:
    data = _read("retention")
    paragraphs = [part for part in held_out_text().read_text("utf-8").split("\n\n") if part.strip()]
    facts: list[dict[str, str]] = data["facts"]
    items: list[Item] = []
    for words in data["words"]:
        for depth in data["depths"]:
            fact = facts[len(items) % len(facts)]
            items.append(
                Item(
                    id=f"retention/{words}-words-{round(100 * depth)}",
                    kind="retention",
                    turns=[_planted(paragraphs, words, depth, fact["sentence"], fact["question"])],
                    expected=[fact["answer"]],
                    words=words,
                    depth=depth,
                )
            )
    return _collection("retention", data, items)


def _planted(paragraphs: list[str], words: int, depth: float, sentence: str, question: str) -> str:
    chosen: list[str] = []
    count = 0
    for paragraph in paragraphs:
        if count >= words:
            break
        chosen.append(paragraph)
        count += len(paragraph.split())
    place, before = 0, 0
    while place < len(chosen) and before < depth * count:
        before += len(chosen[place].split())
        place += 1
    chosen.insert(place, sentence)
    text = "\n\n".join(chosen)
    return f"Read this text.\n\n{text}\n\nThe text ends here. {question} Answer in a few words."


def _intent() -> Collection:
    data = _read("intent")
    return _collection(
        "intent",
        data,
        [
            Item(
                id=f"intent/{item['id']}",
                kind="intent",
                turns=[intent_question(item["text"], data["labels"])],
                expected=[item["label"]],
                labels=data["labels"],
            )
            for item in data["items"]
        ],
    )


def _collection(kind: Kind, data: dict[str, Any], items: list[Item]) -> Collection:
    return Collection(kind=kind, name=data["name"], licence=data["licence"], items=items)


def _read(name: str) -> dict[str, Any]:
    resource = files("resources").joinpath("suites", "quality", f"{name}.toml")
    return tomllib.loads(resource.read_text("utf-8"))
