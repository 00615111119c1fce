"""Importance matrices: ours against llama-imatrix's, and files that are damaged."""

import random
import struct
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from app.acquire.kept_imatrix import notes
from app.base.children import child_command
from converters.build.build_client import build
from converters.imatrix import unfinished_imatrix
from converters.imatrix.imatrix_file import ImportanceMatrix, Sums, read_imatrix, write_imatrix
from converters.imatrix.unfinished_imatrix import NOTHING, Collected, UnfinishedMatrix
from converters.process.messages import BuildRequest, MatrixFile
from converters.quality.measuring_client import OWN_TEXT, calibration_text, collect, held_out_text
from converters.system.errors import BuildError, GgufError
from models.system.errors import Cancelled, StillroomError
from models.system.progress import JobContext, Progress
from tests.support.make_quality_reference import DATA, MODEL, TEXT
from tests.support.recorded_figures import tolerance

COMMAND = child_command("measure")


@pytest.fixture(scope="module")
def model(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model")
    result = build(BuildRequest(checkpoints[MODEL], ["BF16"], out, "m"), child_command("build"))
    return result.outputs[0].path


def relative_error(found: ImportanceMatrix, expected: ImportanceMatrix) -> float:
    assert found.sums.keys() == expected.sums.keys()
    errors = [
        np.abs(found.sums[name].means() / expected.sums[name].means() - 1).max() for name in expected.sums
    ]
    return float(max(errors))


def test_it_agrees_with_llama_imatrix(model: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    out = tmp_path / "own.gguf"
    collected = collect(model, out, COMMAND, JobContext(told.append), text=TEXT)
    found, expected = read_imatrix(out), read_imatrix(DATA / "imatrix.gguf")
    assert relative_error(found, expected) < tolerance(1e-3, elsewhere=1e-2)
    assert all((found.sums[name].counts == expected.sums[name].counts).all() for name in expected.sums)
    assert (found.chunks, found.chunk_tokens) == (expected.chunks, expected.chunk_tokens)
    assert (collected.chunks, collected.tensors) == (expected.chunks, len(expected.sums))
    assert found.datasets == ("text.txt",)
    assert told[0].done == 0
    assert told[-1].done == told[-1].total == expected.chunks * 512
    assert {step.unit for step in told} == {"tokens"}


def test_both_formats_hold_the_same() -> None:
    matrix, older = read_imatrix(DATA / "imatrix.gguf"), read_imatrix(DATA / "imatrix.dat")
    assert relative_error(older, matrix) < 1e-6
    assert (older.chunks, older.datasets) == (matrix.chunks, matrix.datasets)
    importance = matrix.importance("some.gguf")
    assert importance.chunks == matrix.chunks
    assert importance.columns["blk.0.ffn_down.weight"].ndim == 1


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    sums = {
        "blk.0.a.weight": Sums(np.array([[1, 2, 3]], np.float32), np.array([4])),
        "blk.0.b.weight": Sums(np.array([[1, 2], [0, 0]], np.float32), np.array([2, 0])),
    }
    write_imatrix(ImportanceMatrix(sums, 3, 512, ("a text",)), tmp_path / "m")
    assert [file.name for file in tmp_path.iterdir()] == ["m"]
    found = read_imatrix(tmp_path / "m")
    assert (found.chunks, found.chunk_tokens, found.datasets) == (3, 512, ("a text",))
    columns = found.importance("m").columns
    assert columns["blk.0.a.weight"].tolist() == [0.25, 0.5, 0.75]
    # The second matrix met nothing, so its columns count alike.
    assert columns["blk.0.b.weight"].tolist() == [0.5, 1, 1, 1]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "more than it can hold"),
        (struct.pack("<i", 0), "no values"),
        (struct.pack("<ii", 1, -5), "more than it can hold"),
        (struct.pack("<ii", 1, 1 << 30), "1,073,741,824 bytes long"),
        (struct.pack("<ii", 1, 1) + b"x" + struct.pack("<ii", 1, 1 << 30), "more than it can hold"),
        (struct.pack("<ii", 1, 1) + b"x" + struct.pack("<ii", 1, -1), "no values"),
        (struct.pack("<ii", 1, 1) + b"x" + struct.pack("<iif", 1, 1, float("nan")), "no numbers"),
        (struct.pack("<ii", 1, 1) + b"x" + struct.pack("<iif", 1, 1, -1.0), "negative"),
        (struct.pack("<ii", 2, 1) + b"x" + struct.pack("<iif", 1, 1, 1.0), "more than it can hold"),
        (struct.pack("<i", 100_000) + struct.pack("<iiif", 0, 1, 1, 1.0) * 100_000, "more than it can hold"),
    ],
)
def test_a_damaged_older_file_is_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "m.dat").write_bytes(data)
    with pytest.raises(BuildError, match=r"m\.dat is damaged") as refused:
        read_imatrix(tmp_path / "m.dat")
    assert reason in str(refused.value)


def test_the_name_of_a_text_is_cut(tmp_path: Path) -> None:
    one = struct.pack("<ii", 1, 1) + b"x" + struct.pack("<iif", 1, 1, 1.0)
    (tmp_path / "m.dat").write_bytes(one + struct.pack("<ii", 1, 100_000) + b"t" * 100_000)
    assert read_imatrix(tmp_path / "m.dat").datasets == ("t" * 1024,)


