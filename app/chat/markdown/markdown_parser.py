"""The parser of replies. It brings `markdown_it`, sixty modules, so it is imported with the first text."""

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.parser_core import RuleFuncCoreType
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from app.chat.markdown.markdown_blocks import LANGUAGE, LONGEST_MARKED_CHARACTERS, stays_plain
from app.chat.markdown.markdown_math import with_math


def markdown_parser() -> MarkdownIt:
    """CommonMark with tables, strikethrough and formulas, without HTML. It takes a millisecond to make."""
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.disable(["html_block", "html_inline"])
    parser.core.ruler.at("inline", _inline_within_limits)
    parser.block.ruler.at("table", _table_within_limits, {"alt": ["paragraph", "reference"]})
    return with_math(parser)


def parse_block_level(parser: MarkdownIt, source: str, environment: dict[str, object]) -> list[Token]:
    """The tokens of a text, of which those for inline text have no children yet."""
    state = StateCore(source, parser, environment)
    for rule in _core_rules(parser)[0]:
        rule(state)
    return state.tokens


def parse_inline(parser: MarkdownIt, tokens: list[Token], environment: dict[str, object]) -> None:
    """Give tokens of `parse_block_level` their children."""
    state = StateCore("", parser, environment, tokens)
    for rule in _core_rules(parser)[1]:
        rule(state)


def _core_rules(parser: MarkdownIt) -> tuple[list[RuleFuncCoreType], list[RuleFuncCoreType]]:
    """The rules of the core up to the blocks, and those behind."""
    rules = parser.core.ruler.getRules("")
    end = parser.core.ruler.get_active_rules().index("block") + 1
    return rules[:end], rules[end:]


def _inline_within_limits(state: StateCore) -> None:
    """As markdown-it's own rule, but what is longer than any paragraph, or has more marks, is left plain."""
    for token in state.tokens:
        if token.type == "inline":
            token.children = []
            if stays_plain(token.content):
                token.children = [Token("text", "", 0, content=token.content)]
            else:
                state.md.inline.parse(token.content, state.md, state.env, token.children)
        elif token.type in ("fence", "code_block"):
            token.meta[LANGUAGE] = next(iter(unescapeAll(token.info).split()), "")


def _table_within_limits(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """As markdown-it's own rule, but lines that are longer than any paragraph are no head of a table."""
    rule_line = min(start_line + 1, end_line - 1)
    length = state.eMarks[rule_line] - state.bMarks[start_line]
    return length <= LONGEST_MARKED_CHARACTERS and table(state, start_line, end_line, silent)
