"""Another type from a GGUF file on disk, into the store."""

import threading
from pathlib import Path

import pytest

from app.acquire.acquirer import Acquirer
from app.acquire.build_options import Order
from app.acquire.build_target import work_folder
from app.acquire.quality_build import Acquired, Commands
from app.acquire.requantise import estimated_bytes, source_of
from app.base.children import child_command
from converters.build.build_client import build
from converters.gguf.gguf_reader import inspect
from converters.process.messages import BuildRequest
from models.catalogue.reference import GgufReference
from models.hub.hub_client import HubClient
from models.store.manifest import BuiltFile, read_manifest
from models.store.store import ModelStore
from models.system.errors import Cancelled
from models.system.progress import UNWATCHED, JobContext
from tests.support.tiny_models import make_tiny_model

COMMAND = child_command("build")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tiny")
    checkpoint = make_tiny_model("llama", folder)
    made = build(BuildRequest(checkpoint, ["F16", "Q8_0"], folder, "tiny"), COMMAND)
    return {output.type: output.path for output in made.outputs}


def quantised_anew(store: ModelStore, file: Path, kind: str, job: JobContext = UNWATCHED) -> Acquired:
    acquirer = Acquirer(HubClient(), store, store.root / "checkpoints", Commands(COMMAND, ["unused"]))
    return acquirer.get(Order(GgufReference(file), [kind]), job)


def test_the_new_type_joins_its_model_and_names_its_source(
    store: ModelStore, built: dict[str, Path], tmp_path: Path
) -> None:
    file = tmp_path / "Q8_0.gguf"
    file.write_bytes(built["Q8_0"].read_bytes())
    new = BuiltFile("Q8_0", file, "ab" * 32, file.stat().st_size)
    [installed] = store.add("Some model", [new], key="r1-qwen-7b", repo="o/r", commit="c" * 40)
    source = source_of(installed.path, store)
    assert (source.type, source.key, source.is_quantised) == ("Q8_0", "r1-qwen-7b", True)
    acquired = quantised_anew(store, installed.path, "Q4_0")
    [made] = acquired.models
    assert (made.type, made.key, made.repo) == ("Q4_0", "r1-qwen-7b", "o/r")
    assert acquired.peak_memory_bytes > 0
    assert {model.type for model in store.find("r1-qwen-7b")} == {"Q8_0", "Q4_0"}
    output = next(o for o in read_manifest(made.path.parent).outputs if o.type == "Q4_0")
    assert [(entry.path, entry.sha256) for entry in output.inputs] == [("Q8_0.gguf", "ab" * 32)]
    assert not work_folder(store, source.name, source).exists()


def test_a_full_precision_file_loses_nothing_more(store: ModelStore, built: dict[str, Path]) -> None:
    source = source_of(built["F16"], store)
    assert (source.type, source.name, source.is_quantised) == ("F16", built["F16"].stem, False)


@pytest.mark.parametrize("kind", ["Q4_K_M", "Q4_0", "Q6_K"])
def test_the_size_is_known_before(store: ModelStore, built: dict[str, Path], kind: str) -> None:
    expected = estimated_bytes(inspect(built["F16"]), kind)
    [made] = quantised_anew(store, built["F16"], kind).models
    assert expected == pytest.approx(made.bytes, rel=0.01)


def test_a_cancelled_one_leaves_nothing_in_the_list(store: ModelStore, built: dict[str, Path]) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        quantised_anew(store, built["F16"], "Q4_0", JobContext(cancel=cancel))
    assert store.listing().models == ()
