"""The beginnings of replies, with a vocabulary whose tokens are bytes."""

from collections.abc import Sequence

import pytest

from app.base.errors import RequestError
from app.engine.batching.prefix import Held
from app.engine.generation.continued_reply import Beginning, begin
from app.engine.generation.reply_text import ReplyText
from app.engine.grammar.gbnf import Rules, read_grammar
from app.engine.grammar.token_bytes import TokenBytes
from app.engine.protocol import Generate, PartialReply, ThinkingLimits

END = 256
PROMPT = list(b"What? <think>\n")
CONTEXT = 4096


class Bytes:
    """A token for each byte, and one that ends a reply."""

    def tokenize(self, text: bytes, *, special: bool) -> list[int]:
        return list(text)

    def piece(self, token: int) -> tuple[bytes, bool]:
        return (b"", True) if token == END else (bytes([token]), False)

    def token_bytes(self) -> TokenBytes:
        return TokenBytes([*(bytes([byte]) for byte in range(256)), b""], [END], is_bpe=True)


def begun(
    partial: PartialReply | None,
    known: Sequence[Held] = (),
    rules: Rules | None = None,
    context: int = CONTEXT,
    **options: object,
) -> Beginning:
    request = Generate(request_id=1, partial=partial, **{"thinking": "open", **options})  # type: ignore[arg-type] # options of Generate
    steps = begin(request, list(PROMPT), known, Bytes(), rules, context)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Beginning = end.value
            return made


def heard(tokens: bytes, thinking: str = "open", *, cut: bool) -> tuple[ReplyText, PartialReply]:
    """Hear a reply up to its cut, as `Reply` does."""
    text = ReplyText(thinking)  # type: ignore[arg-type] # one of its words
    stretches = [stretch for byte in tokens for stretch in text.feed(bytes([byte]))]
    stretches += text.finish(cut=True) if cut else []
    said = {"thinking": "", "answer": ""}
    for channel, words in stretches:
        said[channel] += words
    return text, PartialReply(**said)  # type: ignore[arg-type] # its texts


REPLIES = {
    "open": "\nIs a < b? </thi… yes: é中😀.\n</think>\n\nA <b>bold</b> </think> é😀\n",
    "auto": "\n <think>\n\nHm. </think>Yes <think> 中",
    "off": "<think> 😀 </think>\n",
}


@pytest.mark.parametrize("thinking", REPLIES)
def test_cut_anywhere_the_joined_text_is_the_whole_one(thinking: str) -> None:
    tokens = REPLIES[thinking].encode()
    _, whole = heard(tokens, thinking, cut=False)
    for at in range(1, len(tokens)):
        _, partial = heard(tokens[:at], thinking, cut=True)
        held = Held([*PROMPT, *tokens[: at - 1]], rest=[tokens[at - 1]])
        made = begun(partial, [Held([1, 2, 3]), held], thinking=thinking)
        assert bytes(made.tokens[len(PROMPT) :]) == tokens[:at]
        said = {"thinking": partial.thinking, "answer": partial.answer}
        for byte in tokens[at:]:
            for channel, words in made.text.feed(bytes([byte])):
                said[channel] += words
        assert said == {"thinking": whole.thinking, "answer": whole.answer}, at


@pytest.mark.parametrize("thinking", REPLIES)
def test_without_its_tokens_the_text_goes_on_in_its_channel(thinking: str) -> None:
    tokens = REPLIES[thinking].encode()
    for at in range(1, len(tokens)):
        _, partial = heard(tokens[:at], thinking, cut=True)
        made = begun(partial, thinking=thinking)
        again, said = heard(bytes(made.tokens[len(PROMPT) :]), thinking, cut=False)
        # The tag is written on a line of its own.
        assert said.thinking.rstrip("\n") == partial.thinking.rstrip("\n")
        assert said.answer == partial.answer
        assert made.text.channel == again.channel
        thinks = thinking == "open" or bool(partial.thinking)
        assert made.text.channel == ("thinking" if thinks and not partial.answer else "answer"), at


def test_a_thought_that_was_over_is_closed() -> None:
    made = begun(PartialReply(thinking="Hm.", closed=True))
    assert bytes(made.tokens) == bytes(PROMPT) + b"Hm.\n</think>\n\n"
    assert made.text.channel == "answer"
    assert made.thinking_tokens > 3
    assert bytes(begun(PartialReply(thinking="Hm.\n", answer="Yes")).tokens).endswith(b"Hm.\n</think>\n\nYes")
    assert bytes(begun(PartialReply(answer="Yes")).tokens) == bytes(PROMPT) + b"</think>\n\nYes"


def test_a_block_that_the_model_opened_is_written_again() -> None:
    made = begun(PartialReply(thinking="Hm.", answer="Yes"), thinking="auto")
    assert bytes(made.tokens[len(PROMPT) :]) == b"<think>\nHm.\n</think>\n\nYes"
    off = begun(PartialReply(thinking="Hm.", answer="Yes"), thinking="off")
    assert bytes(off.tokens[len(PROMPT) :]) == b"Yes"


