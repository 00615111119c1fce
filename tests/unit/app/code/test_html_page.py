"""A page that a model wrote becomes one that can be shown: no scripts, no addresses, bounded."""

import base64
import time

import pytest

from app.code.html_page import (
    DEEPEST,
    DEEPEST_INDENT,
    DEEPEST_TABLE,
    LARGEST_PX,
    LONGEST_SOURCE,
    MOST_PICTURES,
    MOST_SPAN,
    MOST_TAGS,
    clean_style,
    safe_page,
)

PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG pixel").decode()


def body(source: str) -> str:
    page = safe_page(source).html
    return page.partition("<body>")[2].removesuffix("</body></html>")


def test_what_qt_draws_stays() -> None:
    source = '<h1 style="color: red">Title</h1><p>One <b>bold</b> word</p><ul><li>a<li>b</ul>'
    assert body(source) == (
        '<h1 style="color: red">Title</h1><p>One <b>bold</b> word</p><ul><li>a</li><li>b</li></ul>'
    )


def test_a_whole_page_keeps_its_style_and_loses_its_scripts() -> None:
    page = safe_page(
        "<!doctype html><html><head><title>T</title><style>h1 { color: blue }</style>"
        "<script>document.write('x')</script></head><body onload=evil()><main>"
        '<button onclick="evil()">Go</button></main></body></html>'
    )
    assert page.whole
    assert page.html == (
        "<html><head><style>h1 { color: blue }</style></head><body><div><u>Go</u></div></body></html>"
    )


@pytest.mark.parametrize(
    "source",
    [
        '<script>alert("leak")</script>',
        "<SCRIPT SRC=//evil/x.js>leak</SCRIPT>",
        '<iframe src="file:///etc/passwd">leak</iframe>',
        "<svg><image href='http://evil/leak'/></svg>",
        '<link rel=stylesheet href="http://evil/leak.css">',
        '<meta http-equiv="refresh" content="0; url=http://evil/leak">',
        '<object data="leak.swf">leak</object>',
        '<embed src="http://evil/leak">',
        '<img src="http://evil/leak.png">',
        '<img src="file:///leak.png">',
        '<img src=" jAvAsCrIpT:leak">',
        '<img src="data:image/svg+xml;base64,leak">',
        '<img src="data:text/html,leak">',
        '<img srcset="http://evil/leak 2x">',
        '<table background="http://evil/leak.png"><tr><td background="leak.png">',
        '<div style="background-image: url(http://evil/leak.png)">',
        "<style>@import 'http://evil/leak.css'; p { background: url(  leak.png) }</style>",
        '<p style="background: u\\rl(leak.png)">',
        '<p style="background: uurl()rl(leak.png)">',
        '<base href="http://evil/leak/">',
        "<template><b>leak</b></template>",
        "<head><title>leak</title>",
    ],
)
def test_nothing_is_asked_of_anybody(source: str) -> None:
    assert "leak" not in safe_page(source).html.casefold()
    assert "evil" not in safe_page(source).html.casefold()


def test_pictures_of_the_page_itself_stay_and_others_say_what_they_were() -> None:
    assert body(f'<img src="{PIXEL}" width=20>') == f'<img src="{PIXEL}" width="20">'
    assert body('<img src="http://evil/a.png" alt="A <b>cat">') == "[A &lt;b&gt;cat]"
    many = safe_page(f'<img src="{PIXEL}">' * (MOST_PICTURES + 5)).html
    assert many.count("<img") == MOST_PICTURES


def test_an_unclosed_head_does_not_swallow_the_page() -> None:
    assert body("<html><head><title>T</title><body><p>Text") == "<p>Text</p>"


def test_sizes_have_bounds() -> None:
    assert body('<td colspan="99999999" width="1e9">') == f'<td colspan="{MOST_SPAN}"></td>'
    assert body('<td width="9%">') == body('<td width="59">') == "<td></td>"
    assert body('<td width="50%">') == '<td width="50%"></td>'
    assert clean_style("line-height: 99999999px; font-size: -1e5pt") == (
        f"line-height: {LARGEST_PX}px; font-size: -1e5pt"
    )
    assert clean_style("margin: 4px 900px; margin-top: 5px; PADDING-left:9px;color: red") == (
        " margin-top: 5px; color: red"
    )
    assert clean_style("width: 123456789012345678901234567890px") == f"width: {LARGEST_PX}px"


def test_depth_length_and_number_have_bounds() -> None:
    deep = safe_page("<div>" * 5000 + "text")
    assert not deep.whole
    assert deep.html.count("<div>") == DEEPEST
    assert deep.html.count("</div>") == DEEPEST
    assert safe_page("<blockquote>" * 5000 + "text").html.count("<blockquote>") == DEEPEST_INDENT
    assert "text" in deep.html
    tables = safe_page("<table><tr><td>" * 50)
    assert tables.html.count("<table>") == DEEPEST_TABLE
    many = safe_page("<p>x" * (3 * MOST_TAGS))
    assert not many.whole
    assert many.html.count("<p>") == MOST_TAGS
    assert not safe_page("x" * (LONGEST_SOURCE + 1)).whole


@pytest.mark.parametrize(
    "source",
    [
        "<" * LONGEST_SOURCE,
        "<a " * (LONGEST_SOURCE // 3),
        "<!--" * (LONGEST_SOURCE // 4),
        "<a b='" * (LONGEST_SOURCE // 6),
        "&#" * (LONGEST_SOURCE // 2),
        "<div>" * (LONGEST_SOURCE // 5),
        "<style>" + "url(" * (LONGEST_SOURCE // 5),
        "<p style='" + "url(" * 15_000 + "'>",
        "<script>" * (LONGEST_SOURCE // 8),
        "</p>" * (LONGEST_SOURCE // 4),
        "<table><tr><td>" * (LONGEST_SOURCE // 15),
        "<img src='data:image/png;base64," + "A" * LONGEST_SOURCE,
    ],
)
def test_no_source_takes_long(source: str) -> None:
    started_s = time.process_time()
    safe_page(source)
    assert time.process_time() - started_s < 10, "a bound for hanging, not for speed"
