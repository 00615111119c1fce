"""Grammars: the tokens that llama.cpp's own matcher allows, and hostile ones at a bounded cost."""

import codecs
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt
import pytest

from app.base.errors import RequestError
from app.engine.devices.native_log import NativeLog
from app.engine.grammar.gbnf import byte_strings, read_grammar
from app.engine.grammar.grammar_matcher import Grammar
from app.engine.grammar.grammar_rules import rules_of
from app.engine.grammar.grammar_state import DEAD, GrammarState, TooManyWays
from app.engine.llama.backend import Backend
from app.engine.llama.candidates import Candidates
from app.engine.llama.model import Model
from tests.support.contexts import load_model
from tests.support.engines import starter_path

EVERYTHING = 1e9
"""Tokens that lie by so much below the best one count too."""

JSON = r"""
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? "}" ws
array  ::= "[" ws (value ("," ws value)*)? "]" ws
string ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}))* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}
"""
ARITHMETIC = """
# Its rules may be empty, and begin alike.
root  ::= (expr "=" ws term "\\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \\t\\n]*
"""
LETTERS = 'root ::= [^\\x00-\\x7f] ("数" | [α-ω]{2,3} | [\\U0001F300-\\U0001F600] | .)+ "é"?'
LIST = 'root ::= item+\nitem ::= "- " [^\\r\\n\\x0b\\x0c\\x85\\u2028\\u2029]+ "\\n"'
MOVES = """root ::= ("1. " (
  move | "O-O" "-O"?
) " ")+
move ::= [NBKQR]? [a-h]? [1-8]? "x"? [a-h] [1-8] ("=" [NBQR])? [+#]?"""


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    model = load_model(Backend(NativeLog()), Path(starter_path()), mmap=True)
    yield model
    model.free()


class Native:
    """llama.cpp's own matcher."""

    def __init__(self, model: Model, gbnf: str) -> None:
        self._grammar: Any = llama_cpp.llama_sampler_init_grammar(model.vocab, gbnf.encode(), b"root")
        assert self._grammar
        self._candidates = Candidates(model.vocabulary)
        self._ids = np.arange(model.vocabulary, dtype=np.int32)

    def allowed(self) -> npt.NDArray[np.int32]:
        self._candidates.fill(self._ids, np.zeros(len(self._ids), np.float32))
        self._candidates.apply(self._grammar)
        return self._ids[np.isfinite(self._candidates.logits())]

    def accept(self, token: int) -> None:
        llama_cpp.llama_sampler_accept(self._grammar, token)