def test_the_longest_known_beginning_is_used() -> None:
    held = [Held([*PROMPT, *b"Hm. S"]), Held([*PROMPT, *b"Hm. Six\xc3"]), Held([*PROMPT, *b"Ho"])]
    made = begun(PartialReply(thinking="Hm. Six\u00e9 or seven"), held)
    assert bytes(made.tokens[len(PROMPT) :]).decode() == "Hm. Sixé or seven"
    other = begun(PartialReply(thinking="Hm."), [Held([*PROMPT, *b"Hm. Six"])])
    assert bytes(other.tokens[len(PROMPT) :]) == b"Hm."


def test_nothing_behind_the_end_of_a_reply_is_taken() -> None:
    held = Held([*PROMPT, *b"Hm.</think>\n\nYes", END, *b"<think>"])
    made = begun(PartialReply(thinking="Hm.", answer="Yes"), [held])
    assert END not in made.tokens


def test_a_prompt_that_is_another_one_gives_no_tokens() -> None:
    made = begun(PartialReply(thinking="Hm."), [Held([1, *PROMPT, *b"Hm."]), Held(PROMPT[:4])])
    assert bytes(made.tokens) == bytes(PROMPT) + b"Hm."


def test_without_thinking_an_empty_block_is_written_unless_it_has_thought() -> None:
    limits = ThinkingLimits(tokens=0)
    answered = begun(PartialReply(answer="Yes"), thinking_limits=limits)
    assert bytes(answered.tokens) == bytes(PROMPT) + b"\n</think>\n\nYes"
    assert answered.closed == "budget"
    thought = begun(PartialReply(thinking="Hm."), thinking_limits=limits)
    assert bytes(thought.tokens) == bytes(PROMPT) + b"Hm."
    assert thought.control.why_close(thought.thinking_tokens, 0.0) == "budget"


def test_the_loop_guard_has_heard_the_first_part() -> None:
    again = " again" * 60
    made = begun(PartialReply(thinking=again))
    loops = [made.control.why_close(8 * number, 0.0) for number in range(1, 3)]
    assert loops == ["loop", "loop"]


def test_the_answer_guard_has_heard_the_first_part() -> None:
    answer = PartialReply(thinking="Hm.", answer=" again" * 60)
    made = begun(answer, answer_guard=True)
    assert made.answer_loops
    assert made.answer_tokens >= len(answer.answer)
    assert begun(answer).answer_guard is None


def test_room_and_budget_are_those_of_the_whole_reply() -> None:
    # The guard has heard another 900 tokens, or none.
    limits = ThinkingLimits(loop_guard=False)
    whole, half = (
        begun(partial, thinking_limits=limits) for partial in (None, PartialReply(thinking="x" * 900))
    )
    assert half.thinking_tokens == 900
    assert whole.control.why_close(CONTEXT, 0.0) == half.control.why_close(CONTEXT, 0.0) == "room"
    assert whole.control.unwatched(900) == half.control.unwatched(900)
    assert begun(PartialReply(thinking="x", thinking_s=7.0)).thinking_s == 7.0


@pytest.mark.parametrize(
    ("answer", "further", "allowed"),
    [("", b"y", True), ("ye", b"s", True), ("ye", b"n", False), ("yes", b"!", False)],
)
def test_the_grammar_stands_behind_the_answer(answer: str, further: bytes, allowed: bool) -> None:
    rules = read_grammar('root ::= "yes" | "no"')
    made = begun(PartialReply(thinking="Hm.", answer=answer, closed=True), rules=rules)
    assert made.is_bound
    assert made.grammar is not None
    assert made.grammar.allows(further[0]) == allowed
    assert made.grammar.allows(END) == (answer == "yes")


def test_line_breaks_that_are_the_grammars_own_count() -> None:
    rules = read_grammar('root ::= "\\n" "yes"')
    tokens = b"Hm.\n</think>\n\n\nye"
    _, partial = heard(tokens, cut=True)
    made = begun(partial, [Held([*PROMPT, *tokens])], rules=rules)
    assert made.grammar is not None
    assert made.grammar.allows(ord("s"))


def test_half_a_character_of_the_answer_counts_for_the_grammar() -> None:
    rules = read_grammar('root ::= "é"')
    made = begun(PartialReply(closed=True), [Held([*PROMPT, *b"</think>\n\n\xc3"])], rules=rules)
    assert made.grammar is not None
    assert made.grammar.allows(0xA9)


def test_a_thought_is_free_of_the_grammar() -> None:
    made = begun(PartialReply(thinking="Hm."), rules=read_grammar('root ::= "yes"'))
    assert not made.is_bound
    assert not made.may_think


def test_the_model_may_think_first_only_where_nothing_was_said() -> None:
    rules = read_grammar("root ::= [a-z]+")
    fresh = begun(PartialReply(), rules=rules, thinking="auto")
    assert fresh.may_think
    assert fresh.is_bound
    assert not begun(PartialReply(answer="a"), rules=rules, thinking="auto").may_think


def test_what_the_grammar_does_not_allow_is_refused() -> None:
    with pytest.raises(RequestError, match="grammar or JSON schema"):
        begun(PartialReply(answer="maybe"), rules=read_grammar('root ::= "yes"'))


def test_a_reply_that_fills_the_context_is_refused() -> None:
    begun(PartialReply(answer="x" * 80), context=110)
    for size in (86, 87, 200_000):
        with pytest.raises(RequestError, match="fills the context"):
            begun(PartialReply(answer="x" * size), context=110)
    with pytest.raises(RequestError, match="The prompt has"):
        begun(PartialReply(), context=14)
