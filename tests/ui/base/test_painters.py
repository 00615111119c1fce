"""Painters end where they were made, also while somebody holds the frame that made them."""

import re
from pathlib import Path

import app.ui


def test_every_painter_is_made_in_a_with_statement() -> None:
    """An error keeps the frames that it went through, and with one of them a painter that
    was not ended: Qt crashes where the next one paints on the same window."""
    folder = Path(app.ui.__file__).parent
    lines = [line.strip() for path in folder.rglob("*.py") for line in path.read_text("utf-8").splitlines()]
    made = [line for line in lines if re.search(r"\bQ(Style)?Painter\(", line)]
    assert made
    assert [line for line in made if not line.startswith("with Q")] == []
