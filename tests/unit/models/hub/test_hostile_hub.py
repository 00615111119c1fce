"""A hub's impossible answer gets one sentence at once. Corpus: tests/faults/test_hostile_answers.py."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from models.hub.bounded_http import AnswerError, ask
from models.hub.file_download import TransferOptions
from models.hub.hub_client import HubClient
from models.hub.repository_download import download
from models.hub.retry import RetryPolicy, server_wait_s
from models.hub.snapshot import RemoteFile, Snapshot
from models.hub.weight_headers import fetch_weight_headers
from models.system.errors import StillroomError
from models.system.units import byte_count
from tests.support.hostile_answers import COMMIT, CONTENT, FILE, REPO, SHA256, bomb, cases
from tests.support.raw_server import RawServer, http

PATIENT = RetryPolicy(attempts=10, first_wait_s=5.0)
"""With its waits a test that is not judged at once takes a minute."""

AT_ONCE = {
    "metadata: no JSON": "not as a model hub does",
    "metadata: no UTF-8": "not as a model hub does",
    "metadata: deep lists": "not as a model hub does",
    "id 0: '7'": "not as a model hub does",
    "id 6: 'a/b/c'": "not as a model hub does",
    "name 0: '7'": "not as a model hub does",
    "name 9: 'a\\x1b[31mb'": "unsafe name",
    "size 1: -1": "not as a model hub does",
    "size 5: 184467440": "not as a model hub does",
    "sha256 2": "not as a model hub does",
    "name of a device: 'nul.safetensors'": "cannot be stored",
    "names that differ in case": "cannot be stored",
    "packed as 'br'": "not asked for",
    "no HTTP, about a repository": "no HTTP",
    "no HTTP, for a file": "no HTTP",
    "redirect to a file, resolve": "none of the web",
    "redirect to FTP, download": "none of the web",
    "redirect to a script, download": "none of the web",
    "redirect to a port of 2^20, download": "none of the web",
    "302 Found without Location, download": "without an address",
    "302 Found without Location, header": "without an address",
    "302 Found without Location, resolve": "without an address",
    "range 4": "another part of the file",
    "range 8": "another part of the file",
}
"""Cases of the corpus, and what their sentence says."""


@pytest.fixture
def hub() -> Iterator[RawServer]:
    by_name = {case.name: case.sent for case in cases()}

    def say(path: str, headers: dict[str, str]) -> Iterable[bytes]:
        sent = by_name[list(AT_ONCE)[int(path.split("/")[1])]]
        return [sent] if isinstance(sent, bytes) else sent()

    with RawServer(say) as server:
        yield server


def snapshot_of(size: int = len(CONTENT)) -> Snapshot:
    return Snapshot(REPO, COMMIT, (RemoteFile(FILE, size, SHA256, "b" * 40),))


@pytest.mark.parametrize("name", list(AT_ONCE))
def test_a_hostile_answer_gets_one_sentence_at_once(name: str, hub: RawServer, tmp_path: Path) -> None:
    client = HubClient(f"{hub.endpoint}/{list(AT_ONCE).index(name)}", retry=PATIENT)
    options = TransferOptions(retry=PATIENT)
    with pytest.raises(StillroomError, match=AT_ONCE[name]) as refused:  # noqa: PT012 - one of three questions
        case = next(case for case in cases() if case.name == name)
        if case.asks == "resolve":
            client.resolve(REPO)
        elif case.asks == "header":
            fetch_weight_headers(
                snapshot_of(10**9), snapshot_of(10**9).files, tmp_path, client, options=options
            )
        else:
            found = client.resolve(REPO) if name.startswith("name") else snapshot_of()
            download(found, found.files, tmp_path / "out", client, options=options)
    assert refused.value.hint
    assert str(refused.value).isprintable()
    assert len(hub.requests) <= 2
    assert not (tmp_path / "out" / FILE).exists()


def test_a_packed_answer_is_unpacked_no_further_than_it_may_be() -> None:
    head = http(length=False, Content_Encoding="gzip")
    with (
        RawServer(lambda path, headers: [head, *bomb(256 << 20)]) as server,
        pytest.raises(AnswerError, match=f"more than {byte_count(1 << 20)}"),
    ):
        ask(server.endpoint, 1 << 20)


def test_a_body_without_end_ends_where_the_file_does(tmp_path: Path) -> None:
    def say(path: str, headers: dict[str, str]) -> Iterator[bytes]:
        yield http(length=False)
        while True:
            yield bytes(65536)

    with RawServer(say) as server:
        client = HubClient(server.endpoint, retry=PATIENT)
        with pytest.raises(StillroomError, match="arrived damaged twice"):
            download(snapshot_of(), snapshot_of().files, tmp_path / "out", client)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1000


def test_the_token_goes_to_the_hub_alone(tmp_path: Path) -> None:
    with (
        RawServer(lambda path, headers: [http(b"{}", "404 x")]) as other,
        RawServer(lambda path, headers: [http(status="302 Found", Location=other.endpoint)]) as hub,
    ):
        client = HubClient(hub.endpoint, "hf_secret", retry=RetryPolicy(attempts=1))
        with pytest.raises(StillroomError):
            client.resolve(REPO)
        with pytest.raises(StillroomError):
            download(
                snapshot_of(),
                snapshot_of().files,
                tmp_path,
                client,
                options=TransferOptions(retry=RetryPolicy(attempts=1)),
            )
    assert all(headers["authorization"] == "Bearer hf_secret" for _, headers in hub.requests)
    assert len(other.requests) == 2
    assert not [headers for _, headers in other.requests if "authorization" in headers]


def test_an_address_that_is_none_is_said_without_asking() -> None:
    for endpoint in ("ftp://127.0.0.1", "http://127.0.0.1:99999", "http://[", "nonsense"):
        with pytest.raises(StillroomError, match="does not send what was asked for"):
            HubClient(endpoint, retry=PATIENT).resolve(REPO)


@pytest.mark.parametrize("value", ["\xb2", "-1", "x", "Fri, 31 Dec 0001 23:59:59 +2359"])
def test_an_odd_wait_of_the_server_is_no_error(value: str) -> None:
    assert server_wait_s({"Retry-After": value}) in (None, 0.0)
