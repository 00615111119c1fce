"""Data sets from a hub on loopback: pinned when they first come, and nothing else taken for them."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base.errors import StillroomError
from app.bench.quality.data_sets import DATA_SETS, MOST_ITEMS, HubData
from app.suites.quality_suites import QualitySuites
from tests.support.hub import LoopbackHub

MATHS, TEXT = DATA_SETS["math-500"], DATA_SETS["wikitext-103"]
PROBLEMS = [
    {"problem": "What is $1+1$?", "answer": "2", "unique_id": "test/algebra/1.json", "level": 1},
    {"problem": "Simplify $\\sqrt{8}$.", "answer": "2\\sqrt{2}", "unique_id": "test/algebra/2.json"},
]


@pytest.fixture
def repos(tmp_path: Path) -> Path:
    for data in (MATHS, TEXT):
        (tmp_path / "hub" / data.key).mkdir(parents=True)
    lines = "".join(json.dumps(problem) + "\n" for problem in PROBLEMS)
    (tmp_path / "hub" / MATHS.key / MATHS.path).write_text(lines, "utf-8")
    with zipfile.ZipFile(tmp_path / "hub" / TEXT.key / TEXT.path, "w") as archive:
        archive.writestr(TEXT.member, " = Lighthouses = \n A lighthouse is a tower .\n")
    return tmp_path / "hub"


@pytest.fixture
def hub(repos: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    with LoopbackHub() as hub:
        for data in (MATHS, TEXT):
            hub.add(data.repo, repos / data.key)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield hub


def test_a_data_set_is_pinned_when_it_first_comes_and_then_needs_no_network(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    data = HubData(tmp_path / "data")
    assert (data.is_here(MATHS.key), data.pin(MATHS.key)) == (False, None)
    maths = data.collection(MATHS.key)
    assert [item.id for item in maths.items] == ["maths/test/algebra/1", "maths/test/algebra/2"]
    assert maths.items[1].expected == ["2\\sqrt{2}"]
    assert "\\boxed{}" in maths.items[0].turns[0]
    pin = data.pin(MATHS.key)
    assert pin is not None
    assert (pin.repo, pin.commit) == (MATHS.repo, hub.repos[MATHS.repo].commit)
    assert pin.sha256[:12] in maths.source
    asked = len(hub.requests)
    assert data.collection(MATHS.key) == maths
    assert len(hub.requests) == asked
    assert all("/datasets/" in request[1] for request in hub.requests)


def test_a_text_comes_out_of_its_archive(hub: LoopbackHub, tmp_path: Path) -> None:
    text = HubData(tmp_path / "data").collection(TEXT.key)
    assert text.text == " = Lighthouses = \n A lighthouse is a tower ."
    assert (text.kind, text.licence) == ("perplexity", "CC-BY-SA-3.0")


GOOD = b'{"problem": "a", "answer": "1", "unique_id": "x"}\n'


@pytest.mark.parametrize(
    "content",
    [
        b"\n \n",
        b"[1]\n",
        b'{"problem": null, "answer": "1"}\n',
        b'{"problem": {"a": [1]}, "answer": "1"}\n',
        b'{"problem": "a", "answer": 1e999}\n',
        b'{"problem": "", "answer": "1"}\n',
        b'{"problem": "a\\ud800", "answer": "1"}\n',
        b'{"problem": "\xff", "answer": "1"}\n',
        b'{"problem": ' + b"[" * 50_000 + b"]" * 50_000 + b', "answer": "1"}\n',
        b'{"problem": "' + b"x" * (1 << 20) + b'", "answer": "1"}\n',
        b'{"problem": "a", "answer": "1", "unique_id": "' + b"x" * 1000 + b'"}\n',
        2 * GOOD,
        b'{"problem": "a", "answer": "1"}\n' * (MOST_ITEMS + 1),
    ],
    ids=[
        *("nothing", "list", "null", "nested", "infinite", "empty", "surrogate", "bytes", "deep"),
        *("long-line", "long-name", "twice", "many"),
    ],
)
def test_questions_of_another_form_are_refused(
    hub: LoopbackHub, repos: Path, tmp_path: Path, content: bytes
) -> None:
    (repos / MATHS.key / MATHS.path).write_bytes(content)
    hub.add(MATHS.repo, repos / MATHS.key)
    with pytest.raises(StillroomError, match="has another form than expected"):
        HubData(tmp_path / "data").collection(MATHS.key)


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_archive_is_refused(hub: LoopbackHub, repos: Path, tmp_path: Path, packing: int) -> None:
    path = repos / TEXT.key / TEXT.path
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr(TEXT.member, "A lighthouse is a tower. " * 10_000)
    data = bytearray(path.read_bytes())
    begin = 30 + len(TEXT.member) + 12
    data[begin : begin + 30] = b"\xff" * 30
    path.write_bytes(data)
    hub.add(TEXT.repo, repos / TEXT.key)
    with pytest.raises(StillroomError, match="has another form than expected"):
        HubData(tmp_path / "data").collection(TEXT.key)


def test_a_changed_file_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    data = HubData(tmp_path / "data")
    data.collection(MATHS.key)
    file = tmp_path / "data" / MATHS.key / MATHS.path
    file.write_text(file.read_text("utf-8").replace('"2"', '"3"'), "utf-8")
    with pytest.raises(StillroomError, match="not the one that was downloaded first"):
        data.collection(MATHS.key)


def test_another_file_at_the_hub_is_refused(hub: LoopbackHub, repos: Path, tmp_path: Path) -> None:
    data = HubData(tmp_path / "data")
    data.collection(MATHS.key)
    (tmp_path / "data" / MATHS.key / MATHS.path).unlink()
    # The same commit with another content: a hub that lies, or a mirror that was tampered with.
    (repos / MATHS.key / MATHS.path).write_text(json.dumps(PROBLEMS[0]) + "\n", "utf-8")
    with pytest.raises(StillroomError, match="another file than the one"):
        data.collection(MATHS.key)
    assert not data.is_here(MATHS.key)


def test_a_suite_takes_the_data_set_in_place_of_its_own_questions(hub: LoopbackHub, tmp_path: Path) -> None:
    suite = QualitySuites(tmp_path / "data").collections(["maths", "intent"], [MATHS.key])
    assert [(collection.kind, collection.name) for collection in suite] == [
        ("maths", "MATH-500"),
        ("intent", "Stillroom intents 1"),
    ]
