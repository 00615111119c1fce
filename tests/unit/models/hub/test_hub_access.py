import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from models.hub.hub_access import HubAccess, clean_mirror, clean_proxy, clean_token, masked, reads_along
from models.hub.hub_account import check_access
from models.hub.hub_client import HubClient
from models.hub.range_request import Link
from models.hub.repository_download import download
from models.hub.retry import RetryPolicy
from models.hub.snapshot import checkpoint_files
from models.system.errors import StillroomError
from tests.support.hub import LoopbackHub

REPO = "owner/tiny-model"
TOKEN = "hf_abcdefghijklmnop"
QUICK = RetryPolicy(attempts=1)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("models.hub.hub_client.get_token", lambda: None)


def client(**access: object) -> HubClient:
    return HubClient(retry=QUICK, access=lambda: HubAccess(**access))  # type: ignore[arg-type]


def test_a_mirror_and_a_token_hold_for_the_next_request(hub: LoopbackHub) -> None:
    access = HubAccess("http://127.0.0.1:9")
    made = HubClient(retry=QUICK, access=lambda: access)
    with pytest.raises(StillroomError, match="cannot be reached"):
        made.resolve(REPO)
    hub.repos[REPO].token = TOKEN
    access = HubAccess(hub.endpoint)
    with pytest.raises(StillroomError, match="or it is private"):
        made.resolve(REPO)
    access = HubAccess(hub.endpoint, token=lambda: TOKEN)
    assert made.resolve(REPO).repo == REPO


def test_a_token_is_sent_only_to_the_address_it_was_chosen_with(hub: LoopbackHub) -> None:
    old = HubAccess(hub.endpoint, token=lambda: "hf_old")
    chosen = [old]
    made = HubClient(retry=QUICK, access=lambda: chosen[-1])
    snapshot = made.resolve(REPO)
    hub.requests.clear()
    another = HubAccess("http://127.0.0.1:9", token=lambda: "hf_new")

    async def read() -> None:
        async with httpx.AsyncClient() as client:
            link = Link(client, made, snapshot, checkpoint_files(snapshot)[1])
            chosen.append(another)
            async with link.open(0, 1) as response:
                await response.aread()

    asyncio.run(read())
    assert [headers.get("authorization") for _, _, headers in hub.requests] == ["Bearer hf_old"]


def test_a_mirror_that_changes_while_the_token_is_read_is_not_given_it(hub: LoopbackHub) -> None:
    def unlock() -> str:
        """Take as long as the user takes to choose another mirror and its token."""
        chosen.append(HubAccess(hub.endpoint, token=lambda: TOKEN))
        return "hf_old"

    hub.repos[REPO].token = TOKEN
    chosen = [HubAccess("http://127.0.0.1:9", token=unlock)]
    made = HubClient(retry=QUICK, access=lambda: chosen[-1])
    assert made.resolve(REPO).repo == REPO
    assert all(headers["authorization"] == f"Bearer {TOKEN}" for _, _, headers in hub.requests)


def test_waits_and_tries_again_with_what_it_began_with(hub: LoopbackHub) -> None:
    hub.fail("metadata", status=503)
    chosen = [HubAccess(hub.endpoint, token=lambda: "hf_old")]
    made = HubClient(retry=RetryPolicy(attempts=2, first_wait_s=0.01), access=lambda: chosen[-1])
    another = HubAccess("http://127.0.0.1:9", token=lambda: "hf_new")
    assert made.resolve(REPO, on_progress=lambda _: chosen.append(another)).repo == REPO
    assert [headers["authorization"] for _, _, headers in hub.requests] == ["Bearer hf_old"] * 2


