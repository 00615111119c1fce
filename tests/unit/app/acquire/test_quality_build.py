"""Builds with an importance matrix and a measured cost, in the store and in a folder."""

import hashlib
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.acquire import acquirer as acquire
from app.acquire import hub_build, quality_build
from app.acquire.acquirer import Acquirer
from app.acquire.build_options import AUTO, OFF, ON, BuildWish, Order
from app.acquire.build_target import COSTS_NAME
from app.acquire.input_hashes import InputHashes
from app.acquire.kept_imatrix import MATRIX_NAME, kept_matrix, notes
from app.acquire.quality_build import Acquired, Commands
from app.base.children import child_command
from app.load_choices import LoadChoices
from app.settings import SettingsFile
from converters.gguf.file_type import file_type, stated_mixture
from converters.gguf.gguf_reader import inspect
from converters.imatrix.imatrix_file import read_imatrix, write_imatrix
from converters.imatrix.unfinished_imatrix import unfinished_path
from converters.mixture.tensor_costs import TensorCosts
from converters.quality import measuring_client
from converters.system.errors import BuildError
from models.catalogue.reference import CheckpointReference, GgufReference, HubReference, Reference
from models.hub.file_download import TransferOptions
from models.hub.hub_client import HubClient
from models.hub.retry import RetryPolicy
from models.quantisation.chosen_mixture import label_of
from models.store.store import InstalledModel, ModelStore
from models.system.disk_space import DiskFullError
from models.system.errors import Cancelled, StillroomError
from models.system.json_file import read_json, write_json
from models.system.progress import UNWATCHED, JobContext, Progress
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
        commands = Commands(child_command("build"), child_command("measure"))
        self.load_choices = LoadChoices(SettingsFile(root / "settings.json"))
        self.acquirer = Acquirer(
            client, self.store, root / "checkpoints", commands, options, self.load_choices
        )
        self.hub = hub
        self.told: list[Progress] = []

    def get(
        self, reference: Reference, types: list[str], wish: BuildWish, out: Path | None = None
    ) -> Acquired:
        return self.acquirer.get(Order(reference, types, wish, out=out), JobContext(self.told.append))

    def stages(self) -> list[str]:
        return list(dict.fromkeys(step.stage for step in self.told))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("HF_TOKEN", "")
    for module in (measuring_client, quality_build):
        monkeypatch.setattr(module, "held_out_text", lambda: TEXT)
    monkeypatch.setattr(measuring_client, "calibration_text", lambda: TEXT)
    checkpoint = make_tiny_model(MODEL, tmp_path / "original")
    ready_made = tmp_path / "ready-made"
    ready_made.mkdir()
    for kind in ("IQ4_XS", "Q8_0"):
        write_tiny_gguf(ready_made / f"small.{kind}.gguf")
    with LoopbackHub() as hub:
        hub.add(REPO, checkpoint)
        hub.add(GGUF_REPO, ready_made)
        yield Desk(tmp_path, hub, checkpoint)


def test_a_measured_build_says_what_it_cost_and_keeps_no_more_than_asked_for(desk: Desk) -> None:
    built = desk.get(HubReference(REPO), ["Q3_K_M", "Q8_0"], BuildWish(measure=True))
    assert [model.type for model in built.models] == ["Q3_K_M", "Q8_0"]
    # The matrix is collected with the 8-bit file, and every type is measured in one reading.
    # The second pass tells nothing where it is quick.
    stages = desk.stages()
    assert "collect" in stages[-3:-1]
    assert stages[-1] == "measure"
    assert [model.type for model in desk.store.listing().models] == ["Q3_K_M", "Q8_0"]
    three, eight = built.models
    assert three.imatrix == f"{measuring_client.OWN_TEXT}, {three_chunks(three.path)} chunks"
    assert eight.imatrix == ""
    assert three.quality is not None
    assert eight.quality is not None
    assert three.quality.reference == "BF16"
    assert three.quality.kld_mean > eight.quality.kld_mean
    listed = {model.type: model for model in desk.store.listing().models}
    assert listed["Q3_K_M"].quality == three.quality
    assert listed["Q3_K_M"].imatrix == three.imatrix
    assert desk.store.trash_bytes() == 0


