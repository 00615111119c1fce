"""Other computers on the command line: named, refused, lent, with real rpc-servers on loopback."""

import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.support.cli import ROOT, Cli
from tests.support.rpc_server import free_port, rpc_server


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def test_an_address_of_the_internet_is_refused_before_anything_connects(cli: Cli) -> None:
    ran = cli("chat", "starter", "Hello", "--rpc", "8.8.8.8")
    assert ran.code == 1
    assert not ran.out
    assert "neither password nor encryption" in ran.err
    assert "allow this address expressly" in ran.err


@pytest.mark.parametrize("address", ["::1", "pc:0", "http://pc"])
def test_what_is_no_address_is_wrong_use(cli: Cli, address: str) -> None:
    ran = cli("chat", "starter", "Hello", "--rpc", address)
    assert ran.code == 2
    assert "192.168.1.20:50052" in ran.err


@pytest.mark.rpc
def test_doctor_shows_another_computer_with_its_memory_and_one_that_does_not_answer(cli: Cli) -> None:
    silent = f"127.0.0.1:{free_port()}"
    with rpc_server() as den:
        ran = cli("doctor", "--json", "--rpc", den.endpoint, "--rpc", silent)
    found = ran.json()
    (there,) = (device for device in found["backends"] if device["backend"] == "RPC")
    assert there["description"] == den.endpoint
    assert there["memory_free_bytes"] > 0
    (problem,) = (problem for problem in found["problems"] if problem["key"] == "other_computer")
    assert silent in problem["message"]
    libraries = {library["name"]: library["loaded"] for library in found["libraries"]}
    assert libraries["CPU"]
    assert libraries["RPC"]


@pytest.mark.rpc
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_a_lent_computer_answers_until_it_is_interrupted(cli: Cli) -> None:
    with rpc_server():
        pass  # skips where llama.cpp has no RPC
    port = str(free_port())
    command = cli.command("lend", "--host", "127.0.0.1", "--port", port, "--threads", "1", "--json")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=cli.environment(), cwd=ROOT
    ) as lending:
        assert lending.stdout is not None
        try:
            document = b"".join(iter(lending.stdout.readline, b"}\n")) + b"}"
            endpoint = msgspec.json.decode(document)["endpoint"]
            options = ("--temperature", "0", "--max-tokens", "8", "--threads", "1", "--json")
            ran = cli("chat", "starter", "Why is the sky blue?", "--rpc", endpoint, *options)
        finally:
            lending.send_signal(signal.SIGINT)
    assert lending.returncode == 130
    assert endpoint == f"127.0.0.1:{port}"
    assert ran.json()["backend"] == "RPC"
    assert ran.json()["completion_tokens"] == 8


@pytest.mark.parametrize("host", ["0.0.0.0", "8.8.8.8"])
def test_lending_to_everybody_is_refused(cli: Cli, host: str) -> None:
    ran = cli("lend", "--host", host)
    assert ran.code == 2
    assert "There is no password" in ran.err


def test_lending_asks_for_the_address(cli: Cli) -> None:
    ran = cli("lend")
    assert ran.code == 2
    assert "127.0.0.1" in ran.err
