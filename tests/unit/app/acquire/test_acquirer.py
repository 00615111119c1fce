"""Getting a model from a loopback hub through the real build process."""

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.acquire.acquirer import Acquirer
from app.acquire.build_options import Order
from app.acquire.quality_build import Acquired, Commands
from app.base.children import child_command
from converters.gguf.gguf_reader import inspect
from converters.system.errors import CheckpointError, GgufError
from models.catalogue.reference import CheckpointReference, HubReference, Reference, parse_reference
from models.hub.download_record import DownloadRecord
from models.hub.hub_client import HubClient
from models.hub.retry import RetryPolicy
from models.hub.snapshot import RemoteFile
from models.store.manifest import read_manifest
from models.store.move_models import ModelsMove
from models.store.store import ModelStore
from models.system.disk_space import DiskFullError
from models.system.errors import Cancelled, StillroomError
from models.system.progress import UNWATCHED, JobContext, Progress
from tests.support.checkpoints import rebuild_starter, write_json
from tests.support.hub import LoopbackHub
from tests.support.starter_variants import shallow_path
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.tiny_models import make_sharded_model, make_tiny_model

REPO = "owner/small-model"
WEIGHTS = "model-00001-of-00002.safetensors"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rebuild_starter(Path(shallow_path()), tmp_path_factory.mktemp("repository"), shards=2)


