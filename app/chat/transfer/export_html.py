"""One chat as a page that needs nothing from anywhere: no script, no link that loads by itself."""

import base64
import html
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name
from pygments.util import ClassNotFound

from app.chat.documents.hidden_characters import with_hidden_shown
from app.chat.markdown.formula_process import DrawFormula
from app.chat.markdown.markdown_math import without_delimiters
from app.chat.markdown.markdown_parser import markdown_parser
from app.chat.store.records import Conversation, StoredMessage
from app.chat.transfer.export import ending_note

FORMULA_PX = 18.0
PRINT_PX = 15.0
PRINT_SCALE = 4
_SIZE = re.compile(r'width="[^"]*" height="[^"]*" viewBox="(\S+) (\S+) (\S+) (\S+)"')
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root { color-scheme: light dark;
  --text: #221e1b; --ground: #fff; --soft: #f4f0ea; --muted: #6b625a; --line: #e6e0d8; }
@media (prefers-color-scheme: dark) {
  :root { --text: #ede7e1; --ground: #161412; --soft: #24211e; --muted: #a0968d; --line: #332e2a; }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--text); background: var(--ground);
  max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } .about, h2 { color: var(--muted); }
h2 { font-size: .85rem; font-weight: 600; margin: 2rem 0 .3rem; }
.user { background: var(--soft); border-radius: 10px; padding: .1rem 1rem; }
details { color: var(--muted); border-left: 3px solid var(--line); padding-left: 1rem; }
pre { background: var(--soft); border-radius: 8px; padding: .8rem 1rem; overflow-x: auto; font-size: .85em; }
table { border-collapse: collapse; } td, th { border-bottom: 1px solid var(--line); padding: .3rem .8rem; }
.formula { text-align: center; overflow-x: auto; }
svg { color: var(--text); } .ended { color: var(--muted); font-style: italic; }
"""


def to_html(
    conversation: Conversation,
    branch: Sequence[StoredMessage],
    draw: DrawFormula,
    *,
    with_thinking: bool = False,
    for_print: bool = False,
) -> str:
    """The branch that is shown, as one file; thinking is left out unless asked for. Formulas are drawn by
    `draw`, code is coloured. Takes some milliseconds a formula: for a worker thread.
    """
    title = html.escape(conversation.title or "Untitled chat")
    created = datetime.fromtimestamp(conversation.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    about = " · ".join(html.escape(part) for part in (conversation.model, created) if part)
    parser = _parser(partial(_picture if for_print else _drawing, draw))
    body = [f"<h1>{title}</h1>", f'<p class="about">{about}</p>']
    if conversation.system_prompt:
        body += ["<h2>System prompt</h2>", _plain(conversation.system_prompt)]
    for message in branch:
        if message.role == "user":
            body += ["<h2>You</h2>", f'<div class="user">{_plain(message.content)}</div>']
            continue
        body.append(f"<h2>{html.escape(message.model or 'Model')}</h2>")
        if with_thinking and message.thinking.strip():
            thoughts = parser.render(message.thinking.strip())
            body.append(f"<details><summary>Thinking</summary>{thoughts}</details>")
        body.append(parser.render(message.content.strip()))
        if note := ending_note(message):
            body.append(f'<p class="ended">{note}</p>')
    light, dark = _code_colours("default"), _code_colours("native")
    if for_print:
        return f"<style>{light}\n{_PRINT_STYLE}</style>\n" + "\n".join(body)
    return (
        f'<!doctype html>\n<html><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}">\n'
        f"<style>{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


_PRINT_STYLE = """
body { font-family: Inter; font-size: 10pt; } h1 { font-size: 15pt; } h2 { font-size: 9pt; color: #6b625a; }
.about, .thinking, .ended { color: #6b625a; } pre { background-color: #f4f0ea; font-size: 8.5pt; }
.user { background-color: #f4f0ea; } td, th { padding: 3px 10px; }
"""


def _code_colours(style: str) -> str:
    colours: str = HtmlFormatter(style=style).get_style_defs("pre")  # type: ignore[no-untyped-call]  # its stub
    return colours


def to_print_html(
    conversation: Conversation,
    branch: Sequence[StoredMessage],
    draw: DrawFormula,
    *,
    with_thinking: bool = False,
) -> str:
    """As `to_html`, in the HTML and CSS that Qt's rich text knows, formulas as pictures."""
    page = to_html(conversation, branch, draw, with_thinking=with_thinking, for_print=True)
    page = re.sub(r"<details><summary>Thinking</summary>", '<blockquote class="thinking">', page)
    return page.replace("</details>", "</blockquote>")


def _plain(text: str) -> str:
    lines = html.escape(with_hidden_shown(text)).splitlines()
    return f"<p>{'<br>'.join(lines)}</p>"


Formula = Callable[[str, str, bool], str]
"""LaTeX, its source in the text and whether it stands apart; gives HTML."""


def _parser(formula: Formula) -> MarkdownIt:
    def math(_: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[index]
        return formula(without_delimiters(token.content), token.content, bool(token.meta["display"]))

    def math_block(
        _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        latex = tokens[index].content
        return f'<p class="formula" align="center">{formula(latex, latex, True)}</p>\n'

    parser = markdown_parser()
    parser.add_render_rule("text", _text)
    parser.add_render_rule("math", math)
    parser.add_render_rule("math_block", math_block)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("fence", _code)
    parser.add_render_rule("code_block", _code)
    return parser


def _text(_: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return html.escape(with_hidden_shown(tokens[index].content))


def _image(_: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    source = html.escape(str(tokens[index].attrGet("src")))
    return f'<a href="{source}">▧ {html.escape(tokens[index].content or source)}</a>'


def _code(_: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    try:
        lexer = get_lexer_by_name(next(iter(token.info.split()), "text"))
    except ClassNotFound:
        lexer = TextLexer()
    code = highlight(with_hidden_shown(token.content), lexer, HtmlFormatter(nowrap=True))
    return f"<pre><code>{code}</code></pre>\n"


def _drawing(draw: DrawFormula, latex: str, source: str, display: bool) -> str:
    # currentColor follows the page's scheme; the library takes any word for a colour.
    drawn = draw(latex, display, FORMULA_PX, "currentColor")
    if drawn is None:
        return f"<code>{html.escape(source)}</code>"
    label = html.escape(source)
    return drawn.svg.replace(
        "<svg ", f'<svg role="img" aria-label="{label}" style="vertical-align: -{drawn.descent:.2f}px" ', 1
    )


def _picture(draw: DrawFormula, latex: str, source: str, display: bool) -> str:
    drawn = draw(latex, display, PRINT_PX, "#000000")
    if drawn is None:
        return f"<code>{html.escape(source)}</code>"
    # Qt centres such a picture in its line; see app/ui/base/formulas.py.
    lead = PRINT_PX / 4
    ascent = max(drawn.ascent, drawn.descent + lead, PRINT_PX * 0.8)
    width, height = drawn.width, 2 * ascent - lead

    def larger(size: re.Match[str]) -> str:
        return (
            f'width="{width * PRINT_SCALE}" height="{height * PRINT_SCALE}"'
            f' viewBox="{size[1]} {-ascent} {width} {height}"'
        )

    data = base64.b64encode(_SIZE.sub(larger, drawn.svg, count=1).encode()).decode()
    return (
        f'<img src="data:image/svg+xml;base64,{data}" width="{width:.0f}" height="{height:.0f}"'
        ' style="vertical-align: middle">'
    )