@pytest.mark.parametrize("kind", ["gguf", "dat"])
def test_files_with_changed_bytes_are_read_or_refused(kind: str, tmp_path: Path) -> None:
    data = (DATA / f"imatrix.{kind}").read_bytes()
    chance = random.Random(7)
    path = tmp_path / f"m.{kind}"
    for _ in range(150):
        changed = bytearray(data[: chance.choice([len(data), chance.randrange(len(data))])])
        for _ in range(chance.randrange(1, 4)):
            if changed:
                changed[chance.randrange(min(len(changed), 2000))] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            sums = read_imatrix(path).sums
        except StillroomError as error:
            told = str(error)
        else:
            told = path.name if sums else ""
        assert path.name in told


def test_a_model_is_no_importance_matrix(model: Path) -> None:
    with pytest.raises(BuildError, match="has no 32-bit sums"):
        read_imatrix(model)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"none\.gguf cannot be read"):
        read_imatrix(tmp_path / "none.gguf")


def test_it_goes_into_the_model_and_its_metadata(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    from converters.gguf.gguf_reader import inspect

    plain, weighed = (
        build(
            BuildRequest(checkpoints[MODEL], ["Q4_0", "Q8_0"], tmp_path / name, "m", matrix),
            child_command("build"),
        ).outputs
        for name, matrix in (("plain", None), ("weighed", MatrixFile(DATA / "imatrix.gguf", "a text")))
    )
    assert [file.imatrix for file in (*plain, *weighed)] == ["", "", "a text", ""]
    assert plain[0].sha256 != weighed[0].sha256
    assert plain[1].sha256 == weighed[1].sha256
    metadata = inspect(weighed[0].path).metadata
    assert metadata["quantize.imatrix.file"] == "imatrix.gguf"
    assert metadata["quantize.imatrix.dataset"] == "text.txt"


def test_a_damaged_file_ends_the_build(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(GgufError, match=r"bad\.gguf"):
        build(
            BuildRequest(
                checkpoints[MODEL], ["Q4_0"], tmp_path / "out", "m", MatrixFile(tmp_path / "bad.gguf", "")
            ),
            child_command("build"),
        )


def test_a_text_that_is_too_short_is_refused(model: Path, tmp_path: Path) -> None:
    text = tmp_path / "short.txt"
    text.write_text("Too short.")
    with pytest.raises(BuildError, match="too short"):
        collect(model, tmp_path / "m", COMMAND, text=text)


HANGS_IN_CHUNK_3 = """
import sys, threading
from app.acquire import measure_worker
from converters.imatrix import unfinished_imatrix as unfinished
unfinished.SAVE_EVERY_S = 0.0
keep = unfinished.UnfinishedMatrix.keep
def keep_or_hang(self, collected):
    if collected.chunks == 3:
        threading.Event().wait()
    keep(self, collected)
unfinished.UnfinishedMatrix.keep = keep_or_hang
sys.exit(measure_worker.main())
"""


def test_a_collection_that_is_stopped_goes_on_and_gives_the_same(model: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.imatrix", tmp_path / "own.imatrix"
    noted = notes("of the weights", "of the text", "BF16")
    collect(model, whole, COMMAND, text=TEXT, notes=noted)
    stop = threading.Event()
    with pytest.raises(Cancelled):
        collect(
            model,
            out,
            [sys.executable, "-c", HANGS_IN_CHUNK_3],
            JobContext(lambda step: stop.set() if step.done == 2 * 512 else None, stop),
            text=TEXT,
            notes=noted,
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.unfinished.imatrix", "whole.imatrix"]
    told: list[Progress] = []
    collected = collect(model, out, COMMAND, JobContext(told.append), text=TEXT, notes=noted)
    assert told[0].done == 2 * 512
    assert collected.chunks == read_imatrix(whole).chunks
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.imatrix", "whole.imatrix"]


@pytest.fixture
def unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UnfinishedMatrix:
    monkeypatch.setattr(unfinished_imatrix, "SAVE_EVERY_S", 0.0)
    found = UnfinishedMatrix(tmp_path / "unfinished", "these weights")
    found.keep(Collected(3, {"blk.0.attn_q.weight": np.array([[1.0, 1e-30]])}, {"blk.0.attn_q.weight": 9}))
    return found


def test_what_is_collected_is_read_again_for_the_same_weights_only(
    unfinished: UnfinishedMatrix, tmp_path: Path
) -> None:
    found = unfinished.read()
    assert found.chunks == 3
    assert found.squares["blk.0.attn_q.weight"].tolist() == [[1.0, 1e-30]]
    assert found.counts == {"blk.0.attn_q.weight": 9}
    assert UnfinishedMatrix(tmp_path / "unfinished", "others").read() is NOTHING
    unfinished.remove()
    assert unfinished.read() is NOTHING


def test_a_damaged_record_of_a_collection_begins_it_anew(
    unfinished: UnfinishedMatrix, tmp_path: Path
) -> None:
    file = tmp_path / "unfinished"
    data = file.read_bytes()
    rng = random.Random(1)
    for _ in range(100):
        place = rng.randrange(len(data))
        file.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        assert unfinished.read() is NOTHING
        file.write_bytes(data[:place])
        assert unfinished.read() is NOTHING


def test_the_own_texts_are_long_enough_and_share_no_line() -> None:
    calibration, held_out = calibration_text().read_text("utf-8"), held_out_text().read_text("utf-8")
    assert len(calibration.encode()) > 130_000
    assert len(held_out.encode()) > 25_000
    long_lines = {line for line in calibration.splitlines() if len(line) > 60}
    assert not long_lines & set(held_out.splitlines())
    assert OWN_TEXT