def test_the_environment_goes_before_what_was_chosen(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client(mirror="http://127.0.0.1:9", token=lambda: "hf_chosen")
    assert made.token_and_source() == ("hf_chosen", "settings")
    monkeypatch.setenv("HF_TOKEN", f"{TOKEN}\n")
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    assert made.token_and_source() == (TOKEN, "environment")
    assert made.resolve(REPO).repo == REPO


def test_an_address_that_is_set_to_nothing_is_none() -> None:
    # In a process of its own: huggingface_hub reads the variable when it is imported.
    told = subprocess.run(
        [sys.executable, "-c", "from models.hub.hub_client import HubClient; print(HubClient().endpoint)"],
        env=os.environ | {"HF_ENDPOINT": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "https://huggingface.co"


def test_questions_and_files_go_through_the_proxy(hub: LoopbackHub, tmp_path: Path) -> None:
    """A proxy gets whole addresses, whose host the hub on loopback does not look at."""
    made = client(mirror="http://hub.invalid", proxy=hub.endpoint, token=lambda: TOKEN)
    snapshot = made.resolve(REPO)
    files = download(snapshot, checkpoint_files(snapshot), tmp_path / "out", made)
    assert all(file.path.is_file() for file in files)
    asked = [address for _, address, _ in hub.requests]
    assert all(address.count("http://") == 2 for address in asked)
    assert any("/resolve/" in address for address in asked)


def test_a_proxy_of_a_kind_that_is_not_there_is_told() -> None:
    with pytest.raises(StillroomError, match="the proxy's address is none of the web"):
        client(mirror="http://127.0.0.1:9", proxy="socks5://127.0.0.1:9").resolve(REPO)


def test_a_check_says_whose_the_token_is(hub: LoopbackHub) -> None:
    hub.accounts[TOKEN] = "somebody"
    account = check_access(client(mirror=hub.endpoint, token=lambda: TOKEN))
    assert (account.name, account.token_name, account.role) == ("somebody", "for-stillroom", "read")
    assert account.source == "settings"
    assert check_access(client(mirror=hub.endpoint)).name == ""


def test_a_check_says_why_not(hub: LoopbackHub) -> None:
    with pytest.raises(StillroomError, match="does not know this access token"):
        check_access(client(mirror=hub.endpoint, token=lambda: "hf_wrong"))
    with pytest.raises(StillroomError, match="cannot be reached"):
        check_access(client(mirror="http://127.0.0.1:9"))
    with pytest.raises(StillroomError, match="not as a model hub"):
        check_access(client(mirror=f"{hub.endpoint}/nothing"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", ""),
        ("  hf-mirror.com/ ", "https://hf-mirror.com"),
        ("http://127.0.0.1:8000/hub/", "http://127.0.0.1:8000/hub"),
    ],
)
def test_a_mirror_is_an_address_of_the_web(text: str, address: str) -> None:
    assert clean_mirror(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "ftp://host",
        "https://",
        "a b",
        "https://host:0",
        "https://host:99999",
        "https://h/?a=1",
        "x" * 400,
        "hö.de",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(StillroomError, match="no address"):
        clean_mirror(text)
    with pytest.raises(StillroomError, match="no address"):
        clean_proxy(text)


def test_a_password_is_no_part_of_an_address() -> None:
    with pytest.raises(StillroomError, match="no place for secrets") as caught:
        clean_proxy("http://me:secret@proxy:3128")
    assert "secret@" not in str(caught.value)
    assert clean_proxy("proxy:3128") == "http://proxy:3128"
    assert reads_along("http://mirror.example")
    assert not reads_along("http://127.0.0.1:8")


@pytest.mark.parametrize(
    "text",
    [
        "socks5://me:secret@host",
        "http://me:secret@host:99999",
        "http://me:sec/ret@host",
        "http:/me:secret@host",
        "http://me:secret@[host",
        "http://me:secret@h\u00f6st",
        "me:secret@host:0",
    ],
)
def test_a_password_is_never_quoted(text: str) -> None:
    for clean in (clean_mirror, clean_proxy):
        with pytest.raises(StillroomError, match="no place for secrets") as caught:
            clean(text)
        assert "ret" not in str(caught.value).replace("secrets", "")


def test_a_token_is_shown_masked_and_checked_before_it_is_sent() -> None:
    assert masked(TOKEN) == "hf_••••••••mnop"
    assert masked("short") == "••••••••"
    assert clean_token(f" {TOKEN}\n") == TOKEN
    for wrong in ("two words", "line\nbreak", "hf_ключ", "x" * 600):
        with pytest.raises(StillroomError, match="no access token"):
            clean_token(wrong)
