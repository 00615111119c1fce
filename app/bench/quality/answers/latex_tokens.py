"""A final answer in LaTeX, cut into tokens. Nothing here or after it ever evaluates text as Python."""

import re
from typing import Literal, NamedTuple

from app.bench.quality.answers.values import Unreadable

TokenKind = Literal["number", "letter", "command", "text", "sign"]

MOST_CHARACTERS = 1000
MOST_DIGITS = 400

_REPLACED = {
    "−": "-",
    "–": "-",
    "×": r"\times ",
    "·": r"\cdot ",
    "÷": r"\div ",
    "π": r"\pi ",
    "∞": r"\infty ",
    "≤": r"\le ",
    "≥": r"\ge ",
    "≠": r"\ne ",
    "±": r"\pm ",
    "∪": r"\cup ",
    "∈": r"\in ",
    "∅": r"\emptyset ",
    "√": r"\sqrt ",
    "°": r"\degree ",
    "²": "^2",
    "³": "^3",
    "½": r"\frac{1}{2}",
    "¼": r"\frac{1}{4}",
    "¾": r"\frac{3}{4}",
    "$": "",
    "~": " ",
}

_SPACES = re.compile(
    r"(?<!\\)\\(?:[,;:! ]|(?:left|right)(?![A-Za-z])\.?"
    r"|(?:quad|qquad|displaystyle|textstyle|limits|[bB]ig{1,2}[lrm]?)(?![A-Za-z]))"
)
_SYNONYMS = (
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\[dt]binom(?![A-Za-z])|\\choose(?![A-Za-z])"), r"\\binom"),
    (re.compile(r"\\(?:leq|leqslant|leqq)(?![A-Za-z])"), r"\\le"),
    (re.compile(r"\\(?:geq|geqslant|geqq)(?![A-Za-z])"), r"\\ge"),
    (re.compile(r"\\neq(?![A-Za-z])"), r"\\ne"),
    (re.compile(r"\\(?:varnothing)(?![A-Za-z])"), r"\\emptyset"),
    (re.compile(r"\\(?:lt)(?![A-Za-z])"), "<"),
    (re.compile(r"\\(?:gt)(?![A-Za-z])"), ">"),
    (re.compile(r"\\[lr]vert(?![A-Za-z])|\\mid(?![A-Za-z])|\\vert(?![A-Za-z])"), "|"),
    (re.compile(r"\\lbrace(?![A-Za-z])"), r"\\{"),
    (re.compile(r"\\rbrace(?![A-Za-z])"), r"\\}"),
    (re.compile(r"\\(?:[lr]brack)(?![A-Za-z])"), ""),
    (re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ\b)"), r"\\degree "),
    (re.compile(r"\\(?:ldots|dots|cdots)(?![A-Za-z])"), "…"),
    (re.compile(r"\{:\}"), ":"),
    (re.compile(r"\{,\}|,\\!\s*"), "⹁"),
    (re.compile(r"\\,(?=\d{3}(?!\d))|\\!(?=\d{3}(?!\d))"), "⹁"),
)
_TEXT = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|normal)?|mathrm|mathbf|mathit|mathsf|mbox|hbox|operatorname\*?)\s*"
    r"\{([^{}]*)\}"
)
_PLAIN_GROUPS = re.compile(r"(?<![\d.,⹁])\d{1,3}(?:,\d{3})+(?![\d,])")

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<repeating>\d*\.\d*\\overline\s*\{\d+\})
      | (?P<number>\d+(?:⹁\d{3})*(?:\.\d+)?|\.\d+)
      | (?P<text>\\text\{[^{}]*\})
      | (?P<command>\\(?:[A-Za-z]+|.))
      | (?P<letter>[A-Za-z])
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A number with its digits, a letter, a command without its backslash, text, or a sign."""

    kind: TokenKind
    text: str


def cleaned(answer: str) -> str:
    """An answer without what only looks different: sizes, spaces, synonyms, other letters for signs."""
    if len(answer) > MOST_CHARACTERS:
        raise Unreadable("too long")
    text = answer.strip().replace("\\$", "")
    for outer in (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")):
        if text.startswith(outer[0]) and text.endswith(outer[1]) and len(text) >= 2 * len(outer[0]):
            text = text[len(outer[0]) : -len(outer[1])].strip()
    if (box := re.fullmatch(r"\\boxed\s*\{([^{}]*)\}", text)) is not None:
        text = box[1].strip()
    for character, replacement in _REPLACED.items():
        text = text.replace(character, replacement)
    for pattern, replacement in _SYNONYMS:
        text = pattern.sub(replacement, text)
    text = _TEXT.sub(lambda match: _number_or_text(match[1]), text)
    text = _SPACES.sub(" ", text)
    return re.sub(r"(?<=[\w})])\s*\.\s*$", "", text).strip()


def tokens(text: str, *, grouped: bool) -> list[Token]:
    """The tokens of a `cleaned` answer. `grouped` reads "1,234" outside of brackets as a number."""
    if grouped:
        text = _outside_brackets(text)
    found = []
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup, match.group()
        if kind == "space":
            continue
        if kind in ("number", "repeating"):
            digits = word.replace("⹁", "")
            if sum(character.isdigit() for character in digits) > MOST_DIGITS:
                raise Unreadable("a number of too many digits")
            found.append(Token("number", digits))
        elif kind == "text":
            found.append(Token("text", word[len(r"\text{") : -1]))
        elif kind == "command":
            found.append(Token("command", word[1:]))
        elif kind == "letter":
            found.append(Token("letter", word))
        else:
            found.append(Token("sign", word))
    return found


def _number_or_text(inside: str) -> str:
    return inside if re.fullmatch(r"\s*[-+]?[\d.,/]+\s*", inside) else rf"\text{{{inside}}}"


def has_groups(text: str) -> bool:
    """Tell whether it has text such as "1,234", which may be one number or two."""
    return _outside_brackets(text) != text


def _outside_brackets(text: str) -> str:
    if re.search(r"[(\[{|]", re.sub(r"\\(?:frac|sqrt|text)\{[^{}]*\}(?:\{[^{}]*\})?", "", text)):
        return text
    return _PLAIN_GROUPS.sub(lambda match: match[0].replace(",", "⹁"), text)