def is_whole(piece: bytes) -> bool:
    """The bytes do not end within a character."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(piece)
    return not decoder.getstate()[0]


@pytest.mark.parametrize("gbnf", [JSON, ARITHMETIC, LETTERS, LIST, MOVES])
def test_the_tokens_are_those_of_llama_cpps_own_matcher(model: Model, gbnf: str) -> None:
    controls = {token for token in range(model.vocabulary) if not model.piece(token)[0]}
    draw = random.Random(7)
    native, ours = Native(model, gbnf), Grammar(rules_of(gbnf, ""), model.token_bytes())
    for _ in range(6):
        expected = native.allowed()
        found = ours.allowed(np.zeros(model.vocabulary, np.float32), EVERYTHING)
        ends = {token for token in found if model.piece(token)[1]}
        # It lets control tokens come as their texts, which print nothing, and no part of a character that may
        # become one which is left out.
        assert set(found) >= set(expected) - controls - ends
        assert not any(is_whole(model.piece(token)[0]) for token in set(found) - set(expected) - ends)
        assert (model.eos in found) == (model.eos in expected)
        going_on = sorted(set(found) - ends)
        if not going_on:
            break
        token = int(draw.choice(going_on))
        assert ours.allows(token)
        native.accept(token)
        ours.accept(token)


@pytest.mark.parametrize(
    "gbnf",
    [
        "root ::= " + "(" * 100_000 + '"a"' + ")" * 100_000,
        "root ::= a0\n" + "".join(f"a{i} ::= a{i + 1} | a{i + 1}\n" for i in range(60)),
        'root ::= a\na ::= b a "z" | "x"\nb ::= c\nc ::= "" | "y"',
        "root ::= root",
        'root ::= a "x"\na ::= root? a',
        'root ::= "a"{0,100000}',
        'root ::= "a"{999999999999999999999}',
        'root ::= "a"{5,2}',
        "root ::= " + " ".join(f'("{letter * 500}"{{2000}})' for letter in "abcd"),
        'root ::= ("a" | ){1000}\n' * 2 + "a" * 1_100_000,
        "root ::= [a-\\UFFFFFFFF]",
        'root ::= "\\xz"',
        'root ::= "\\u12"',
        "root ::= [a",
        "root ::= <[7]>",
        "root ::= missing",
        "root ::= * ",
        'root ::= ("a"',
        "root",
        "::=",
        "\x00",
        "",
    ],
    ids=lambda gbnf: gbnf[:24],
)
def test_what_is_no_grammar_or_too_much_of_one_is_refused_in_one_line(gbnf: str) -> None:
    with pytest.raises(RequestError) as raised:
        rules_of(gbnf, "")
    text = str(raised.value)
    assert len(text) < 200
    assert text.isprintable()


def test_rules_that_begin_with_each_other_are_followed_however_many() -> None:
    chain = "root ::= a0\n" + "".join(f"a{i} ::= a{i + 1}\n" for i in range(20_000)) + 'a20000 ::= "x"'
    state = GrammarState(read_grammar(chain))
    state.settle(state.after_bytes(b"x"))
    assert state.may_end


@pytest.mark.parametrize(
    "gbnf",
    [
        'root ::= (" "? " "?){500} "x"',
        'root ::= s "~"\ns ::= [a-z ] s s | [a-z ] s t | [a-z ]\nt ::= [a-z ] t s | [a-z ] s | [a-z ]',
        'root ::= s\ns ::= " " s s | " " s | " "',
    ],
)
def test_ways_without_end_are_walked_at_a_bounded_cost(model: Model, gbnf: str) -> None:
    # llama.cpp's matcher needs hours for one token of the first.
    grammar = Grammar(rules_of(gbnf, ""), model.token_bytes())
    logits = np.zeros(model.vocabulary, np.float32)
    longest = max(range(model.vocabulary), key=lambda token: len(model.piece(token)[0].strip(b" ")) == 0)
    with contextlib.suppress(TooManyWays):
        for _ in range(40):
            found = grammar.allowed(logits, EVERYTHING)
            grammar.accept(longest if longest in found else int(found[-1]))


def test_what_is_kept_of_a_long_text_is_bounded() -> None:
    state = GrammarState(read_grammar('root ::= "[" root* "]"'))
    kept = 0
    for _ in range(1500):
        state.settle(state.after_bytes(b"[[[[[[[[]"))
        kept = max(kept, state.states)
    assert kept <= 1 << 14
    for _ in range(210):
        state.settle(state.after_bytes(b"]" * 50))
    assert state.may_end
    assert state.after_bytes(b"]") == DEAD
    with pytest.raises(TooManyWays):
        GrammarState(read_grammar('root ::= "[" root* "]"')).after_bytes(b"[" * 100_000)


@pytest.mark.parametrize(
    "ranges",
    [[(0x41, 0x5A)], [(0, 0x10FFFF)], [(0x7F, 0x80)], [(0x7E0, 0x900), (0x850, 0x1234)], [(0xD700, 0xE100)]],
)
def test_byte_strings_are_exactly_those_of_the_characters(ranges: list[tuple[int, int]]) -> None:
    strings = byte_strings(ranges)

    def matches(text: bytes) -> int:
        return sum(
            len(string) == len(text)
            and all(low <= byte <= high for (low, high), byte in zip(string, text, strict=True))
            for string in strings
        )

    borders = {low + step for one in ranges for low in one for step in range(-70, 70)}
    for point in sorted(borders | set(range(0, 0x110000, 997))):
        if 0 <= point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF:
            inside = any(low <= point <= high for low, high in ranges)
            assert matches(chr(point).encode()) == inside, hex(point)
