import contextlib
import hashlib
import logging
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from models.hub.file_download import TransferOptions
from models.hub.hub_client import HubClient
from models.hub.repository_download import LocalFile, download
from models.hub.retry import RetryPolicy
from models.hub.snapshot import checkpoint_files
from models.system.disk_space import DiskFullError
from models.system.errors import Cancelled, StillroomError
from models.system.progress import JobContext, Progress
from tests.support.hub import LoopbackHub

REPO = "owner/tiny-model"
FIRST = "model-00001-of-00002.safetensors"
SECOND = "model-00002-of-00002.safetensors"
OPTIONS = TransferOptions(
    segment_bytes=1 << 20, stall_s=0.5, retry=RetryPolicy(attempts=4, first_wait_s=0.01, longest_wait_s=0.05)
)


class Downloads:
    """Downloads the test's repository, and knows what was reported."""

    def __init__(self, hub: LoopbackHub, folder: Path) -> None:
        self.hub = hub
        self.folder = folder
        self.reports: list[Progress] = []

    def run(
        self,
        cancel: threading.Event | None = None,
        token: str | None = None,
        options: TransferOptions = OPTIONS,
    ) -> list[LocalFile]:
        client = HubClient(self.hub.endpoint, token, retry=OPTIONS.retry)
        snapshot = client.resolve(REPO)
        return download(
            snapshot,
            checkpoint_files(snapshot),
            self.folder,
            client,
            JobContext(self.reports.append, cancel),
            options=options,
        )

    def named(self) -> set[str]:
        """Everything that has its final name."""
        ours = ("download.json", ".download.lock")
        return {
            path.name
            for path in self.folder.iterdir()
            if not path.name.endswith((".part", ".journal")) and path.name not in ours
        }


@pytest.fixture
def downloads(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Downloads:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return Downloads(hub, tmp_path / "out")


def assert_whole(files: list[LocalFile], checkpoint: Path) -> None:
    assert [file.name for file in files][-2:] == [FIRST, SECOND]
    for file in files:
        content = (checkpoint / file.name).read_bytes()
        assert file.path.read_bytes() == content
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert file.bytes == len(content)
    assert not list(files[0].path.parent.glob("*.part*"))


def test_downloads_in_parallel_ranges_and_verifies(downloads: Downloads, checkpoint: Path) -> None:
    files = downloads.run()
    assert_whole(files, checkpoint)
    ranges = [
        headers["range"] for _, url, headers in downloads.hub.requests if f"storage/{REPO}/{FIRST}" in url
    ]
    assert len(ranges) == 4
    assert downloads.hub.bytes_served[FIRST] == (checkpoint / FIRST).stat().st_size
    assert downloads.reports[-1].stage in ("download", "verify")


def test_a_second_download_fetches_nothing(downloads: Downloads, checkpoint: Path) -> None:
    downloads.run()
    before = downloads.hub.bytes_served.copy()
    assert_whole(downloads.run(), checkpoint)
    assert downloads.hub.bytes_served == before


def test_a_file_changed_on_disk_is_noticed_and_fetched_again(downloads: Downloads, checkpoint: Path) -> None:
    downloads.run()
    with (downloads.folder / FIRST).open("r+b") as file:
        file.write(b"damage")
    assert_whole(downloads.run(), checkpoint)


def test_files_without_a_record_are_checked_and_kept(downloads: Downloads, checkpoint: Path) -> None:
    downloads.run()
    (downloads.folder / "download.json").write_text("{ damaged")
    before = downloads.hub.bytes_served.copy()
    assert_whole(downloads.run(), checkpoint)
    assert downloads.hub.bytes_served == before


def test_a_stranger_of_the_same_name_is_left_alone(downloads: Downloads) -> None:
    downloads.folder.mkdir()
    (downloads.folder / "config.json").write_text("somebody's work")
    with pytest.raises(StillroomError, match="exists already and is another file"):
        downloads.run()
    assert (downloads.folder / "config.json").read_text() == "somebody's work"


def test_cancel_keeps_what_arrived(downloads: Downloads, checkpoint: Path) -> None:
    downloads.hub.bytes_per_s = 4e6
    cancel = threading.Event()

    def stop() -> None:
        downloads.hub.wait_served(FIRST, 1 << 20)
        cancel.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Cancelled):
        downloads.run(cancel)
    stopper.join()
    assert FIRST not in downloads.named()
    downloads.hub.bytes_per_s = 0
    assert_whole(downloads.run(), checkpoint)
    twice = downloads.hub.bytes_served[FIRST] - (checkpoint / FIRST).stat().st_size
    assert twice <= 1 << 20


