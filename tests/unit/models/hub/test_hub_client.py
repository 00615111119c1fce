import socket
import threading
from pathlib import Path

import pytest

from models.hub.hub_client import HubClient
from models.hub.retry import RetryPolicy
from models.hub.snapshot import checkpoint_files, choose_gguf, gguf_files
from models.system.errors import Cancelled, StillroomError
from models.system.progress import Progress
from tests.support.hub import LoopbackHub

REPO = "owner/tiny-model"
QUICK = RetryPolicy(attempts=3, first_wait_s=0.01)


@pytest.fixture(autouse=True)
def no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)


def client(hub: LoopbackHub, token: str | None = None) -> HubClient:
    return HubClient(hub.endpoint, token, retry=QUICK)


def test_resolve_gives_commit_files_and_checksums(hub: LoopbackHub, checkpoint: Path) -> None:
    snapshot = client(hub).resolve(REPO)
    assert snapshot.commit == hub.repos[REPO].commit
    assert snapshot.architectures == ("Qwen2ForCausalLM",)
    weights = next(file for file in snapshot.files if file.path == "model-00001-of-00002.safetensors")
    assert (weights.sha256, weights.oid) == hub.hashes(checkpoint / weights.path)
    config = next(file for file in snapshot.files if file.path == "config.json")
    assert config.sha256 is None
    assert client(hub).resolve(REPO, snapshot.commit) == snapshot


def test_endpoint_comes_from_the_environment(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint + "/")
    assert HubClient().endpoint == hub.endpoint


def test_only_the_files_a_checkpoint_needs_are_chosen(hub: LoopbackHub) -> None:
    names = [file.path for file in checkpoint_files(client(hub).resolve(REPO))]
    assert names == [
        "generation_config.json",
        "config.json",
        "tokenizer.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]


def test_a_renamed_repository_is_found_by_its_old_name(hub: LoopbackHub) -> None:
    hub.renamed["old/name"] = REPO
    assert client(hub).resolve("old/name").repo == REPO


def test_a_private_repository_needs_its_token(hub: LoopbackHub) -> None:
    hub.repos[REPO].token = "hf_secret"
    with pytest.raises(StillroomError, match="or it is private") as caught:
        client(hub).resolve(REPO)
    assert "HF_TOKEN" in caught.value.hint_text()
    assert client(hub, "hf_secret").resolve(REPO).repo == REPO


@pytest.mark.parametrize(
    ("repo", "revision", "message"),
    [
        ("owner/missing", "", "has no model owner/missing"),
        (REPO, "v9", "has no revision v9"),
        ("no/such/id", "", "is no Hugging Face id"),
    ],
)
def test_what_is_missing_is_said(hub: LoopbackHub, repo: str, revision: str, message: str) -> None:
    with pytest.raises(StillroomError, match=message) as caught:
        client(hub).resolve(repo, revision)
    assert caught.value.hint_text()


def test_a_busy_server_is_asked_again_after_its_own_delay(hub: LoopbackHub) -> None:
    hub.fail("metadata", status=429, headers={"Retry-After": "0"})
    hub.fail("metadata", status=503)
    told: list[Progress] = []
    assert client(hub).resolve(REPO, on_progress=told.append).repo == REPO
    assert [(one.stage, one.done, one.detail) for one in told] == [
        ("ask", 1, "127.0.0.1"),
        ("ask", 2, "127.0.0.1"),
    ]
    assert all(one.total >= 3 for one in told)


def test_a_server_that_stays_busy_is_given_up(hub: LoopbackHub) -> None:
    hub.fail("metadata", status=503, times=9)
    with pytest.raises(StillroomError, match="too busy"):
        client(hub).resolve(REPO)


def test_an_answer_that_is_no_hubs_is_said(hub: LoopbackHub) -> None:
    hub.fail("metadata", status=200)
    with pytest.raises(StillroomError, match="not as a model hub does"):
        client(hub).resolve(REPO)


def test_waiting_for_a_busy_server_is_cancelled_at_once(hub: LoopbackHub) -> None:
    hub.fail("metadata", status=429, times=9, headers={"Retry-After": "250"})
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    with pytest.raises(Cancelled):
        client(hub).resolve(REPO, cancel=cancel)


def test_who_waits_for_an_answer_does_not_wait_as_long_as_the_server_likes(hub: LoopbackHub) -> None:
    hub.fail("metadata", status=429, times=9, headers={"Retry-After": "250"})
    cancel = threading.Event()
    waits: list[float | None] = []

    def give_up(progress: Progress) -> None:
        waits.append(progress.remaining_s)
        cancel.set()

    for watched in (True, False):
        cancel.clear()
        with pytest.raises(Cancelled):
            client(hub).get("/api/models", 1 << 20, cancel=cancel, watched=watched, on_progress=give_up)
    assert waits == [10.0, 250.0]


def test_no_connection_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StillroomError, match=r"127\.0\.0\.1 cannot be reached") as caught:
            HubClient(endpoint, retry=QUICK).resolve(REPO)
    assert "internet connection" in caught.value.hint_text()


def test_pickles_alone_are_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "pytorch_model.bin").write_bytes(b"")
    hub.add("owner/pickled", folder)
    with pytest.raises(StillroomError, match="only as pickles"):
        checkpoint_files(client(hub).resolve("owner/pickled"))


def test_choosing_a_gguf(hub: LoopbackHub, tmp_path: Path) -> None:
    folder = tmp_path / "ggufs"
    folder.mkdir()
    for name in ("m.Q4_K_M.gguf", "m.Q4_K_S.gguf", "m.Q8_0-00001-of-00002.gguf", "mmproj-m.gguf"):
        (folder / name).write_bytes(name.encode())
    hub.add("owner/ggufs", folder)
    snapshot = client(hub).resolve("owner/ggufs")
    assert [file.path for file in gguf_files(snapshot)] == ["m.Q4_K_M.gguf", "m.Q4_K_S.gguf"]
    assert choose_gguf(snapshot, "q4_k_s").path == "m.Q4_K_S.gguf"
    assert choose_gguf(snapshot, "m.Q4_K_M.gguf").path == "m.Q4_K_M.gguf"
    with pytest.raises(StillroomError, match="holds 2 GGUF files") as caught:
        choose_gguf(snapshot, "")
    assert "owner/ggufs:FILE" in caught.value.hint_text()
    with pytest.raises(StillroomError, match="no GGUF file for Q6_K"):
        choose_gguf(snapshot, "Q6_K")
    with pytest.raises(StillroomError, match="split GGUF"):
        choose_gguf(snapshot, "m.Q8_0-00001-of-00002.gguf")


def test_an_unsafe_file_name_is_refused(hub: LoopbackHub, checkpoint: Path) -> None:
    (checkpoint / "a\\..\\b.safetensors").write_bytes(b"")
    with pytest.raises(StillroomError, match="unsafe name"):
        client(hub).resolve(REPO)


def test_nothing_but_the_repository_is_asked_for(hub: LoopbackHub) -> None:
    HubClient(hub.endpoint).resolve(REPO)
    assert all(f"/api/models/{REPO}" in path for _, path, _ in hub.requests)
