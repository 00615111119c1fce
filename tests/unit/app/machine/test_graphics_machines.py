"""The words, the cards and the layers on computers that this one is not, as docs/graphics-cards.md has it."""

from pathlib import Path

from tests.support.graphics_machines import MACHINES, table

PAGE = Path(__file__).parents[4] / "docs" / "graphics-cards.md"


def test_the_page_says_what_the_program_does(tmp_path: Path) -> None:
    """Where it differs and the program is right: put `graphics_machines.table` into the page."""
    assert len(MACHINES) >= 30
    lines = PAGE.read_text("utf-8").splitlines()
    first = lines.index("| computer | what is told | layers on | of 29 |")
    assert lines[first : lines.index("", first)] == table(tmp_path).splitlines()