def test_cancel_ends_a_wait_and_a_silent_connection(downloads: Downloads) -> None:
    for fault in ("status", "stall"):
        downloads.hub.fail(fault, FIRST, status=429, headers={"Retry-After": "250"}, after=1000)
        cancel = threading.Event()
        threading.Timer(0.3, cancel.set).start()
        with pytest.raises(Cancelled):
            downloads.run(cancel, options=TransferOptions(stall_s=250))


def test_a_cancelled_start_does_nothing(downloads: Downloads) -> None:
    cancel = threading.Event()
    cancel.set()
    client = HubClient(downloads.hub.endpoint)
    snapshot = client.resolve(REPO)
    with pytest.raises(Cancelled):
        download(snapshot, checkpoint_files(snapshot), downloads.folder, client, JobContext(cancel=cancel))
    assert downloads.named() == set()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("status", {"status": 429, "headers": {"Retry-After": "0"}}),
        ("status", {"status": 503, "times": 3}),
        ("storage-status", {"status": 500, "times": 2}),
        ("storage-status", {"status": 404}),
        ("expire", {"times": 2}),
        ("cut", {"after": 300_000, "times": 3}),
        ("cut", {"after": 0}),
        ("stall", {"after": 200_000, "times": 2}),
    ],
)
def test_passing_faults_are_survived(
    downloads: Downloads, checkpoint: Path, kind: str, values: dict[str, object]
) -> None:
    downloads.hub.fail(kind, FIRST, **values)
    assert_whole(downloads.run(), checkpoint)


@pytest.mark.parametrize("token", ["", "hf_topsecret"])
def test_an_expired_link_to_the_hubs_own_host_is_asked_for_anew(
    downloads: Downloads, checkpoint: Path, token: str
) -> None:
    downloads.hub.stores_itself = True
    downloads.hub.repos[REPO].token = token
    downloads.hub.fail("expire", FIRST, times=2)
    assert_whole(downloads.run(token=token), checkpoint)


def test_a_repository_that_closes_meanwhile_is_gated_and_not_tried_again(
    downloads: Downloads, checkpoint: Path
) -> None:
    downloads.hub.stores_itself = True
    downloads.hub.repos[REPO].gated = True
    with pytest.raises(StillroomError, match="accept its terms"):
        downloads.run()


def test_a_connection_that_is_cut_goes_on_at_the_byte(downloads: Downloads, checkpoint: Path) -> None:
    downloads.hub.fail("cut", FIRST, after=300_000, times=3)
    downloads.run()
    assert downloads.hub.bytes_served[FIRST] == (checkpoint / FIRST).stat().st_size


def test_a_server_without_ranges_is_read_in_one_go(downloads: Downloads, checkpoint: Path) -> None:
    downloads.hub.fail("whole", FIRST, times=99)
    assert_whole(downloads.run(), checkpoint)


def test_a_server_without_ranges_that_cuts_each_time_is_given_up(downloads: Downloads) -> None:
    downloads.hub.fail("whole", FIRST, times=99)
    downloads.hub.fail("cut", FIRST, after=300_000, times=99)
    with pytest.raises(StillroomError, match="cannot be reached"):
        downloads.run()
    assert FIRST not in downloads.named()


def test_one_wrong_bit_is_noticed_and_mended(downloads: Downloads, checkpoint: Path) -> None:
    downloads.hub.fail("corrupt", FIRST)
    downloads.hub.fail("corrupt", "tokenizer.json")
    assert_whole(downloads.run(), checkpoint)


def test_a_file_that_stays_wrong_never_gets_its_name(downloads: Downloads) -> None:
    downloads.hub.fail("corrupt", FIRST, times=99)
    with pytest.raises(StillroomError, match="arrived damaged twice"):
        downloads.run()
    assert downloads.named() == {"config.json", "tokenizer.json", "generation_config.json"}