def three_chunks(path: Path) -> object:
    return inspect(path).metadata["quantize.imatrix.chunks_count"]


def test_a_matrix_from_a_file_is_used_for_small_types_only(desk: Desk) -> None:
    out = desk.root / "out"
    wish = BuildWish(imatrix=str(DATA / "imatrix.gguf"))
    built = desk.get(desk.checkpoint, ["Q4_0", "Q8_0"], wish, out)
    sha256 = hashlib.sha256((DATA / "imatrix.gguf").read_bytes()).hexdigest()
    assert [model.imatrix for model in built.models] == [f"imatrix.gguf, sha256 {sha256[:16]}", ""]
    assert "quantize.imatrix.file" in inspect(built.models[0].path).metadata
    assert "quantize.imatrix.file" not in inspect(built.models[1].path).metadata
    assert "collect" not in desk.stages()
    assert len(list(out.iterdir())) == 2


def test_what_another_matrix_of_the_same_name_weighed_is_made_anew(desk: Desk) -> None:
    matrix = desk.root / "matrix"
    wish = BuildWish(imatrix=str(matrix))

    def get() -> Acquired:
        return desk.get(desk.checkpoint, ["Q4_0"], wish)

    matrix.write_bytes((DATA / "imatrix.gguf").read_bytes())
    [model] = get().models
    assert get().found == (model,)
    matrix.write_bytes((DATA / "imatrix.dat").read_bytes())
    assert get().found == ()
    assert len(get().found) == 1


def test_without_a_matrix_none_that_was_weighed_by_one_serves(desk: Desk) -> None:
    desk.get(desk.checkpoint, ["Q4_0"], BuildWish(imatrix=str(DATA / "imatrix.gguf")))
    assert len(desk.get(desk.checkpoint, ["Q4_0"], BuildWish()).found) == 1
    made = desk.get(desk.checkpoint, ["Q4_0"], BuildWish(imatrix=OFF))
    assert [(model.imatrix, model in made.found) for model in made.models] == [("", False)]
    assert "quantize.imatrix.file" not in inspect(made.models[0].path).metadata
    assert desk.get(desk.checkpoint, ["Q4_0"], BuildWish(imatrix=OFF)).found == made.models


def test_a_file_that_is_weighed_from_the_weights_is_the_one_weighed_from_full_precision(desk: Desk) -> None:
    wish = BuildWish(imatrix=str(DATA / "imatrix.gguf"))
    direct, around = desk.root / "direct", desk.root / "around"
    [made] = desk.get(desk.checkpoint, ["Q4_0"], wish, direct).models
    both = desk.get(desk.checkpoint, ["BF16", "Q4_0"], wish, around).models
    assert made.sha256 == both[1].sha256
    assert [path.name for path in direct.iterdir()] == [made.path.name]


def test_a_full_precision_file_that_was_there_stays(desk: Desk) -> None:
    out = desk.root / "out"
    desk.get(desk.checkpoint, ["BF16"], BuildWish(), out)
    wish = BuildWish(imatrix=str(DATA / "imatrix.dat"))
    desk.get(desk.checkpoint, ["Q4_0"], wish, out)
    assert sorted(path.suffix for path in out.iterdir()) == [".gguf", ".gguf"]
    assert any("BF16" in path.name for path in out.iterdir())


