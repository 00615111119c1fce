"""The examples of the CommonMark specification through the window's renderer: structure, not bytes.

Raw HTML is shown as text by design, so an example with HTML in it is held against the reference parser that
does the same; every other one against the specification's own HTML.
"""

from typing import Any

from markdown_it import MarkdownIt

from app.chat.markdown.markdown_blocks import MarkdownStream, parse_blocks
from tests.support.commonmark_spec import examples
from tests.support.markdown_outline import outline_of_blocks, outline_of_html

LEAST_SHARE = 0.98


def has_html(markdown: str) -> bool:
    """Tell whether CommonMark passes HTML through here."""
    tokens = MarkdownIt("commonmark").parse(markdown)
    return any(
        part.type in ("html_block", "html_inline")
        for token in tokens
        for part in (token, *(token.children or []))
    )


def expected(example: dict[str, Any]) -> str:
    if not has_html(example["markdown"]):
        return str(example["html"])
    reference = MarkdownIt("commonmark", {"html": False}).disable(["html_block", "html_inline"])
    return str(reference.render(example["markdown"]))


def wrong(given: list[dict[str, Any]]) -> list[int]:
    return [
        example["example"]
        for example in given
        if outline_of_blocks(parse_blocks(example["markdown"])) != outline_of_html(expected(example))
    ]


def test_the_specifications_examples_have_their_structure() -> None:
    plain = [example for example in examples() if not has_html(example["markdown"])]
    with_html = [example for example in examples() if has_html(example["markdown"])]
    failed, failed_html = wrong(plain), wrong(with_html)
    share = 1 - (len(failed) + len(failed_html)) / len(examples())
    print(
        f"CommonMark: {len(plain) - len(failed)} of {len(plain)} without HTML,"
        f" {len(with_html) - len(failed_html)} of {len(with_html)} with HTML shown as text: {share:.1%}"
    )
    assert share >= LEAST_SHARE, (failed, failed_html)
    assert failed == []


def test_an_example_that_comes_in_pieces_ends_as_the_whole() -> None:
    for example in examples():
        stream = MarkdownStream()
        for character in example["markdown"]:
            stream.append(character)
        stream.finish()
        assert stream.blocks == parse_blocks(example["markdown"]), example["example"]