@pytest.fixture
def hub(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setenv("HF_TOKEN", "")
    with LoopbackHub() as server:
        server.add(REPO, checkpoint)
        yield server


class Desk:
    def __init__(self, hub: LoopbackHub, root: Path) -> None:
        self.hub = hub
        self.checkpoints = root / "checkpoints"
        self.store = ModelStore(root / "models")
        client = HubClient(hub.endpoint, retry=RetryPolicy(attempts=2, first_wait_s=0.01))
        commands = Commands(child_command("build"), child_command("measure"))
        self.acquirer = Acquirer(client, self.store, self.checkpoints, commands)
        self.reports: list[Progress] = []

    def get(
        self,
        reference: Reference,
        types: list[str],
        job: JobContext = UNWATCHED,
        *,
        keep_original: bool = False,
    ) -> Acquired:
        return self.acquirer.get(Order(reference, types, keep_original=keep_original), job)

    def stages(self) -> list[str]:
        return list(dict.fromkeys(report.stage for report in self.reports))

    def leftovers(self) -> list[Path]:
        return [path for path in self.store.root.glob(".making/**/*") if path.is_file()]


@pytest.fixture
def desk(hub: LoopbackHub, tmp_path: Path) -> Desk:
    return Desk(hub, tmp_path)


def test_two_types_are_downloaded_built_and_recorded_once(desk: Desk) -> None:
    reference = parse_reference(REPO)
    acquired = desk.get(reference, ["q4_0", "Q8_0"], JobContext(desk.reports.append))
    assert [model.type for model in acquired.models] == ["Q4_0", "Q8_0"]
    assert acquired.peak_memory_bytes > 1 << 20
    assert {"download", "quantise"} <= set(desk.stages())
    for model in acquired.models:
        assert inspect(model.path).metadata["general.architecture"] == "llama"
    output = read_manifest(desk.store.root / "owner--small-model").outputs[0]
    assert (output.repo, output.commit) == (REPO, desk.hub.repos[REPO].commit)
    assert WEIGHTS in [source.path for source in output.inputs]
    assert "llama-cpp-python" in output.tools
    assert not list(desk.checkpoints.iterdir())
    assert desk.leftovers() == []

    before = desk.hub.bytes_served.copy()
    again = desk.get(reference, ["Q8_0", "Q4_0"])
    assert {model.path for model in again.models} == {model.path for model in acquired.models}
    assert desk.hub.bytes_served == before


def test_every_report_of_a_download_counts_the_whole_of_it(desk: Desk, checkpoint: Path) -> None:
    total = sum(file.stat().st_size for file in checkpoint.glob("*.safetensors"))
    desk.hub.bytes_per_s = 8e6
    enough = threading.Event()

    def note(progress: Progress) -> None:
        desk.reports.append(progress)
        if progress.detail == WEIGHTS and progress.done > 1 << 20:
            enough.set()

    with pytest.raises(Cancelled):
        desk.get(parse_reference(REPO), ["Q8_0"], JobContext(note, enough))
    stopped, desk.reports = desk.reports, []
    desk.get(parse_reference(REPO), ["Q8_0"], JobContext(desk.reports.append))
    for reports in (stopped, desk.reports):
        downloads = [report for report in reports if report.stage == "download"]
        assert {report.total for report in downloads} == {total}
        assert all(report.done < total for report in downloads[:1])


def test_nothing_is_moved_at_any_moment_of_a_build(desk: Desk, tmp_path: Path) -> None:
    moves: dict[str, str] = {}

    def move(progress: Progress) -> None:
        with pytest.raises(StillroomError, match="is being got or made in") as refused:
            ModelsMove(desk.store.root, tmp_path / "new").run(lambda: pytest.fail("it was moved"))
        moves[progress.stage] = str(refused.value)

    desk.get(parse_reference(REPO), ["Q8_0"], JobContext(move))
    assert {"download", "quantise"} <= moves.keys()
    ModelsMove(desk.store.root, tmp_path / "new").run(lambda: None)
    assert (tmp_path / "new" / "owner--small-model" / "Q8_0.gguf").is_file()


def test_nothing_is_asked_of_the_hub_while_the_models_are_moved(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.store.LOCK_WAIT_S", 0.1)
    desk.store.root.mkdir()

    def commit() -> None:
        with pytest.raises(StillroomError, match="is being moved"):
            desk.get(parse_reference(REPO), ["Q8_0"])

    ModelsMove(desk.store.root, tmp_path / "new").run(commit)
    assert desk.hub.requests == []


def test_what_is_being_pulled_is_not_discarded(desk: Desk) -> None:
    def give_up(progress: Progress) -> None:
        if progress.stage == "download":
            with pytest.raises(StillroomError, match="is being got or made in"):
                desk.acquirer.discard(REPO)
            told.append(progress)

    told: list[Progress] = []
    pulled = desk.acquirer.pull(parse_reference(REPO), JobContext(give_up))
    assert told
    assert all(file.path.is_file() for file in pulled.files)
    assert not list(desk.checkpoints.glob(".*.lock"))


def test_what_another_one_works_on_is_not_discarded(desk: Desk) -> None:
    half = desk.store.work_folder(REPO) / ".half.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"G")
    with desk.store.working(REPO), pytest.raises(StillroomError, match="is being got or made in"):
        desk.acquirer.discard(REPO)
    assert half.exists()
    desk.acquirer.discard(REPO)
    assert not half.exists()


def test_original_weights_are_kept_on_request(desk: Desk) -> None:
    desk.get(parse_reference(REPO), ["BF16"], keep_original=True)
    assert (desk.checkpoints / "owner--small-model" / WEIGHTS).is_file()


def test_pulled_weights_are_built_from_without_a_download_and_stay(desk: Desk) -> None:
    pulled = desk.acquirer.pull(parse_reference(REPO))
    assert pulled.commit == desk.hub.repos[REPO].commit
    before = desk.hub.bytes_served.copy()
    desk.get(parse_reference(REPO), ["BF16"])
    assert desk.hub.bytes_served == before
    assert all(file.path.is_file() for file in pulled.files)


def test_a_cancelled_build_goes_on_where_it_was_and_fetches_nothing_twice(desk: Desk) -> None:
    """Also where it stopped in the second file, when the first is used up and gone."""
    weights = [file for file in desk.hub.repos[REPO].files() if file.suffix == ".safetensors"]
    total = sum(file.stat().st_size for file in weights)
    reference = parse_reference(REPO)
    for fraction in (0.3, 0.9):
        cancel = threading.Event()

        def stop_while_quantising(
            progress: Progress, fraction: float = fraction, cancel: threading.Event = cancel
        ) -> None:
            if progress.stage == "quantise" and progress.done >= fraction * progress.total:
                cancel.set()

        with pytest.raises(Cancelled):
            desk.get(reference, ["Q4_0", "Q8_0"], JobContext(stop_while_quantising, cancel))
        assert desk.store.listing().models == ()
        assert [path for path in desk.leftovers() if path.suffix == ".gguf"] == []
    acquired = desk.get(reference, ["Q4_0", "Q8_0"])
    served = sum(desk.hub.bytes_served[file.name] for file in weights)
    # What is on its way is lost: of each of four connections a piece, and what Linux holds, which is its
    # choice. No file comes twice.
    assert served < total + min(file.stat().st_size for file in weights)
    whole = desk.get(CheckpointReference(desk.hub.repos[REPO].folder), ["Q4_0", "Q8_0"])
    ours, theirs = (
        {model.type: tensor_bytes(model.path) for model in got.models} for got in (acquired, whole)
    )
    assert ours == theirs


def tensor_bytes(file: Path) -> bytes:
    """All data behind the header, as a hash; the model's name in the metadata may differ."""
    return hashlib.sha256(file.read_bytes()[inspect(file).data_offset :]).digest()


def test_at_most_two_weight_files_are_on_disk_and_a_used_one_goes(desk: Desk, tmp_path: Path) -> None:
    desk.hub.add("owner/sharded", make_sharded_model(tmp_path, 6))
    desk.hub.bytes_per_s = 10e6
    folder = desk.checkpoints / "owner--sharded"
    seen: set[str] = set()

    def look(progress: Progress) -> None:
        there = {file.name.removesuffix(".part") for file in folder.glob("*.safetensors*")}
        there = {name for name in there if name.endswith(".safetensors")}
        assert len(there) <= 2, there
        seen.update(there)

    acquired = desk.get(parse_reference("owner/sharded"), ["BF16"], JobContext(look))
    assert seen
    assert not folder.exists()
    [output] = read_manifest(acquired.models[0].path.parent).outputs
    assert sum(source.path.endswith(".safetensors") for source in output.inputs) == 6
    assert all(len(source.sha256) == 64 for source in output.inputs)


def test_a_build_that_ended_before_the_store_had_it_is_not_done_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.hub.add("owner/small", make_sharded_model(tmp_path, 2))
    reference = parse_reference("owner/small")
    with monkeypatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise OSError("the power was cut")

        patch.setattr(desk.store, "add", fail)
        with pytest.raises(OSError, match="power was cut"):
            desk.get(reference, ["Q8_0", "BF16"])
    before = desk.hub.bytes_served[WEIGHTS]
    models = desk.get(reference, ["Q8_0", "BF16"]).models
    assert [model.type for model in models] == ["Q8_0", "BF16"]
    assert desk.hub.bytes_served[WEIGHTS] - before < 1 << 20  # its header
    assert desk.leftovers() == []


def test_a_header_that_arrives_damaged_builds_nothing(desk: Desk, tmp_path: Path) -> None:
    """Headers come first and unverified; what they say must be what the verified file says."""
    desk.hub.add("owner/small", make_sharded_model(tmp_path, 2))
    reference = parse_reference("owner/small")
    desk.hub.fail("corrupt", WEIGHTS)
    with pytest.raises(StillroomError, match=WEIGHTS):
        desk.get(reference, ["Q8_0"])
    assert desk.store.listing().models == ()
    assert desk.get(reference, ["Q8_0"]).models


def test_weights_that_are_to_be_kept_after_all_are_fetched_again(desk: Desk) -> None:
    cancel = threading.Event()

    def stop_late(progress: Progress) -> None:
        # Of the outputs; a file that arrives is named.
        if progress.stage == "verify" and not progress.detail:
            cancel.set()

    with pytest.raises(Cancelled):
        desk.get(parse_reference(REPO), ["Q4_0"], JobContext(stop_late, cancel))
    desk.get(parse_reference(REPO), ["Q4_0"], keep_original=True)
    kept = desk.checkpoints / "owner--small-model"
    for file in desk.hub.repos[REPO].files():
        assert (kept / file.name).read_bytes() == file.read_bytes()
    assert not list(kept.glob(".headers"))


def test_discard_deletes_what_an_unfinished_get_left(desk: Desk) -> None:
    cancel = threading.Event()

    def stop_while_downloading(progress: Progress) -> None:
        if progress.done:
            cancel.set()

    desk.hub.bytes_per_s = 50e6
    with pytest.raises(Cancelled):
        desk.get(parse_reference(REPO), ["Q8_0"], JobContext(stop_while_downloading, cancel))
    assert list(desk.checkpoints.iterdir())
    desk.acquirer.discard(REPO)
    assert not list(desk.checkpoints.iterdir())


def test_a_folder_is_built_where_it_is_and_left_as_it_was(desk: Desk, checkpoint: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in checkpoint.iterdir()}
    acquired = desk.get(CheckpointReference(checkpoint), ["BF16"], JobContext(desk.reports.append))
    assert acquired.models[0].path.is_file()
    assert {path: path.stat().st_mtime_ns for path in checkpoint.iterdir()} == before
    assert desk.stages()[0] == "convert"
    [output] = read_manifest(acquired.models[0].path.parent).outputs
    hashes = {source.path: source.sha256 for source in output.inputs}
    for name in ("config.json", WEIGHTS):
        assert hashes[name] == hashlib.sha256((checkpoint / name).read_bytes()).hexdigest()
    assert not any(request for request in desk.hub.requests)


def test_weights_that_the_disk_has_changed_make_no_model(desk: Desk, tmp_path: Path) -> None:
    folder = make_tiny_model("qwen2", tmp_path)
    weights = folder / "model.safetensors"
    size, sha256 = weights.stat().st_size, hashlib.sha256(weights.read_bytes()).hexdigest()
    DownloadRecord().note(folder, RemoteFile(weights.name, size, sha256, ""), sha256)
    verified_ns = weights.stat().st_mtime_ns
    with weights.open("r+b") as file:
        file.seek(size - 9)
        [byte] = file.read(1)
        file.seek(size - 9)
        file.write(bytes([byte ^ 1]))
    os.utime(weights, ns=(verified_ns, verified_ns))
    with pytest.raises(StillroomError, match=r"model\.safetensors is damaged"):
        desk.get(CheckpointReference(folder), ["Q8_0"])
    assert desk.store.listing().models == ()
    assert desk.leftovers() == []
    # What somebody has changed on purpose is his.
    os.utime(weights)
    assert len(desk.get(CheckpointReference(folder), ["Q8_0"]).models) == 1


def test_an_unsupported_model_is_refused_before_its_weights_are_fetched(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    write_json(folder / "config.json", {"architectures": ["MambaForCausalLM"], "model_type": "mamba"})
    (folder / "model.safetensors").write_bytes(bytes(1000))
    desk.hub.add("owner/mamba", folder)
    with pytest.raises(CheckpointError, match="Mamba"):
        desk.get(parse_reference("owner/mamba"), ["Q8_0"])
    assert desk.hub.bytes_served["model.safetensors"] == 0


def test_too_little_room_for_the_build_is_said_before_the_weights_are_fetched(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(desk.checkpoints.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=30_000_000))
    with pytest.raises(DiskFullError, match=r"9\d\.\d MB more are needed, and 30\.0 MB are free"):
        desk.get(parse_reference(REPO), ["Q4_K_M"])
    assert desk.hub.bytes_served[WEIGHTS] == 0


def test_a_config_that_is_no_object_is_refused(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(1000))
    (folder / "config.json").write_text('"text"')
    desk.hub.add("owner/odd", folder)
    with pytest.raises(StillroomError, match=r"config\.json of owner/odd cannot be read"):
        desk.get(parse_reference("owner/odd"), ["Q8_0"])


def test_a_ready_gguf_is_taken_as_it_is(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "ready"
    folder.mkdir()
    for kind in ("Q4_0", "Q8_0"):
        write_tiny_gguf(folder / f"ready.{kind}.gguf", 4096 if kind == "Q4_0" else 8192)
    desk.hub.add("owner/ready-GGUF", folder)
    [model] = desk.get(HubReference("owner/ready-GGUF", "ready.Q8_0.gguf"), []).models
    assert model.path.read_bytes() == (folder / "ready.Q8_0.gguf").read_bytes()
    assert (model.name, model.type) == ("owner/ready-GGUF", "Q8_0")
    assert desk.leftovers() == []
    assert desk.get(parse_reference("owner/ready-GGUF"), ["Q4_0"]).models[0].type == "Q4_0"
    with pytest.raises(StillroomError, match="no GGUF file for Q6_K"):
        desk.get(parse_reference("owner/ready-GGUF"), ["Q6_K"])


def unknown_file(desk: Desk, tmp_path: Path, architecture: str = "of-tomorrow") -> str:
    folder = tmp_path / "unknown"
    folder.mkdir()
    write_tiny_gguf(folder / "new.Q8_0.gguf", 4 << 20, architecture=architecture)
    desk.hub.add("owner/new-GGUF", folder)
    return "new.Q8_0.gguf"


def test_a_gguf_of_an_unknown_architecture_is_refused_before_it_is_downloaded(
    desk: Desk, tmp_path: Path
) -> None:
    file = unknown_file(desk, tmp_path)
    with pytest.raises(GgufError, match="architecture “of-tomorrow”") as refused:
        desk.get(HubReference("owner/new-GGUF", file), [])
    assert "llama, qwen2, qwen3" in refused.value.hint.format(**refused.value.values)
    assert desk.hub.bytes_served[file] <= 64 << 10
    assert desk.leftovers() == []
    assert desk.store.listing().models == ()


def test_the_start_of_a_gguf_is_read_also_where_ranges_are_ignored(desk: Desk, tmp_path: Path) -> None:
    file = unknown_file(desk, tmp_path)
    desk.hub.fail("whole", file, times=2)
    with pytest.raises(GgufError, match="architecture “of-tomorrow”"):
        desk.get(HubReference("owner/new-GGUF", file), [])
    assert desk.hub.bytes_served[file] < 4 << 20


def test_nothing_is_asked_of_a_file_whose_architecture_the_hub_tells(desk: Desk, tmp_path: Path) -> None:
    file = unknown_file(desk, tmp_path, "llama")
    desk.hub.repos["owner/new-GGUF"].card = {"gguf": {"total": 1, "architecture": "llama"}}
    desk.get(HubReference("owner/new-GGUF", file), [])
    ranges = [headers.get("range", "") for _, address, headers in desk.hub.requests if file in address]
    assert "bytes=0-65535" not in ranges


def test_the_start_of_a_gguf_that_does_not_come_is_given_up_on_cancelling(desk: Desk, tmp_path: Path) -> None:
    file = unknown_file(desk, tmp_path)
    stall = desk.hub.fail("stall", file, after=10)
    cancel = threading.Event()
    ended: list[BaseException] = []

    def get() -> None:
        try:
            desk.get(HubReference("owner/new-GGUF", file), [], JobContext(cancel=cancel))
        except (Cancelled, StillroomError) as error:
            ended.append(error)

    thread = threading.Thread(target=get)
    thread.start()
    assert desk.hub.wait_served(file, 10)
    cancel.set()
    thread.join(60)
    assert stall.times == 0
    assert [type(error) for error in ended] == [Cancelled]


def test_a_damaged_gguf_never_reaches_the_store(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "bad.Q8_0.gguf").write_bytes(b"GGUF" + bytes(100))
    desk.hub.add("owner/bad", folder)
    with pytest.raises(GgufError):
        desk.get(parse_reference("owner/bad"), [])
    with pytest.raises(GgufError):
        desk.get(parse_reference(str(folder / "bad.Q8_0.gguf")), [])
    assert desk.store.listing().models == ()


def test_what_is_here_already_is_not_pulled(desk: Desk, checkpoint: Path) -> None:
    with pytest.raises(StillroomError, match="on this computer already"):
        desk.acquirer.pull(CheckpointReference(checkpoint))