def test_a_server_that_stays_away_is_given_up_and_what_arrived_is_kept(
    downloads: Downloads, checkpoint: Path
) -> None:
    fault = downloads.hub.fail("storage-status", SECOND, status=503, times=999)
    with pytest.raises(StillroomError, match="cannot be reached"):
        downloads.run()
    fault.times = 0
    assert FIRST in downloads.named()
    assert_whole(downloads.run(), checkpoint)


def test_connections_that_fail_together_count_as_one_failure(downloads: Downloads, checkpoint: Path) -> None:
    # Four connections, four attempts: three rounds in which all fail, then the server is back.
    downloads.hub.fail("storage-status", FIRST, status=503, times=12, together=threading.Barrier(4))
    assert_whole(downloads.run(options=replace(OPTIONS, stall_s=20.0)), checkpoint)


def test_a_folder_that_cannot_be_written_is_said(downloads: Downloads) -> None:
    downloads.folder.write_text("a file in its place")
    with pytest.raises(StillroomError, match="cannot be written") as caught:
        downloads.run()
    assert "Check that the folder" in caught.value.hint_text()


@pytest.mark.parametrize("kind", ["moved", "gone"])
def test_a_file_changed_on_the_server_is_said(downloads: Downloads, kind: str) -> None:
    downloads.hub.fail(kind, FIRST, times=99)
    with pytest.raises(StillroomError, match="has changed on the server") as caught:
        downloads.run()
    assert "Start the download again" in caught.value.hint_text()


def test_a_new_commit_keeps_the_files_that_are_the_same(downloads: Downloads, checkpoint: Path) -> None:
    downloads.run()
    before = downloads.hub.bytes_served[FIRST]
    (checkpoint / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    downloads.hub.repos[REPO].commit = "b" * 40
    assert_whole(downloads.run(), checkpoint)
    assert downloads.hub.bytes_served[FIRST] == before


def test_gated_files_say_where_to_accept(downloads: Downloads) -> None:
    downloads.hub.repos[REPO].gated = True
    with pytest.raises(StillroomError, match="accept its terms") as caught:
        downloads.run()
    assert f"/{REPO}" in caught.value.hint_text()


def test_redirects_in_a_circle_end(downloads: Downloads) -> None:
    downloads.hub.fail("loop", FIRST, times=999)
    with pytest.raises(StillroomError, match="redirects in a circle"):
        downloads.run()


def test_the_token_goes_to_the_hub_only_and_into_no_log(
    downloads: Downloads, checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    downloads.hub.repos[REPO].token = "hf_topsecret"
    downloads.hub.fail("expire", FIRST)
    with caplog.at_level(logging.INFO):
        assert_whole(downloads.run(token="hf_topsecret"), checkpoint)
    at_hub = [h for _, url, h in downloads.hub.requests if url.startswith(downloads.hub.endpoint)]
    at_storage = [h for _, url, h in downloads.hub.requests if url.startswith(downloads.hub.storage)]
    assert at_hub
    assert at_storage
    assert all(headers["authorization"] == "Bearer hf_topsecret" for headers in at_hub)
    assert not any("authorization" in headers for headers in at_storage)
    assert "topsecret" not in caplog.text
    assert "signature" not in caplog.text


def test_too_little_disk_space_is_said_before_a_byte_is_fetched(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(downloads.folder.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(DiskFullError, match=r"[\d.]+ MB more are needed, and 1\.0 MB are free"):
        downloads.run()
    assert not downloads.hub.bytes_served


def test_two_downloads_into_one_folder_do_not_mix(downloads: Downloads, checkpoint: Path) -> None:
    downloads.hub.bytes_per_s = 4e6
    cancel = threading.Event()

    def first() -> None:
        with contextlib.suppress(Cancelled):
            downloads.run(cancel)

    other = threading.Thread(target=first)
    other.start()
    downloads.hub.wait_served(FIRST, 1)
    with pytest.raises(StillroomError, match="Another Stillroom is downloading"):
        downloads.run()
    cancel.set()
    other.join()


def test_proxies_of_the_environment_are_used(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    client = HubClient(downloads.hub.endpoint, retry=OPTIONS.retry)
    snapshot = client.resolve(REPO)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(StillroomError, match="cannot be reached"):
        download(snapshot, checkpoint_files(snapshot), downloads.folder, client, options=OPTIONS)
