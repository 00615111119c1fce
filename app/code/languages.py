"""The languages that the Code tab knows by name: how files are named, how lines are commented."""

from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Language:
    """A language. `key` is also its Pygments alias; `suffixes` may hold whole file names.

    `line_comment` is empty where the language has none; `block_comment` then opens and closes one.
    """

    key: str
    name: str
    suffixes: tuple[str, ...]
    line_comment: str = ""
    block_comment: tuple[str, str] | None = None
    aliases: tuple[str, ...] = ()
    indent: str = "    "


_XML_COMMENT = ("<!--", "-->")

PLAIN_TEXT = Language("text", "Plain text", (".txt", ".log"), aliases=("txt", "plain", "plaintext"))

LANGUAGES: tuple[Language, ...] = (
    PLAIN_TEXT,
    Language("bash", "Bash", (".sh", ".bash"), "#", aliases=("sh", "shell", "zsh"), indent="  "),
    Language("c", "C", (".c", ".h"), "//"),
    Language("cmake", "CMake", (".cmake", "CMakeLists.txt"), "#", indent="  "),
    Language(
        "cpp", "C++", (".cpp", ".cc", ".cxx", ".hpp", ".hh", ".cu", ".cuh"), "//", aliases=("c++", "cuda")
    ),
    Language("csharp", "C#", (".cs",), "//", aliases=("c#", "cs")),
    Language("css", "CSS", (".css",), block_comment=("/*", "*/"), indent="  "),
    Language("dart", "Dart", (".dart",), "//", indent="  "),
    Language("diff", "Diff", (".diff", ".patch"), aliases=("patch",)),
    Language("docker", "Dockerfile", (".docker", "Dockerfile"), "#", aliases=("dockerfile",)),
    Language("go", "Go", (".go",), "//", aliases=("golang",), indent="\t"),
    Language("haskell", "Haskell", (".hs",), "--", aliases=("hs",), indent="  "),
    Language("html", "HTML", (".html", ".htm"), block_comment=_XML_COMMENT, indent="  "),
    Language("ini", "INI", (".ini", ".cfg", ".conf", ".editorconfig"), ";", aliases=("cfg",)),
    Language("java", "Java", (".java",), "//"),
    Language(
        "javascript",
        "JavaScript",
        (".js", ".mjs", ".cjs", ".jsx"),
        "//",
        aliases=("js", "jsx", "node"),
        indent="  ",
    ),
    Language("json", "JSON", (".json",), indent="  "),
    Language("julia", "Julia", (".jl",), "#", aliases=("jl",)),
    Language("kotlin", "Kotlin", (".kt", ".kts"), "//", aliases=("kt",)),
    Language("latex", "LaTeX", (".tex", ".sty"), "%", aliases=("tex",), indent="  "),
    Language("lua", "Lua", (".lua",), "--", indent="  "),
    Language("make", "Makefile", (".mk", "Makefile", "GNUmakefile"), "#", aliases=("makefile",), indent="\t"),
    Language(
        "markdown", "Markdown", (".md", ".markdown"), block_comment=_XML_COMMENT, aliases=("md",), indent="  "
    ),
    Language("php", "PHP", (".php",), "//"),
    Language("powershell", "PowerShell", (".ps1", ".psm1"), "#", aliases=("ps1", "pwsh")),
    Language("python", "Python", (".py", ".pyi", ".pyw"), "#", aliases=("py", "python3", "py3")),
    Language("r", "R", (".r", ".R"), "#", indent="  "),
    Language("ruby", "Ruby", (".rb", ".rake", "Gemfile", "Rakefile"), "#", aliases=("rb",), indent="  "),
    Language("rust", "Rust", (".rs",), "//", aliases=("rs",)),
    Language("scala", "Scala", (".scala", ".sc"), "//", indent="  "),
    Language("sql", "SQL", (".sql",), "--", aliases=("postgresql", "mysql", "sqlite")),
    Language("swift", "Swift", (".swift",), "//"),
    Language("toml", "TOML", (".toml",), "#"),
    Language("typescript", "TypeScript", (".ts", ".mts", ".tsx"), "//", aliases=("ts", "tsx"), indent="  "),
    Language("xml", "XML", (".xml", ".svg", ".xsd", ".ui"), block_comment=_XML_COMMENT, indent="  "),
    Language("yaml", "YAML", (".yaml", ".yml"), "#", aliases=("yml",), indent="  "),
)

_BY_WORD = {word: language for language in LANGUAGES for word in (language.key, *language.aliases)}
_BY_SUFFIX = {suffix: language for language in LANGUAGES for suffix in language.suffixes}


def language_named(word: str) -> Language | None:
    """The language that a fence's info word or a settings key names, whatever its case; None if unknown."""
    return _BY_WORD.get(word.strip().lower())


def language_of_file(name: str) -> Language:
    """The language that a file's name tells; plain text when it tells none."""
    path = PurePath(name)
    return _BY_SUFFIX.get(path.name) or _BY_SUFFIX.get(path.suffix.lower()) or PLAIN_TEXT
