"""The outline of a piece of Markdown: from a specification's HTML, and from the blocks of the window.

An outline is a list of leaves: what each is, how many quotations and lists it stands in, the marker before
it, and its words in runs with what they are (`em`, `strong`, `code`, `link:ADDRESS`). Soft and hard breaks
are one line end, a picture is a link with its text, tight and loose lists differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from app.chat.markdown.markdown_blocks import BREAK, Block, CodeBlock, Place, RuleBlock, TextBlock

Run = tuple[str, frozenset[str]]
INLINE = {"em", "strong", "code", "a"}


@dataclass(frozen=True)
class Leaf:
    """One paragraph, heading, code block or rule."""

    kind: str
    quote: int
    indent: int
    marker: str
    runs: tuple[Run, ...]
    tight: bool = False


def outline_of_blocks(blocks: Sequence[Block]) -> list[Leaf]:
    """The outline of what the window shows."""
    return [_leaf(block) for block in blocks]


def outline_of_html(html: str) -> list[Leaf]:
    """The outline of a specification's HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.end_text()
    return reader.leaves


def runs_of_html(html: str) -> tuple[Run, ...]:
    """The runs of a paragraph's inner HTML."""
    return outline_of_html(f"<p>{html}</p>")[0].runs


def _leaf(block: Block) -> Leaf:
    place: Place = block.place
    match block:
        case TextBlock():
            kind, runs = f"h{block.level}" if block.level else "p", runs_of_html(block.html)
        case CodeBlock():
            kind, runs = f"code:{block.language}", _merged([(block.code.rstrip("\n"), frozenset())])
        case RuleBlock():
            kind, runs = "hr", ()
        case _:
            kind, runs = type(block).__name__, ()
    # An empty item is neither tight nor loose.
    tight = place.tight and kind == "p" and bool(runs)
    return Leaf(kind, place.quote, place.indent, place.marker, runs, tight)


@dataclass
class _List:
    ordered: bool
    number: int


@dataclass
class _Reader(HTMLParser):
    leaves: list[Leaf] = field(default_factory=list)
    _quote: int = 0
    _lists: list[_List] = field(default_factory=list)
    _marker: str = ""
    _item_empty: list[bool] = field(default_factory=list)
    _kind: str = ""
    _runs: list[Run] = field(default_factory=list)
    _styles: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        match tag:
            case "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                self.end_text()
                self._kind = tag
            case "pre":
                self.end_text()
                self._kind = "code:"
            case "code" if self._kind.startswith("code:"):
                language = (values.get("class") or "").removeprefix("language-")
                self._kind = f"code:{language}"
            case "hr":
                self.end_text()
                self._add("hr", ())
            case "blockquote":
                self.end_text()
                self._quote += 1
            case "ul" | "ol":
                self.end_text()
                self._lists.append(_List(tag == "ol", int(values.get("start") or 1)))
            case "li":
                self.end_text()
                if self._marker:
                    self._add("p", (), tight=False)
                top = self._lists[-1]
                self._marker = f"{top.number}." if top.ordered else "•"
                top.number += 1
            case "br":
                self._text("\n")
            case "img":
                self._styles.append(("img", f"link:{values.get('src')}"))
                self._text(f"▧ {values.get('alt') or '…'}")
                self._styles.pop()
            case "a":
                self._styles.append((tag, f"link:{values.get('href')}"))
            case _ if tag in INLINE:
                self._styles.append((tag, tag))

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "pre":
                self.end_text()
            case "blockquote":
                self.end_text()
                self._quote -= 1
            case "ul" | "ol":
                self._lists.pop()
            case "li":
                self.end_text()
                if self._marker:
                    self._add("p", (), tight=False)
            case _ if tag in INLINE and not self._kind.startswith("code:"):
                if self._styles and self._styles[-1][0] == tag:
                    self._styles.pop()

    def handle_data(self, data: str) -> None:
        if not self._kind and not data.strip():
            if self._runs:
                self._text(data)
            return
        if not self._kind:
            self._kind = "tight"
        self._text(data)

    def end_text(self) -> None:
        """A leaf ends here."""
        kind = self._kind or ("tight" if self._runs else "")
        if kind:
            runs = list(self._runs)
            if not kind.startswith("code:"):
                text_runs = _merged([(text.replace("\r", ""), style) for text, style in runs])
                self._add("p" if kind == "tight" else kind, _trimmed(text_runs), tight=kind == "tight")
            else:
                self._add(kind, _merged([("".join(text for text, _ in runs).rstrip("\n"), frozenset())]))
        self._kind, self._runs, self._styles = "", [], []

    def _text(self, text: str) -> None:
        style = frozenset(name for _, name in self._styles)
        self._runs.append((text.replace(BREAK, "").replace("\xa0", " "), style))

    def _add(self, kind: str, runs: tuple[Run, ...], *, tight: bool = False) -> None:
        marker, self._marker = self._marker, ""
        self.leaves.append(Leaf(kind, self._quote, len(self._lists), marker, runs, tight))


def _merged(runs: Sequence[Run]) -> tuple[Run, ...]:
    merged: list[Run] = []
    for text, style in runs:
        if merged and merged[-1][1] == style:
            merged[-1] = (merged[-1][0] + text, style)
        elif text:
            merged.append((text, style))
    return tuple(merged)


def _trimmed(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Without the white space around line ends, which a page does not show."""
    pieces = [(text, style) for text, style in runs]
    if pieces and not pieces[0][1]:
        pieces[0] = (pieces[0][0].lstrip(), pieces[0][1])
    if pieces and not pieces[-1][1]:
        pieces[-1] = (pieces[-1][0].rstrip(), pieces[-1][1])
    shown = []
    for text, style in pieces:
        while "\n\n" in text:
            text = text.replace("\n\n", "\n")
        shown.append((text, style))
    return _merged([piece for piece in shown if piece[0]])
