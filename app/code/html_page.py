"""Make a page of HTML that a model wrote fit for Qt's text view: bounded, without scripts, without addresses.

Qt's view runs no scripts, but it lays out what it is given in whatever time that takes, and asks for pictures
and style sheets. So the page is written anew of what is known: the tags and attributes that Qt draws, sizes
within bounds, tables and lists not too deep, pictures only as data of the page itself.
https://doc.qt.io/qt-6/richtext-html-subset.html
"""

import html
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LONGEST_SOURCE = 400_000
MOST_TOKENS = 30_000
MOST_TAGS = 6_000
MOST_TEXT = 200_000
DEEPEST = 48
DEEPEST_TABLE = 4
"""Qt lays out an inner table several times for each outer one."""
DEEPEST_INDENT = 5
LEAST_WIDTH_PX, LEAST_WIDTH_PERCENT = 60, 10
"""A long text in a column of one letter takes Qt hours."""
MOST_SPAN = 40
LARGEST_PX = 4_000
LONGEST_PICTURE = 3_000_000
"""Characters of one picture as base64."""
MOST_PICTURES = 40
LONGEST_STYLE = 60_000
LONGEST_ATTRIBUTE = 400
MOST_ATTRIBUTES = 40

_START = re.compile(r"<(?=[/!?a-zA-Z])")
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,40})")
_BLANK = re.compile(r"[\s/]+")
_NAME = re.compile(r"[^\s/>=]+")
_EQUALS = re.compile(r"\s*=\s*")
_BARE = re.compile(r"[^\s>]+")
_RAW = {tag: re.compile(rf"</{tag}", re.IGNORECASE) for tag in ("script", "style")}
"""What is in these is no HTML."""

_AS_THEY_ARE = frozenset((
    "a", "b", "big", "blockquote", "br", "center", "cite", "code", "dd", "dfn", "div", "dl", "dt", "em",
    "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "kbd", "li", "ol", "p", "pre", "s", "samp",
    "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt",
    "u", "ul", "var",
))  # fmt: skip
_AS_OTHERS = {
    "article": "div", "aside": "div", "details": "div", "dialog": "div", "fieldset": "div",
    "figcaption": "div", "figure": "div", "footer": "div", "form": "div", "header": "div", "hgroup": "div",
    "legend": "b", "main": "div", "menu": "ul", "nav": "div", "search": "div", "section": "div",
    "summary": "b", "address": "div", "button": "u", "label": "span", "mark": "span", "ins": "u", "del": "s",
    "strike": "s", "q": "i", "time": "span", "abbr": "span", "caption": "div", "option": "div",
    "select": "div", "textarea": "pre", "output": "span",
}  # fmt: skip
_INDENTS = frozenset(("blockquote", "ul", "ol", "dl", "dd"))
_EMPTY = frozenset(("br", "hr", "img"))
_LEFT_OUT = frozenset((
    "script", "template", "svg", "math", "iframe", "object", "video", "audio", "canvas", "head", "title",
    "map", "datalist",
))  # fmt: skip
"""With all that is in them; of a head the style sheets stay."""
_ENDS_BEFORE = {
    "li": ("li",), "dt": ("dt", "dd"), "dd": ("dt", "dd"), "tr": ("tr", "td", "th"), "td": ("td", "th"),
    "th": ("td", "th"), "p": ("p",), "tbody": ("tr", "td", "th", "tbody", "thead", "tfoot"),
}  # fmt: skip
"""A tag ends these where they were left open."""
_NUMBERS = {
    "width": LARGEST_PX, "height": LARGEST_PX, "border": 20, "cellpadding": 100, "cellspacing": 100,
    "colspan": MOST_SPAN, "rowspan": MOST_SPAN, "start": 1_000_000, "value": 1_000_000,
}  # fmt: skip
_WORDS = frozenset(("align", "valign", "bgcolor", "color", "class", "id", "type", "dir", "alt", "title"))
_PICTURE = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp|bmp);base64,[A-Za-z0-9+/=\s]+", re.IGNORECASE)
_ADDRESS_IN_STYLE = re.compile(
    r"(?:url|image|image-set|expression|attr)\s*\([^)]*\)?|@import[^;]*;?", re.IGNORECASE
)
_INDENT_IN_STYLE = re.compile(
    r"(?:margin|padding|text-indent|-qt-block-indent)(?:-left|-right|-inline)?\s*:[^;}]*;?", re.IGNORECASE
)
_NUMBER_IN_STYLE = re.compile(r"-?\d+(?:\.\d*)?|-?\.\d+")


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """A page that can be laid out in bounded time. `whole`: nothing of it was left out for its length."""

    html: str
    whole: bool


