import os
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from app.base.paths import AppPaths
from app.server.access.discovery import Discovery, announce_server, find_server, withdraw_server

KEY = "a-key"


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    return AppPaths(tmp_path / "data", tmp_path / "config", tmp_path / "cache", tmp_path / "logs")


def announce(paths: AppPaths) -> Discovery:
    return announce_server(paths, url="http://127.0.0.1:1", key=KEY, version="1")


def put(paths: AppPaths, **changes: object) -> None:
    found = msgspec.structs.replace(announce(paths), **changes)
    paths.server_file.write_bytes(msgspec.json.encode(found))


def test_a_running_server_is_found(paths: AppPaths) -> None:
    announced = announce(paths)
    assert find_server(paths) == announced
    assert (announced.url, announced.key, announced.pid) == ("http://127.0.0.1:1", KEY, os.getpid())


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the user's folders to the user")
def test_only_the_user_may_read_the_key(paths: AppPaths) -> None:
    previous = os.umask(0)
    try:
        announce(paths)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(paths.server_file.stat().st_mode) == 0o600


def test_nothing_is_found_after_the_server_ended(paths: AppPaths) -> None:
    withdraw_server(paths, announce(paths))
    assert find_server(paths) is None
    assert list(paths.data.iterdir()) == []


def test_the_file_of_another_server_stays(paths: AppPaths) -> None:
    first = announce(paths)
    put(paths, url="http://127.0.0.1:2")
    withdraw_server(paths, first)
    assert find_server(paths) is not None


def test_the_file_of_a_dead_process_counts_for_nothing(paths: AppPaths) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    put(paths, pid=child.pid)
    assert find_server(paths) is None


def test_a_process_that_got_the_number_later_is_not_the_server(paths: AppPaths) -> None:
    put(paths, started="2001-01-01T00:00:00+00:00")
    assert find_server(paths) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"url": 1}', b"\xff", b'{"pid": 99999999999999999999}'])
def test_a_damaged_file_counts_for_nothing(paths: AppPaths, text: bytes) -> None:
    announce(paths)
    paths.server_file.write_bytes(text)
    assert find_server(paths) is None


@pytest.mark.parametrize("pid", [-1, 0, 2**62])
def test_a_number_that_is_no_process_counts_for_nothing(paths: AppPaths, pid: int) -> None:
    put(paths, pid=pid, started="2001-01-01T00:00:00+00:00")
    assert find_server(paths) is None
