"""The code blocks of a reply by the files that they are for."""

from collections.abc import Sequence
from dataclasses import replace

from app.code.ask import Excerpt
from app.code.changes.placing import places_for
from app.code.extract import CodeBlock

MOST_FILES = 20


def blocks_by_file(blocks: Sequence[CodeBlock]) -> dict[str, list[CodeBlock]]:
    """Return the blocks that name their file, in the order of the files."""
    found: dict[str, list[CodeBlock]] = {}
    for block in blocks:
        if block.file_name:
            found.setdefault(block.file_name, []).append(block)
    return dict(list(found.items())[:MOST_FILES])


def with_blocks(excerpt: Excerpt, blocks: Sequence[CodeBlock]) -> str:
    """Return a file's text with the blocks for it, each where it fits: the whole file, or some definitions.
    Of an empty file the blocks are the text. Any thread."""
    text = excerpt.text
    if not text.strip():
        return "\n\n\n".join(block.code.strip("\n") for block in blocks) + "\n"
    for block in blocks:
        whole = replace(excerpt, text=text, start=0, end=len(text))
        text = places_for(whole, block.code, "replace").fitting.text
    return text
