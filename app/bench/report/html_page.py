"""The frame of a report that is one HTML file and loads nothing: no script, no picture from elsewhere."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html_page(title: str, parts: Sequence[str]) -> str:
    """A whole page of `parts`, which are HTML; light and dark as the reader's system is."""
    style = files("resources").joinpath("themes", "benchmark-report.css").read_text(encoding="utf-8")
    head = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{style}</style></head><body>",
    ]
    return "\n".join([*head, *filter(None, parts), "</body></html>"]) + "\n"