@pytest.mark.parametrize("folder", [True, False])
def test_a_build_that_was_stopped_leaves_nothing_behind_once_it_is_done(folder: bool, desk: Desk) -> None:
    cancel = threading.Event()

    def stop(step: Progress) -> None:
        if step.stage == "collect":
            cancel.set()

    def build(job: JobContext) -> None:
        out = desk.root / "out" if folder else None
        desk.acquirer.get(Order(HubReference(REPO), ["Q4_0"], BuildWish(imatrix=ON), out=out), job)

    def kept() -> list[str]:
        place = desk.root / "out" if folder else desk.store.root
        return sorted(path.stem.rpartition("-")[2] for path in place.rglob("*.gguf"))

    with pytest.raises(Cancelled):
        build(JobContext(stop, cancel))
    assert kept() == ["Q8_0"]
    build(UNWATCHED)
    assert kept() == ["Q4_0"]
    assert not list((desk.root / "out").glob(".*"))
    assert not list((desk.root / "checkpoints").glob("*"))


def test_weights_from_the_hub_stay_for_the_second_pass_and_go_then(desk: Desk) -> None:
    weights = "model.safetensors"
    desk.get(HubReference(REPO), ["Q4_0"], BuildWish(imatrix=ON))
    size = (desk.checkpoint.folder / weights).stat().st_size
    assert desk.stages().count("collect") == 1
    assert desk.hub.bytes_served[weights] < 1.5 * size  # and its header once more
    assert not list((desk.root / "checkpoints").glob("*"))


def test_weights_that_cannot_stay_come_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for a disk without room for the weights beside everything else."""

    def check_room(*_: object, keep: bool) -> None:
        if keep:
            raise StillroomError("full")

    monkeypatch.setattr(hub_build, "check_room", check_room)
    weights = "model.safetensors"
    [model] = desk.get(HubReference(REPO), ["Q4_0"], BuildWish(imatrix=ON)).models
    assert model.imatrix
    assert desk.hub.bytes_served[weights] >= 2 * (desk.checkpoint.folder / weights).stat().st_size


def test_the_room_for_both_passes_is_checked_before_the_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stands in for a disk that is nearly full."""
    usage = shutil.disk_usage(desk.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskFullError, match=r"[\d.]+ MB more are needed, and 1 kB are free"):
        desk.get(desk.checkpoint, ["Q4_0"], BuildWish(imatrix=ON))
    assert desk.store.listing().models == ()


