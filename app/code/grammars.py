"""Syntax of the common languages by tree-sitter's grammars. Imported in the syntax process only."""

from dataclasses import dataclass

from tree_sitter import Language, Node, Parser

SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """The first place that a grammar cannot read. Line and column count from 1, the column in characters."""

    message: str
    line: int
    column: int


def find_fault(code: str, language: str) -> SyntaxFault | None:
    """Return a syntax fault of `code`, or None; `language` is a key of `app.code.check.CHECKERS`."""
    faults = []
    for name in _grammars(language, code):
        source = code.encode("utf-8", "surrogatepass")
        tree = Parser(Language(_grammar(name))).parse(source)
        if not tree.root_node.has_error:
            return None
        faults.append(_told(_first_fault(tree.root_node), source))
    # Where two dialects may be meant, the one that came further is.
    return max(faults, key=lambda fault: (fault.line, fault.column))


def _grammars(language: str, code: str) -> tuple[str, ...]:
    if language == "typescript":
        return ("typescript", "tsx")
    if language == "php" and "<?" not in code:
        return ("php_only",)
    return (language,)


def _grammar(name: str) -> object:
    """Imports written out one by one, so that a bundle holds them all."""
    match name:
        case "bash":
            from tree_sitter_bash import language
        case "c":
            from tree_sitter_c import language
        case "cpp":
            from tree_sitter_cpp import language
        case "csharp":
            from tree_sitter_c_sharp import language
        case "css":
            from tree_sitter_css import language
        case "go":
            from tree_sitter_go import language
        case "html":
            from tree_sitter_html import language
        case "java":
            from tree_sitter_java import language
        case "javascript":
            from tree_sitter_javascript import language
        case "php":
            from tree_sitter_php import language_php as language
        case "php_only":
            from tree_sitter_php import language_php_only as language
        case "ruby":
            from tree_sitter_ruby import language
        case "rust":
            from tree_sitter_rust import language
        case "tsx":
            from tree_sitter_typescript import language_tsx as language
        case "typescript":
            from tree_sitter_typescript import language_typescript as language
        case _:
            raise KeyError(name)
    return language()


def _first_fault(root: Node) -> Node:
    """The first innermost node that is missing or could not be read."""
    node, fault = root, root
    while True:
        if node.is_missing:
            return node
        if node.is_error:
            fault = node
        inner = next((child for child in node.children if child.has_error or child.is_missing), None)
        if inner is None:
            return fault
        node = inner


def _told(node: Node, source: bytes) -> SyntaxFault:
    row, byte_column = node.start_point
    line = source.split(b"\n")[row]
    column = len(line[:byte_column].decode("utf-8", "replace")) + 1
    text = source[node.start_byte : node.end_byte].decode("utf-8", "replace")
    shown = text.strip().split("\n")[0][:SHOWN_CHARACTERS]
    if node.is_missing:
        message = f"{node.type} is missing"
    elif "\n" in text.strip():
        message = f"what begins with “{shown}” is not complete or cannot stand here"
    elif shown:
        message = f"“{shown}” cannot stand here"
    else:
        message = "something is missing here"
    return SyntaxFault(message, row + 1, column)
