"""Builds with an importance matrix and a measured cost, in the store and in a folder."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.acquire import Acquirer
from app.build_wish import AUTO, OFF, ON, BuildWish
from app.builder import Builder
from app.children import child_command
from converters import measuring
from converters.errors import BuildError
from converters.inspect import inspect
from models.errors import Cancelled, StillroomError
from models.fetch import TransferOptions
from models.hub import HubClient
from models.progress import OnProgress, Progress, ignore_progress
from models.reference import CheckpointReference, HubReference
from models.retry import RetryPolicy
from models.store import ModelStore
from tests.support.hub import LoopbackHub
from tests.support.make_quality_reference import DATA, MODEL, TEXT
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.tiny_models import make_tiny_model

REPO = "owner/small"
GGUF_REPO = "owner/small-GGUF"
RETRY = RetryPolicy(attempts=2, first_wait_s=0.01)


class Desk:
    def __init__(self, root: Path, hub: LoopbackHub, checkpoint: Path) -> None:
        self.root = root
        self.checkpoint = CheckpointReference(checkpoint)
        self.store = ModelStore(root / "models")
        client = HubClient(hub.endpoint, retry=RETRY)
        options = TransferOptions(segment_bytes=1 << 20, retry=RETRY)
        acquirer = Acquirer(client, self.store, root / "checkpoints", child_command("build"), options)
        self.builder = Builder(acquirer, self.store, child_command("build"), child_command("measure"))
        self.told: list[Progress] = []

    def stages(self) -> list[str]:
        return list(dict.fromkeys(step.stage for step in self.told))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(measuring, "held_out_text", lambda: TEXT)
    monkeypatch.setattr(measuring, "calibration_text", lambda: TEXT)
    checkpoint = make_tiny_model(MODEL, tmp_path / "original")
    ready_made = tmp_path / "ready-made"
    ready_made.mkdir()
    write_tiny_gguf(ready_made / "small.IQ4_XS.gguf")
    with LoopbackHub() as hub:
        hub.add(REPO, checkpoint)
        hub.add(GGUF_REPO, ready_made)
        yield Desk(tmp_path, hub, checkpoint)


def test_a_measured_build_says_what_it_cost_and_keeps_no_more_than_asked_for(desk: Desk) -> None:
    built = desk.builder.get(
        HubReference(REPO),
        ["Q3_K_M", "Q8_0"],
        BuildWish(measure=True),
        on_progress=desk.told.append,
    )
    assert [model.type for model in built.models] == ["Q3_K_M", "Q8_0"]
    # The matrix is collected with the 8-bit file, and every type is measured in one reading.
    assert desk.stages()[-2:] == ["collect", "measure"]
    assert [model.type for model in desk.store.listing().models] == ["Q3_K_M", "Q8_0"]
    three, eight = built.models
    assert three.imatrix == f"{measuring.OWN_TEXT}, {three_chunks(three.path)} chunks"
    assert eight.imatrix == ""
    assert three.quality is not None
    assert eight.quality is not None
    assert three.quality.reference == "BF16"
    assert three.quality.kld_mean > eight.quality.kld_mean
    listed = {model.type: model for model in desk.store.listing().models}
    assert listed["Q3_K_M"].quality == three.quality
    assert listed["Q3_K_M"].imatrix == three.imatrix
    assert not list(desk.store.root.rglob("*.imatrix"))
    assert desk.store.trash_bytes() == 0


def three_chunks(path: Path) -> object:
    return inspect(path).metadata["quantize.imatrix.chunks_count"]


def test_a_matrix_from_a_file_is_used_for_small_types_only(desk: Desk) -> None:
    out = desk.root / "out"
    wish = BuildWish(imatrix=str(DATA / "imatrix.gguf"))
    built = desk.builder.build_into(
        desk.checkpoint, ["Q4_0", "Q8_0"], out, wish, on_progress=desk.told.append
    )
    assert [model.imatrix for model in built.models] == ["imatrix.gguf", ""]
    assert "quantize.imatrix.file" in inspect(built.models[0].path).metadata
    assert "quantize.imatrix.file" not in inspect(built.models[1].path).metadata
    assert "collect" not in desk.stages()
    assert len(list(out.iterdir())) == 2


def test_a_full_precision_file_that_was_there_stays(desk: Desk) -> None:
    out = desk.root / "out"
    desk.builder.build_into(desk.checkpoint, ["BF16"], out, BuildWish())
    wish = BuildWish(imatrix=str(DATA / "imatrix.dat"))
    desk.builder.build_into(desk.checkpoint, ["Q4_0"], out, wish)
    assert sorted(path.suffix for path in out.iterdir()) == [".gguf", ".gguf"]
    assert any("BF16" in path.name for path in out.iterdir())


@pytest.mark.parametrize("folder", [True, False])
def test_a_build_that_was_stopped_leaves_nothing_behind_once_it_is_done(folder: bool, desk: Desk) -> None:
    cancel = threading.Event()

    def stop(step: Progress) -> None:
        if step.stage == "collect":
            cancel.set()

    def build(on_progress: OnProgress, cancel: threading.Event | None = None) -> None:
        wish = BuildWish(imatrix=ON)
        if folder:
            out = desk.root / "out"
            desk.builder.build_into(
                HubReference(REPO), ["Q4_0"], out, wish, on_progress=on_progress, cancel=cancel
            )
        else:
            desk.builder.get(HubReference(REPO), ["Q4_0"], wish, on_progress=on_progress, cancel=cancel)

    def kept() -> list[str]:
        place = desk.root / "out" if folder else desk.store.root
        return sorted(path.stem.rpartition("-")[2] for path in place.rglob("*.gguf"))

    with pytest.raises(Cancelled):
        build(stop, cancel)
    assert kept() == ["BF16"]
    build(ignore_progress)
    assert kept() == ["Q4_0"]
    assert not list((desk.root / "out").glob(".*"))


def test_giving_up_deletes_the_full_precision_file(desk: Desk) -> None:
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        desk.builder.get(
            HubReference(REPO),
            ["Q4_0"],
            BuildWish(imatrix=ON),
            on_progress=lambda step: cancel.set() if step.stage == "collect" else None,
            cancel=cancel,
        )
    assert [model.type for model in desk.store.listing().models] == ["BF16"]
    desk.builder.discard(REPO)
    assert desk.store.listing().models == ()


def test_a_damaged_matrix_is_refused_before_anything_is_built(desk: Desk, tmp_path: Path) -> None:
    bad = tmp_path / "bad.dat"
    bad.write_bytes(b"\x01")
    with pytest.raises(BuildError, match=r"bad\.dat is damaged"):
        desk.builder.get(desk.checkpoint, ["Q4_0"], BuildWish(imatrix=str(bad)))
    assert desk.store.listing().models == ()


def test_finished_files_of_a_repository_are_taken_as_they_are(desk: Desk) -> None:
    built = desk.builder.get(HubReference(GGUF_REPO), ["IQ4_XS"], BuildWish())
    assert [model.type for model in built.models] == ["IQ4_XS"]
    for wish in (BuildWish(measure=True), BuildWish(imatrix=ON)):
        with pytest.raises(StillroomError, match="finished GGUF files only"):
            desk.builder.get(HubReference(GGUF_REPO), ["IQ4_XS"], wish)


@pytest.mark.parametrize(
    ("imatrix", "weighed"),
    [
        (AUTO, ["IQ4_XS", "Q3_K_M"]),
        (ON, ["Q4_K_M", "IQ4_XS", "Q4_0", "Q3_K_M"]),
        (OFF, []),
        ("some.gguf", ["Q4_K_M", "IQ4_XS", "Q4_0", "Q3_K_M"]),
    ],
)
def test_the_matrix_goes_to_the_types_that_are_worth_it(imatrix: str, weighed: list[str]) -> None:
    types = ["Q8_0", "Q4_K_M", "IQ4_XS", "BF16", "Q4_0", "Q3_K_M", "Q6_K"]
    assert BuildWish(imatrix=imatrix).weighed(types) == weighed