def safe_page(source: str) -> HtmlPage:
    """Write a page anew of what can be shown. Any thread; some ten milliseconds for the longest."""
    writer = _Writer()
    tokens = tokens_of(source[:LONGEST_SOURCE])
    for token in itertools.islice(tokens, MOST_TOKENS):
        writer.take(token)
    whole = len(source) <= LONGEST_SOURCE and next(tokens, None) is None
    return HtmlPage(writer.page(), writer.whole and whole)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of HTML: a tag with its attributes, its end, or text, whose `tag` is a script or a style."""

    tag: str = ""
    text: str = ""
    is_end: bool = False
    attributes: Mapping[str, str] | None = None


def tokens_of(source: str) -> Iterator[Token]:
    """Take HTML apart in one pass. What is not closed (a comment, a tag, a quotation) ends it.

    Python's own parser looks for the end again from each such beginning, which takes hours for some sources.
    """
    place = 0
    while place < len(source):
        start = _START.search(source, place)
        if start is None:
            yield Token(text=html.unescape(source[place:]))
            return
        begin = start.start()
        if begin > place:
            yield Token(text=html.unescape(source[place:begin]))
        if source.startswith("<!--", begin):
            place = _after(source, "-->", begin + 4)
        elif source.startswith(("<!", "<?"), begin):
            place = _after(source, ">", begin + 2)
        elif (tag := _TAG.match(source, begin)) is None:
            yield Token(text="<")
            place = begin + 1
        else:
            name = tag[2].casefold()
            attributes, place, empty = _attributes(source, tag.end())
            if place > len(source):
                return
            if tag[1]:
                yield Token(name, is_end=True)
                continue
            yield Token(name, attributes=attributes)
            if name in _RAW and not empty:
                end = _RAW[name].search(source, place)
                raw_end = end.start() if end is not None else len(source)
                yield Token(name, text=source[place:raw_end])
                place = raw_end
            elif empty:
                yield Token(name, is_end=True)


def _after(source: str, end: str, start: int) -> int:
    """The place behind the next `end`; behind the source where there is none."""
    found = source.find(end, start)
    return found + len(end) if found >= 0 else len(source) + 1


def _attributes(source: str, place: int) -> tuple[dict[str, str], int, bool]:
    """Read the attributes of a tag from `place` on: what they are, the place behind the tag, and whether it
    closes itself. Of one name the first counts."""
    found: dict[str, str] = {}
    while True:
        blank = _BLANK.match(source, place)
        place = blank.end() if blank is not None else place
        if place >= len(source):
            return found, len(source) + 1, False
        if source[place] == ">":
            return found, place + 1, source[place - 1] == "/"
        name = _NAME.match(source, place)
        if name is None:
            place += 1
            continue
        place, value = name.end(), ""
        if (equals := _EQUALS.match(source, place)) is not None:
            place = equals.end()
            quote = source[place : place + 1]
            if quote in ('"', "'"):
                end = source.find(quote, place + 1)
                if end < 0:
                    return found, len(source) + 1, False
                value, place = source[place + 1 : end], end + 1
            elif (bare := _BARE.match(source, place)) is not None:
                value, place = bare[0], bare.end()
        if len(found) < MOST_ATTRIBUTES:
            found.setdefault(name[0].casefold(), html.unescape(value))


class _Writer:
    """Takes the pieces of the source and keeps what is allowed."""

    def __init__(self) -> None:
        self.whole = True
        self._pieces: list[str] = []
        self._styles: list[str] = []
        self._open: list[str] = []
        self._skipped: list[str] = []
        self._tags = self._text = self._pictures = 0

    def page(self) -> str:
        """What was kept, all tags closed."""
        ends = "".join(f"</{tag}>" for tag in reversed(self._open))
        style = "\n".join(self._styles)[:LONGEST_STYLE].replace("<", "")
        head = f"<style>{style}</style>" if style else ""
        return f"<html><head>{head}</head><body>{''.join(self._pieces)}{ends}</body></html>"

    def take(self, token: Token) -> None:
        """Write a piece, or leave it out."""
        if token.text:
            self._take_text(token)
        elif token.is_end:
            self._take_end(token.tag)
        elif token.tag == "body":
            # A head need not be closed.
            self._skipped = [left for left in self._skipped if left not in ("head", "title")]
        elif token.tag in _LEFT_OUT:
            self._skipped.append(token.tag)
        elif not self._skipped and token.attributes is not None:
            self._start(_AS_OTHERS.get(token.tag, token.tag), token.attributes)

    def _take_end(self, tag: str) -> None:
        if tag in self._skipped:
            # What was left open in it ends with it.
            del self._skipped[self._skipped.index(tag) :]
        elif not self._skipped and _AS_OTHERS.get(tag, tag) in self._open:
            self._end(_AS_OTHERS.get(tag, tag))

    def _take_text(self, token: Token) -> None:
        if token.tag == "style":
            self._styles.append(clean_style(token.text))
        elif not token.tag and not self._skipped:
            room = MOST_TEXT - self._text
            self.whole &= len(token.text) <= room
            self._text += len(token.text)
            self._pieces.append(html.escape(token.text[: max(0, room)]))

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "input":
            self._pieces.append(
                f"[{html.escape((attributes.get('value') or attributes.get('placeholder') or '')[:80])}]"
            )
            return
        if tag != "img" and tag not in _AS_THEY_ARE:
            return
        for other in _ENDS_BEFORE.get(tag, ()):
            if other in self._open and not self._is_inside(other, "table", "ul", "ol", "dl"):
                self._end(other)
        indents = sum(each in _INDENTS for each in self._open) if tag in _INDENTS else 0
        tables = self._open.count("table") if tag == "table" else 0
        too_deep = len(self._open) >= DEEPEST or indents >= DEEPEST_INDENT or tables >= DEEPEST_TABLE
        if self._tags >= MOST_TAGS or too_deep:
            self.whole = False
            return
        self._tags += 1
        if tag == "img":
            self._pieces.append(self._picture(attributes))
            return
        self._pieces.append(f"<{tag}{_written(attributes)}>")
        if tag not in _EMPTY:
            self._open.append(tag)

    def _is_inside(self, tag: str, *borders: str) -> bool:
        """The newest open `tag` is outside of what was opened since, such as the table that is in a cell."""
        place = len(self._open) - 1 - self._open[::-1].index(tag)
        return any(border in self._open[place + 1 :] for border in borders)

    def _end(self, tag: str) -> None:
        while self._open:
            ended = self._open.pop()
            self._pieces.append(f"</{ended}>")
            if ended == tag:
                break

    def _picture(self, attributes: Mapping[str, str]) -> str:
        source = (attributes.get("src") or "").strip()
        if len(source) <= LONGEST_PICTURE and self._pictures < MOST_PICTURES and _PICTURE.fullmatch(source):
            self._pictures += 1
            address = html.escape("".join(source.split()))
            return f'<img src="{address}"{_written(attributes, is_picture=True)}>'
        return html.escape(f"[{(attributes.get('alt') or '🖼')[:LONGEST_ATTRIBUTE]}]")


def _written(attributes: Mapping[str, str], *, is_picture: bool = False) -> str:
    """Write the attributes that are kept, with their bounds; a picture may be narrow."""
    kept: list[tuple[str, str]] = []
    for name, value in attributes.items():
        if name in _NUMBERS:
            number = re.match(r"\s*(\d{1,9})\s*(%?)", value)
            if number is None:
                continue
            amount = min(int(number[1]), _NUMBERS[name])
            if (
                name != "width"
                or is_picture
                or amount >= (LEAST_WIDTH_PERCENT if number[2] else LEAST_WIDTH_PX)
            ):
                kept.append((name, f"{amount}{number[2]}"))
        elif name in _WORDS:
            kept.append((name, value[:LONGEST_ATTRIBUTE]))
        elif name == "style":
            kept.append((name, clean_style(value[:LONGEST_STYLE])))
        elif name == "href":
            kept.append((name, value[:2000]))
    return "".join(f' {name}="{html.escape(value)}"' for name, value in kept)


def clean_style(style: str) -> str:
    """A style sheet or a style without addresses, without what makes columns narrow, its numbers bounded."""
    style = style[:LONGEST_STYLE].replace("\\", "")
    # What is taken out must not make an address of what is left.
    while (cleaned := _ADDRESS_IN_STYLE.sub("", style)) != style:
        style = cleaned
    return _NUMBER_IN_STYLE.sub(_bounded, _INDENT_IN_STYLE.sub("", style))


def _bounded(number: re.Match[str]) -> str:
    text = number[0]
    return text if len(text) <= 12 and abs(float(text)) <= LARGEST_PX else str(LARGEST_PX)
