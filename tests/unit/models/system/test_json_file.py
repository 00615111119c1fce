"""Our own JSON files: bounded, checked, set aside and never lost."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.system import json_file
from models.system.errors import StillroomError
from models.system.json_file import read_json, write_json
from models.system.notices import MOST_WAITING, NoticeInbox, tell


class Kept(msgspec.Struct):
    name: str = ""
    sizes: dict[str, int] = {}


KEPT = Kept("a", {"b": 1, "a": 2})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "file.json"


def asides(path: Path) -> list[Path]:
    return sorted(path.parent.glob("file.damaged-*.json"))


@pytest.mark.parametrize("indent", [False, True])
def test_what_is_written_is_read_again(path: Path, indent: bool, told: list[StillroomError]) -> None:
    write_json(path, KEPT, indent=indent)
    assert read_json(path, Kept) == KEPT
    assert [file.name for file in path.parent.iterdir()] == ["file.json"]
    assert told == []


def test_no_file_is_nothing(path: Path, told: list[StillroomError]) -> None:
    assert read_json(path, Kept) is None
    path.parent.write_bytes(b"")
    assert read_json(path, Kept) is None
    assert told == []


def test_another_layout_of_the_same_values_is_sound(path: Path, told: list[StillroomError]) -> None:
    write_json(path, KEPT)
    document = msgspec.json.decode(path.read_bytes())
    turned = dict(reversed(document.items()))
    path.write_bytes(msgspec.json.format(msgspec.json.encode(turned), indent=7) + b"\n\n")
    assert read_json(path, Kept) == KEPT
    assert told == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\0" * 99, b'{"name": "\xff"}', b'{"name": 1}', b'{"a":' * 99_999]
)
def test_what_cannot_be_read_is_kept_and_named(
    path: Path, content: bytes, told: list[StillroomError]
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert read_json(path, Kept, without="It begins anew.") is None
    [aside] = asides(path)
    assert aside.read_bytes() == content
    [notice] = told
    assert str(notice) == f"The file {path} is damaged. It is kept as {aside.name}."
    assert notice.hint_text() == "It begins anew."


def test_a_changed_value_is_noticed(path: Path, told: list[StillroomError]) -> None:
    write_json(path, KEPT)
    path.write_bytes(path.read_bytes().replace(b'"a":2', b'"a":3'))
    assert read_json(path, Kept) is None
    assert len(asides(path)) == len(told) == 1


def test_an_edited_file_is_used_and_told_of_once(path: Path, told: list[StillroomError]) -> None:
    write_json(path, {"name": "a", "of_a_later_version": [1]})
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"b"'))
    for _ in range(2):
        assert read_json(path, dict[str, Any], changed="use") == {"name": "b", "of_a_later_version": [1]}
    [notice] = told
    assert str(path) in str(notice)
    assert asides(path) == []


def test_a_checksum_that_an_earlier_version_kept_is_made_anew(path: Path, told: list[StillroomError]) -> None:
    write_json(path, {"name": "a", json_file.CHECKSUM: "of something else"})
    assert read_json(path, Kept) == Kept("a")
    assert told == []


def test_what_is_too_large_or_no_file_is_not_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, told: list[StillroomError]
) -> None:
    write_json(path, KEPT)
    monkeypatch.setattr(json_file, "LARGEST_BYTES", 20)
    assert read_json(path, Kept) is None
    path.mkdir()
    assert read_json(path, Kept) is None
    assert len(told) == 2
    assert len(asides(path)) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert read_json(path, Kept) is None


def test_so_many_are_kept_aside_and_the_oldest_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_file, "MOST_ASIDE", 3)
    path.parent.mkdir()
    for number in range(6):
        path.write_text(f"damaged {number}")
        read_json(path, Kept)
    assert sorted(file.read_text() for file in asides(path)) == ["damaged 0", "damaged 1", "damaged 5"]


def test_a_good_file_that_comes_meanwhile_is_not_set_aside(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"half")
    load = json_file.load_json

    def load_late(path: Path, kind: type[Kept]) -> object:
        try:
            return load(path, kind)
        finally:
            write_json(path, KEPT)

    monkeypatch.setattr(json_file, "load_json", load_late)
    assert read_json(path, Kept) == KEPT
    assert asides(path) == []


def test_an_inbox_hands_on_each_sentence_once_also_what_came_before() -> None:
    heard: list[str] = []
    with NoticeInbox() as inbox:
        tell(StillroomError("First."))
        inbox.observe(lambda notice: heard.append(str(notice)))
        for number in range(2 * MOST_WAITING):
            tell(StillroomError("Second."))
            tell(StillroomError("{number}", number=number))
    tell(StillroomError("Too late."))
    assert heard[:2] == ["First.", "Second."]
    assert len(heard) == MOST_WAITING
