"""Find the functions, classes and the like that a text defines, by its lines alone.

It reads unfinished code and many languages, so it goes by indentation and by the words that begin a
definition. That is enough to see that a function would be there twice, and too little to compile anything.
"""

import re
from dataclasses import dataclass

TAB_WIDTH = 4
LONGEST_LINE = 400
"""Characters; a longer line is data or minified, and defines nothing that somebody reads."""

_WORD = r"(?P<name>[A-Za-z_$][\w$]*)"
_PARAMETERS = r"\((?P<parameters>[^;{}]*)\)"
_MODIFIERS = (
    r"(?:(?:public|private|protected|internal|static|final|abstract|virtual|override|async|sealed|inline|"
    r"constexpr|extern|export|default|declare|readonly|synchronized|native|unsafe|partial|open|suspend|"
    r"fileprivate|mutating|data)\s+)*"
)
_C_FUNCTION = (
    rf"{_MODIFIERS}(?:[\w:<>,*&\[\]~?.]+\s+)+[*&]*(?P<scope>(?:\w+::)*){_WORD}\s*"
    rf"{_PARAMETERS}[^;={{]*(?:\{{|$)"
)
_JS_METHOD = (
    rf"{_MODIFIERS}(?:get\s+|set\s+|\*\s*)?#?{_WORD}\s*"
    rf"\((?P<parameters>[^;{{}}(\"'`]*)\)\s*(?::[^{{]+)?\{{\s*$"
)

_PYTHON = (rf"(?:async\s+)?def\s+{_WORD}", rf"class\s+{_WORD}")
_SCRIPT = (
    rf"{_MODIFIERS}function\s*\*?\s*{_WORD}",
    rf"{_MODIFIERS}(?:class|interface|enum|namespace|type)\s+{_WORD}\b(?!\s*\()",
    rf"(?:export\s+)?(?:const|let|var)\s+{_WORD}\s*(?::[^=]+)?=\s*(?:async\s*)?(?:function\b|\([^=]*\)[^=]*=>|\w+\s*=>)",
    _JS_METHOD,
)
_C_LIKE = (
    rf"{_MODIFIERS}(?:class|struct|enum|union|interface|namespace|record)\s+{_WORD}\b[^;()]*$",
    _C_FUNCTION,
)
_BY_LANGUAGE: dict[str, tuple[str, ...]] = {
    "python": _PYTHON,
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "c": _C_LIKE,
    "cpp": _C_LIKE,
    "csharp": _C_LIKE,
    "java": _C_LIKE,
    "dart": _C_LIKE,
    "rust": (
        rf"(?:pub(?:\([^)]*\))?\s+)?(?:(?:async|const|unsafe|extern(?:\s+\"[^\"]*\")?)\s+)*fn\s+{_WORD}",
        rf"(?:pub(?:\([^)]*\))?\s+)?(?:struct|enum|trait|union|mod|type|const|static)\s+{_WORD}",
        r"(?:unsafe\s+)?(?P<name>impl\b[^{]*)",
    ),
    "go": (rf"func\s+(?P<scope>\([^)]*\)\s*)?{_WORD}", rf"type\s+{_WORD}"),
    "php": (rf"{_MODIFIERS}function\s+&?{_WORD}", rf"{_MODIFIERS}(?:class|interface|trait|enum)\s+{_WORD}"),
    "ruby": (r"def\s+(?P<name>(?:self\.)?\w+[?!=]?)", r"(?:class|module)\s+(?P<name>[\w:]+)"),
    "lua": (r"(?:local\s+)?function\s+(?P<name>[\w.:]+)",),
    "bash": (r"(?:function\s+)?(?P<name>[\w-]+)\s*\(\)", r"function\s+(?P<name>[\w-]+)"),
    "kotlin": (
        rf"{_MODIFIERS}(?:fun|class|interface|object)\s+(?:<[^>]*>\s*)?(?:\w+\.)*{_WORD}(?:{_PARAMETERS})?",
    ),
    "swift": (rf"{_MODIFIERS}(?:func|class|struct|enum|protocol)\s+{_WORD}(?:{_PARAMETERS})?",),
    "scala": (rf"{_MODIFIERS}(?:def|class|object|trait)\s+{_WORD}",),
    "julia": (r"(?:function|macro|struct|mutable struct|module)\s+(?P<name>[\w.!]+)",),
    "r": (r"(?P<name>[\w.]+)\s*(?:<-|=)\s*function\b",),
    "powershell": (r"(?i:function|filter)\s+(?P<name>[\w-]+)",),
    "sql": (
        r"(?i:create)\s+(?i:or\s+replace\s+)?(?i:table|view|function|procedure|trigger)\s+(?P<name>[\w.\"`]+)",
    ),
}
_PATTERNS = {key: tuple(map(re.compile, patterns)) for key, patterns in _BY_LANGUAGE.items()}
_OVERLOADING = frozenset(("cpp", "csharp", "java", "dart", "kotlin", "swift", "typescript"))
"""Languages in which several functions of one name are told apart by their parameters."""

