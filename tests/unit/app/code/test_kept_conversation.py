from pathlib import Path

from app.code.ask import Question
from app.code.check import SyntaxReport
from app.code.kept_conversation import (
    LARGEST_CHARACTERS,
    LARGEST_TEXT_CHARACTERS,
    MOST_EXCHANGES,
    AskedQuestion,
    ConversationFile,
    KeptBlock,
    KeptConversation,
    KeptExchange,
)


def asked(title: str = "Why?", text: str = "x = 1\n", start: int = 0, end: int = 5) -> AskedQuestion:
    return AskedQuestion(
        title=title,
        question=Question("ask", "Why does it?", 1, 1, 2),
        tokens=7,
        model="m",
        file_name="a.py",
        language="python",
        text=text,
        start=start,
        end=end,
        redacted={"rule": 2},
    )


def test_a_conversation_survives(tmp_path: Path) -> None:
    exchange = KeptExchange(
        asked=asked(),
        thinking="Hm.",
        answer="Because of 这个 \u2028.",
        ended="stop",
        blocks=(KeptBlock(report=SyntaxReport("ok", "Python 3"), outcome="It ran.", outcome_ok=True),),
        remembered=True,
    )
    kept = KeptConversation(exchanges=(exchange,), question="And then?")
    path = tmp_path / "data" / "code.json"

    ConversationFile(path).save(kept)

    assert ConversationFile(path).load() == kept
    assert exchange.asked.excerpt.selection == "x = 1"
    assert exchange.asked.excerpt.language.key == "python"
    assert [one.name for one in path.parent.iterdir()] == ["code.json"]


def test_a_damaged_conversation_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "code.json"
    path.write_text('{"exchanges": [{"asked"')

    assert ConversationFile(path).load() is None
    assert list(tmp_path.glob("code.damaged-*.json"))


def test_only_the_newest_exchanges_are_kept() -> None:
    many = KeptConversation(
        exchanges=tuple(KeptExchange(asked=asked(str(number))) for number in range(MOST_EXCHANGES + 5))
    )
    titles = [one.asked.title for one in many.bounded().exchanges]
    assert titles == [str(number) for number in range(5, MOST_EXCHANGES + 5)]

    large = [
        KeptExchange(asked=asked(str(number)), answer="a" * (LARGEST_CHARACTERS // 3)) for number in range(5)
    ]
    assert [one.asked.title for one in KeptConversation(exchanges=tuple(large)).bounded().exchanges] == [
        "3",
        "4",
    ]

    largest = KeptExchange(asked=asked(), answer="a" * 2 * LARGEST_CHARACTERS)
    assert KeptConversation(exchanges=(*large, largest)).bounded().exchanges == (largest,)


def test_of_a_long_file_only_what_was_asked_about_is_kept() -> None:
    text = "x = 1\n" * LARGEST_TEXT_CHARACTERS
    short = asked(text=text, start=6, end=11).shortened()
    assert (short.text, short.start, short.end) == ("x = 1", 0, 5)
    assert asked(text=text, start=0, end=len(text)).shortened().text == ""
    assert asked().shortened() == asked()