@pytest.mark.parametrize("from_hub", [True, False])
def test_the_room_for_a_chosen_mixture_is_looked_for_before_its_costs_are_measured(
    from_hub: bool, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stands in for a disk that has room for the file in full precision and not for the one made of it."""
    full = (desk.checkpoint.folder / "model.safetensors").stat().st_size
    usage = shutil.disk_usage(desk.root)
    free = (2 if from_hub else 1) * full + full // 4
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    reference = HubReference(REPO) if from_hub else desk.checkpoint
    with pytest.raises(DiskFullError, match=r"[\d.]+ [kM]B more are needed"):
        desk.get(reference, [], BuildWish(imatrix=OFF, size_bytes=full // 2))
    assert desk.store.listing().models == ()
    assert "sensitivity" not in desk.stages()


@pytest.mark.parametrize("folder", [True, False])
def test_a_matrix_is_kept_and_used_again_for_the_same_weights(folder: bool, desk: Desk) -> None:
    out = desk.root / "out"

    def build(kind: str, reference: Reference) -> str:
        desk.told.clear()
        [model] = desk.get(reference, [kind], BuildWish(imatrix=ON), out if folder else None).models
        return model.imatrix

    first = build("Q4_0", desk.checkpoint)
    assert "collect" in desk.stages()
    [file] = (out if folder else desk.store.root).rglob("*.imatrix")
    kept = kept_matrix(file)
    assert kept is not None
    assert (kept.text, kept.collected_with) == (measuring_client.OWN_TEXT, "Q8_0")
    assert build("Q3_K_M", desk.checkpoint) == first
    assert "collect" not in desk.stages()
    # Of other weights, and where it is damaged, it is collected anew.
    write_imatrix(read_imatrix(file), file, notes("other", kept.text_sha256, "Q8_0"))
    assert build("Q4_K_M", desk.checkpoint) == first
    assert "collect" in desk.stages()
    file.write_bytes(file.read_bytes()[:-40])
    assert build("Q4_K_S", desk.checkpoint) == first
    assert "collect" in desk.stages()
    assert kept_matrix(file) == kept


def test_a_matrix_of_the_hubs_weights_serves_a_file_that_was_built_of_them(desk: Desk) -> None:
    desk.get(HubReference(REPO), ["Q3_K_M", "BF16"], BuildWish())
    [full] = desk.store.find(REPO, "BF16")
    desk.told.clear()
    [made] = desk.get(GgufReference(full.path), ["Q4_0"], BuildWish(imatrix=ON)).models
    assert made.imatrix
    assert "collect" not in desk.stages()


def test_giving_up_deletes_the_file_made_for_the_matrix(desk: Desk) -> None:
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        desk.acquirer.get(
            Order(HubReference(REPO), ["Q4_0"], BuildWish(imatrix=ON)),
            JobContext(lambda step: cancel.set() if step.stage == "collect" else None, cancel),
        )
    assert [model.type for model in desk.store.listing().models] == ["Q8_0"]
    desk.acquirer.discard(REPO)
    assert desk.store.listing().models == ()


def test_a_full_precision_file_stays_while_another_run_measures_with_it(desk: Desk) -> None:
    with ExitStack() as another:
        read: list[InstalledModel] = []

        def begin_too(step: Progress) -> None:
            if step.stage == "measure" and not read:
                [full] = desk.store.find(REPO, "BF16")
                # The one that ends first leaves it to this build.
                assert not ModelStore(desk.store.root).remove_passing(full)
                another.enter_context(ModelStore(desk.store.root).reading([full]))
                read.append(full)

        order = Order(HubReference(REPO), ["Q8_0"], BuildWish(measure=True))
        desk.acquirer.get(order, JobContext(begin_too))
        [full] = read
        assert full.path.exists()
    assert desk.store.remove_passing(full)
    assert [model.type for model in desk.store.listing().models] == ["Q8_0"]


def stopped_in(stage: str, desk: Desk, wish: BuildWish) -> None:
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        desk.acquirer.get(
            Order(desk.checkpoint, ["Q4_0"], wish),
            JobContext(lambda step: cancel.set() if step.stage == stage else None, cancel),
        )


def test_giving_up_a_checkpoints_folder_leaves_its_own_files_only(desk: Desk) -> None:
    before = sorted(desk.checkpoint.folder.iterdir())
    stopped_in("collect", desk, BuildWish(imatrix=ON))
    folder = desk.store.folder_of(desk.checkpoint.folder.name)
    unfinished_path(folder / MATRIX_NAME).write_bytes(b"")
    desk.acquirer.discard(str(desk.checkpoint.folder))
    assert not folder.exists()
    stopped_in("quantise", desk, BuildWish())
    desk.acquirer.discard(str(desk.checkpoint.folder))
    assert not list((desk.store.root / ".making").glob("*"))
    assert sorted(desk.checkpoint.folder.iterdir()) == before


@pytest.mark.parametrize("stage", ["collect", "measure"])
def test_a_stopped_build_of_a_checkpoints_folder_makes_no_file_again(stage: str, desk: Desk) -> None:
    wish = BuildWish(imatrix=ON if stage == "collect" else OFF, measure=stage == "measure")
    stopped_in(stage, desk, wish)
    desk.get(desk.checkpoint, ["Q4_0"], wish)
    stages = desk.stages()
    assert "quantise" not in stages[: stages.index(stage)]
    assert [model.type for model in desk.store.listing().models] == ["Q4_0"]


def test_a_measured_file_of_a_checkpoints_folder_is_not_made_again(desk: Desk) -> None:
    [measured] = desk.get(desk.checkpoint, ["Q4_0"], BuildWish(measure=True)).models
    desk.told.clear()
    assert desk.get(desk.checkpoint, ["Q4_0"], BuildWish()).models == (measured,)
    assert "quantise" not in desk.stages()


def test_a_checkpoints_files_that_changed_are_built_again(desk: Desk) -> None:
    [first] = desk.get(desk.checkpoint, ["Q4_0"], BuildWish()).models
    weights = desk.checkpoint.folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-2] ^= 1
    weights.write_bytes(data)
    [second] = desk.get(desk.checkpoint, ["Q4_0"], BuildWish()).models
    assert second.sha256 != first.sha256


def test_a_checkpoints_files_are_hashed_once_for_both_passes_and_the_matrix(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[InputHashes] = []
    monkeypatch.setattr(acquire, "InputHashes", lambda files: made.append(InputHashes(files)) or made[-1])
    monkeypatch.setattr("app.acquire.weights.InputHashes", lambda _: pytest.fail("they are hashed again"))
    desk.get(desk.checkpoint, ["Q4_0"], BuildWish(imatrix=ON))
    assert len(made) == 1


def test_a_damaged_matrix_is_refused_before_anything_is_built(desk: Desk, tmp_path: Path) -> None:
    bad = tmp_path / "bad.dat"
    bad.write_bytes(b"\x01")
    with pytest.raises(BuildError, match=r"bad\.dat is damaged"):
        desk.get(desk.checkpoint, ["Q4_0"], BuildWish(imatrix=str(bad)))
    assert desk.store.listing().models == ()


def test_finished_files_of_a_repository_are_taken_as_they_are(desk: Desk) -> None:
    built = desk.get(HubReference(GGUF_REPO), ["IQ4_XS"], BuildWish())
    assert [model.type for model in built.models] == ["IQ4_XS"]
    [eight] = desk.get(HubReference(GGUF_REPO, "small.Q8_0.gguf"), [], BuildWish()).models
    assert eight.path.is_file()
    assert [model.type for model in desk.store.find(GGUF_REPO)] == ["IQ4_XS", "Q8_0"]
    for wish in (BuildWish(measure=True), BuildWish(imatrix=ON)):
        with pytest.raises(StillroomError, match="finished GGUF files only"):
            desk.get(HubReference(GGUF_REPO), ["IQ4_XS"], wish)


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


SMALL = 3_100_000


def assert_planned_well(made: InstalledModel) -> None:
    """The file is no larger than its mixture was planned, and hardly smaller."""
    assert made.mixture is not None
    assert made.mixture.bytes - 1024 < made.bytes <= made.mixture.bytes


def test_a_mixture_is_chosen_by_what_the_types_cost(desk: Desk) -> None:
    [made] = desk.get(desk.checkpoint, [], BuildWish(size_bytes=SMALL, measure=True)).models
    assert "sensitivity" in desk.stages()
    assert made.type == "MIX_3M"
    assert 0.997 * SMALL <= made.bytes <= SMALL
    assert made.mixture is not None
    assert made.mixture.asked_bytes == SMALL
    assert_planned_well(made)
    written = inspect(made.path)
    assert {tensor.name: tensor.type for tensor in written.tensors}.items() >= made.mixture.types.items()
    # llama.cpp has loaded it.
    assert made.quality is not None
    assert made.quality.kld_mean > 0
    assert [model.type for model in desk.store.listing().models] == ["MIX_3M"]
    assert desk.store.listing().models[0].mixture == made.mixture
    # Without the store the file says it, too.
    assert file_type(written) == "MIX_3M"
    stated = stated_mixture(written)
    assert stated is not None
    assert (stated.reason, stated.types) == (made.mixture.reason, made.mixture.types)


GIVEN = str(DATA / "imatrix.gguf")


@pytest.mark.parametrize(
    ("source", "types", "wish"),
    [
        ("folder", [], {"bits": 5.5, "imatrix": GIVEN}),
        ("folder", [], {"size_bytes": SMALL, "small_cache_bytes": 4_200_000, "imatrix": GIVEN}),
        ("folder", ["Q4_K_M"], {"size_bytes": SMALL, "imatrix": AUTO}),
        ("folder", ["Q3_K_M", "Q8_0"], {"measure": True}),
        ("folder", ["BF16", "Q4_0"], {"imatrix": ON}),
        ("hub", ["Q4_0"], {"measure": True, "imatrix": GIVEN}),
        ("gguf", ["Q3_K_M"], {}),
        ("gguf", [], {"bits": 5.5, "imatrix": GIVEN}),
    ],
    ids=["bits", "cache", "beside", "measured", "full", "hub", "gguf", "gguf-bits"],
)
def test_a_wish_that_was_built_is_found_the_second_time(
    source: str, types: list[str], wish: dict[str, Any], desk: Desk
) -> None:
    reference: Reference = HubReference(REPO) if source == "hub" else desk.checkpoint
    if source == "gguf":
        [full] = desk.get(reference, ["BF16"], BuildWish(), desk.root / "out").models
        reference = GgufReference(full.path)
    built = desk.get(reference, types, BuildWish(**wish))
    assert built.found == ()
    served = desk.hub.bytes_served.copy()
    desk.told.clear()
    again = desk.get(reference, types, BuildWish(**wish))
    assert {"convert", "quantise", "collect", "sensitivity", "download"}.isdisjoint(desk.stages())
    assert [model.path for model in again.models] == [model.path for model in built.models]
    assert again.found == again.models
    assert desk.hub.bytes_served == served


def test_a_file_that_takes_no_matrix_is_found_beside_one_that_does(desk: Desk) -> None:
    [plain] = desk.get(desk.checkpoint, ["Q4_K_M"], BuildWish()).models
    desk.get(desk.checkpoint, ["Q3_K_M"], BuildWish())
    both = desk.get(desk.checkpoint, ["Q4_K_M", "Q3_K_M", "Q8_0"], BuildWish())
    assert both.found == both.models[:2]
    assert both.models[0] == plain


def test_a_gguf_file_that_has_changed_is_quantised_again(desk: Desk) -> None:
    [full] = desk.get(desk.checkpoint, ["BF16"], BuildWish(), desk.root / "out").models
    [first] = desk.get(GgufReference(full.path), ["Q8_0"], BuildWish()).models
    data = bytearray(full.path.read_bytes())
    data[-2] ^= 1
    full.path.write_bytes(data)
    changed = desk.get(GgufReference(full.path), ["Q8_0"], BuildWish())
    assert changed.found == ()
    assert changed.models[0].sha256 != first.sha256


def test_a_file_of_the_store_is_not_made_of_itself(desk: Desk) -> None:
    [eight] = desk.get(desk.checkpoint, ["Q8_0"], BuildWish()).models
    assert desk.get(GgufReference(eight.path), ["Q8_0"], BuildWish()).found == (eight,)


def test_a_checkpoint_whose_folder_has_another_name_is_another_model(desk: Desk) -> None:
    desk.get(desk.checkpoint, ["Q8_0"], BuildWish())
    renamed = desk.checkpoint.folder.rename(desk.root / "renamed")
    again = desk.get(CheckpointReference(renamed), ["Q8_0"], BuildWish())
    assert again.found == ()
    assert {model.name for model in desk.store.listing().models} == {desk.checkpoint.folder.name, "renamed"}


def test_another_size_is_chosen_without_measuring_again(desk: Desk) -> None:
    wish = BuildWish(size_bytes=SMALL)
    [first] = desk.get(desk.checkpoint, [], wish).models
    desk.told.clear()
    [larger] = desk.get(desk.checkpoint, [], BuildWish(size_bytes=4_200_000)).models
    assert {"convert", "collect", "sensitivity"}.isdisjoint(desk.stages())
    assert first.mixture is not None
    assert larger.mixture is not None
    assert larger.mixture.divergence < first.mixture.divergence
    assert desk.get(desk.checkpoint, [], wish).models == (first,)


def test_another_size_is_made_while_the_weights_come_from_the_hub_again(desk: Desk) -> None:
    desk.get(HubReference(REPO), [], BuildWish(size_bytes=SMALL))
    desk.told.clear()
    [larger] = desk.get(HubReference(REPO), [], BuildWish(size_bytes=4_200_000)).models
    assert larger.type == "MIX_4M"
    assert {"download", "sensitivity"} & set(desk.stages()) == {"download"}


def test_a_second_pass_that_the_next_run_does_not_need_leaves_nothing(desk: Desk) -> None:
    """The costs are kept by then, so the file comes from the hub's weights in one pass."""
    wish = BuildWish(size_bytes=SMALL)
    cancel, stages = threading.Event(), list[str]()

    def stop(step: Progress) -> None:
        stages.append(step.stage)
        if "sensitivity" in stages and step.stage != "sensitivity":
            cancel.set()

    with pytest.raises(Cancelled):
        desk.acquirer.get(Order(HubReference(REPO), [], wish), JobContext(stop, cancel))
    begun = desk.store.work_folder(f"{REPO} from BF16")
    begun.mkdir(parents=True, exist_ok=True)
    (begun / "begun.gguf.part").touch()
    desk.get(HubReference(REPO), [], wish)
    assert not begun.exists()
    assert [model.type for model in desk.store.listing().models] == ["MIX_3M"]


def test_another_count_of_bits_is_chosen_without_measuring_again(desk: Desk) -> None:
    [first] = desk.get(desk.checkpoint, [], BuildWish(bits=5.5)).models
    assert first.type == "MIX_5.50BPW"
    assert first.mixture is not None
    assert first.mixture.asked_bits == 5.5
    assert first.mixture.bits_per_weight == pytest.approx(5.5, rel=0.003)
    assert_planned_well(first)
    desk.told.clear()
    [larger] = desk.get(desk.checkpoint, ["Q8_0"], BuildWish(bits=6.25)).models[1:]
    assert {"convert", "collect", "sensitivity"}.isdisjoint(desk.stages())
    assert larger.type == "MIX_6.25BPW"
    assert larger.mixture is not None
    assert larger.mixture.divergence < first.mixture.divergence
    desk.told.clear()
    assert desk.get(desk.checkpoint, [], BuildWish(bits=5.5)).models == (first,)
    assert "sensitivity" not in desk.stages()
    assert {model.type for model in desk.store.listing().models} == {first.type, larger.type, "Q8_0"}


@pytest.mark.parametrize("asked", [{"size_bytes": SMALL}, {"bits": 5.5}], ids=["bytes", "bits"])
def test_a_stopped_choice_goes_on_and_makes_the_same_file(desk: Desk, asked: dict[str, Any]) -> None:
    wish = BuildWish(imatrix=str(DATA / "imatrix.gguf"), **asked)
    whole, stopped = desk.root / "whole", desk.root / "stopped"
    [expected] = desk.get(desk.checkpoint, [], wish, whole).models
    cancel = threading.Event()

    def stop(step: Progress) -> None:
        if step.stage == "sensitivity" and step.done > step.total // 3:
            cancel.set()

    with pytest.raises(Cancelled):
        desk.acquirer.get(Order(desk.checkpoint, [], wish, out=stopped), JobContext(stop, cancel))
    desk.told.clear()
    [made] = desk.get(desk.checkpoint, [], wish, stopped).models
    assert next(step for step in desk.told if step.stage == "sensitivity").done > 0
    assert made.sha256 == expected.sha256
    assert sorted(path.suffix for path in stopped.iterdir()) == [".costs", ".gguf"]


LARGER = 4_200_000


def test_between_two_sizes_the_cost_of_the_larger_ones_cache_decides(desk: Desk) -> None:
    wish = BuildWish(size_bytes=SMALL, small_cache_bytes=LARGER)
    [larger] = desk.get(desk.checkpoint, [], wish).models
    assert larger.type == label_of(LARGER)
    assert larger.mixture is not None
    cache = larger.mixture.cache
    assert cache is not None
    assert (cache.kv_type, cache.loss.kv_type) == ("q8_0", "q8_0")
    assert_planned_well(larger)
    assert 0 < cache.loss.most < cache.other_divergence - larger.mixture.divergence
    assert desk.load_choices.of(larger.path).load.kv_type == "q8_0"
    # Were the cache worse, it would be the other one.
    [file] = desk.store.root.rglob(COSTS_NAME)
    costs = read_json(file, TensorCosts, without="")
    assert costs is not None
    write_json(
        file, msgspec.structs.replace(costs, caches=(msgspec.structs.replace(cache.loss, divergence=9.0),))
    )
    [smaller] = desk.get(desk.checkpoint, [], wish).models
    assert smaller.type == label_of(SMALL)
    assert smaller.mixture is not None
    assert smaller.mixture.cache is not None
    assert smaller.mixture.cache.kv_type == "f16"
    assert desk.load_choices.of(smaller.path).load.kv_type == "auto"
    assert {model.type for model in desk.store.listing().models} == {larger.type, smaller.type}


@pytest.mark.parametrize("larger", [0, LARGER], ids=["f16", "either"])
def test_what_fits_is_found_though_the_free_memory_has_changed_a_little(desk: Desk, larger: int) -> None:
    matrix = str(DATA / "imatrix.gguf")

    def fitting(part: float) -> BuildWish:
        sizes = int(SMALL * part), int(larger * part)
        return BuildWish(matrix, size_bytes=sizes[0], small_cache_bytes=sizes[1], fits=True)

    [made] = desk.get(desk.checkpoint, [], fitting(1)).models
    again = desk.get(desk.checkpoint, [], fitting(1.015))
    assert again.found == again.models == (made,)
    # It would fit no more, or be much smaller than what does.
    for part in (0.995, 1.05):
        [other] = desk.get(desk.checkpoint, [], fitting(part)).models
        assert other.mixture is not None
        assert made.mixture is not None
        assert other.mixture.asked_bytes != made.mixture.asked_bytes


def test_costs_that_are_kept_without_a_caches_get_it(desk: Desk) -> None:
    [first] = desk.get(desk.checkpoint, [], BuildWish(size_bytes=SMALL)).models
    [file] = desk.store.root.rglob(COSTS_NAME)
    costs = read_json(file, TensorCosts, without="")
    assert costs is not None
    assert costs.caches
    assert 0 in costs.rounding
    write_json(file, msgspec.structs.replace(costs, caches=None))
    assert desk.get(desk.checkpoint, [], BuildWish(size_bytes=SMALL)).models == (first,)
    [made] = desk.get(desk.checkpoint, [], BuildWish(size_bytes=SMALL, small_cache_bytes=LARGER)).models
    assert made.type == label_of(LARGER)
    again = read_json(file, TensorCosts, without="")
    assert again is not None
    assert (again.tensors, again.rounding) == (costs.tensors, costs.rounding)
    assert again.caches == costs.caches


def test_a_size_below_the_smallest_file_is_refused(desk: Desk) -> None:
    wish = BuildWish(imatrix=str(DATA / "imatrix.gguf"), size_bytes=1_000_000)
    with pytest.raises(BuildError, match=r"cannot be made as small as 1\.0 MB: the smallest file takes"):
        desk.get(desk.checkpoint, [], wish)


def test_a_quantised_file_tells_nothing_of_what_types_cost(desk: Desk) -> None:
    [small] = desk.get(desk.checkpoint, ["Q8_0"], BuildWish()).models
    wish = BuildWish(imatrix=str(DATA / "imatrix.gguf"), size_bytes=SMALL)
    with pytest.raises(BuildError, match="is quantised, so what other types would cost"):
        desk.get(GgufReference(small.path), [], wish)