_NO_NAMES = frozenset(
    (
        "if",
        "for",
        "while",
        "switch",
        "catch",
        "return",
        "else",
        "do",
        "new",
        "throw",
        "sizeof",
        "using",
        "await",
    )
)
_NO_TYPES = re.compile(
    r"\s*(?:return|else|new|throw|await|delete|goto|case|using|import|from|in|not|and|or)\b"
)
_CLOSES = re.compile(r"(?:\}|end\b|esac\b|fi\b|done\b)")
_GOES_ON = re.compile(r"[)\]{]")
_BELONGS_ABOVE = re.compile(r"(?:@|#\[|///|//|#|/\*|\*|--)")


@dataclass(frozen=True, slots=True)
class Definition:
    """Something that lines `first_line` to `end_line` define (counted from 0, the end exclusive).

    `name` begins with those of what it stands in: `Shape.area`. `head_line` is the first of the comments and
    decorators right above.
    """

    name: str
    head_line: int
    first_line: int
    end_line: int

    @property
    def own_name(self) -> str:
        """The name without those of what it stands in."""
        return self.name.rpartition(".")[2]

    @property
    def is_outermost(self) -> bool:
        """Tell whether it stands in no other."""
        return "." not in self.name


def definitions(text: str, language: str) -> list[Definition]:
    """List what `text` defines in `language` (a key), in the order of its lines; none for a language that is
    not known here. Any thread."""
    patterns = _PATTERNS.get(language, ())
    if not patterns:
        return []
    lines = text.split("\n")
    within: list[tuple[int, str]] = []
    found = []
    for number, line in enumerate(lines):
        code = line.strip()
        if not code or len(line) > LONGEST_LINE:
            continue
        name = _name(code, patterns, language)
        if not name:
            continue
        depth = _depth(line)
        while within and within[-1][0] >= depth:
            within.pop()
        within.append((depth, name))
        found.append(
            Definition(
                ".".join(each for _, each in within),
                _head(lines, number),
                number,
                _end(lines, number, depth),
            )
        )
        # What ends before the next line holds nothing.
        if found[-1].end_line == number + 1:
            within.pop()
    return found


def _name(code: str, patterns: tuple[re.Pattern[str], ...], language: str) -> str:
    if language in ("c", "cpp", "csharp", "java", "dart") and _NO_TYPES.match(code):
        return ""
    for pattern in patterns:
        match = pattern.match(code)
        if match is None or match["name"] in _NO_NAMES:
            continue
        groups = match.groupdict()
        name = " ".join(match["name"].split()).replace(".", ":")
        if groups.get("scope"):
            name = f"{_receiver(groups['scope'])}{name}"
        if language in _OVERLOADING and groups.get("parameters") is not None:
            name = f"{name}({' '.join(groups['parameters'].split())})".replace(".", ":")
        return name
    return ""


def _receiver(scope: str) -> str:
    """Return what a function belongs to by its own words: a class in C++, a receiver's type in Go."""
    words = re.findall(r"\w+", scope)
    return f"{words[-1]}:" if words else ""


def _depth(line: str) -> int:
    space = line[: len(line) - len(line.lstrip(" \t"))]
    return len(space.expandtabs(TAB_WIDTH))


def _head(lines: list[str], number: int) -> int:
    depth = _depth(lines[number])
    while number and _depth(lines[number - 1]) == depth and _BELONGS_ABOVE.match(lines[number - 1].strip()):
        number -= 1
    return number


def _end(lines: list[str], number: int, depth: int) -> int:
    """Return the line after the last one of the definition that begins in line `number`."""
    end = number + 1
    for at in range(number + 1, len(lines)):
        code = lines[at].strip()
        if not code:
            continue
        if _depth(lines[at]) <= depth:
            if _depth(lines[at]) == depth and _CLOSES.match(code):
                return at + 1
            if _depth(lines[at]) < depth or not _GOES_ON.match(code):
                return end
        end = at + 1
    return end
