"""Tests use what users and callers have: no private attribute of another object."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

PUBLIC = {"_MEIPASS", "_asdict", "_exit", "_fields", "_make", "_replace"}
"""Names that the standard library and PyInstaller document so."""

ALLOWED = {
    # asyncio has it for those who write event loops, in its `__all__`; nothing else tells a task that its
    # loop, which stands still between two steps, is running.
    ("support/event_loop.py", "_set_running_loop"),
    # What is installed is looked for once in the life of a process.
    ("unit/app/code/test_runtimes.py", "_runtime"),
    # A machine may have what the test wants to be missing.
    ("unit/app/code/test_runtimes.py", "_on_path"),
    ("unit/app/code/test_runtimes.py", "_ask"),
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def private_names(source: str) -> Iterator[tuple[int, str]]:
    """The lines and names of private attributes of anything but `self` and `cls`, and of private imports."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            case ast.Attribute(attr=name) if is_private(name):
                yield node.lineno, name
            case ast.ImportFrom(names=names):
                yield from ((node.lineno, each.name) for each in names if is_private(each.name))
            case ast.Call(func=ast.Name(id=used) | ast.Attribute(attr=used), args=arguments) if used in (
                "getattr",
                "setattr",
                "delattr",
                "object",
            ):
                for text in arguments:
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield from ((node.lineno, name) for name in text.value.split(".") if is_private(name))


def test_tests_use_no_private_name_of_another_object() -> None:
    found = {
        (path.relative_to(TESTS).as_posix(), name): line
        for path in TESTS.rglob("*.py")
        for line, name in private_names(path.read_text("utf-8"))
    }
    assert {place: line for place, line in found.items() if place not in ALLOWED} == {}
    assert found.keys() >= ALLOWED, "some of what is allowed is not used any more"


@pytest.mark.parametrize(
    "source",
    [
        "tab._view.click()",
        "cards()[0]._copy",
        "self.room._tab",
        "from app.x import _y",
        'monkeypatch.setattr(module, "_limit", 3)',
        'monkeypatch.setattr("app.x._limit", 3)',
        'getattr(page, "_stack")',
    ],
)
def test_it_finds_them(source: str) -> None:
    assert [name for _, name in private_names(source)]


@pytest.mark.parametrize("source", ["self._view", "os._exit(3)", "usage._replace(free=1)", "x.__name__"])
def test_it_leaves_the_others_alone(source: str) -> None:
    assert not [name for _, name in private_names(source)]
