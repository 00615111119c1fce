import ipaddress

import pytest

from app.engine.protocol import RpcServer
from app.engine.rpc.rpc_address import DEFAULT_PORT, RpcError, is_local, numeric_endpoint, parse_address


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("192.168.1.20:50052", "192.168.1.20", 50052),
        ("192.168.1.20", "192.168.1.20", DEFAULT_PORT),
        (" den-pc.local:7000 ", "den-pc.local", 7000),
    ],
)
def test_an_address_is_a_host_with_or_without_a_port(address: str, host: str, port: int) -> None:
    assert parse_address(address) == (host, port)


@pytest.mark.parametrize(
    "address",
    ["", ":50052", "pc:", "pc:0", "pc:65536", "pc:x", "pc:-1", "pc:5 0", "a b", "http://pc", "pc/x:1"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(RpcError, match="no address"):
        parse_address(address)


@pytest.mark.parametrize("address", ["::1", "[fe80::1]:50052"])
def test_ipv6_is_refused_in_words(address: str) -> None:
    with pytest.raises(RpcError, match="IPv6"):
        parse_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "172.16.3.4", "192.168.0.2", "169.254.10.1"])
def test_private_networks_are_local(address: str) -> None:
    assert is_local(ipaddress.IPv4Address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "100.64.0.1", "193.168.0.2"])
def test_an_address_of_the_internet_is_refused_unless_the_user_insists(address: str) -> None:
    with pytest.raises(RpcError, match="neither password nor encryption"):
        numeric_endpoint(RpcServer(f"{address}:50052"))
    assert numeric_endpoint(RpcServer(f"{address}:50052", anywhere=True)) == f"{address}:50052"


def test_a_name_becomes_one_address_for_good() -> None:
    assert numeric_endpoint(RpcServer("localhost:50060")) == "127.0.0.1:50060"


def test_an_unknown_name_is_said() -> None:
    # RFC 6761: .invalid never resolves.
    with pytest.raises(RpcError, match=r"nobody\.invalid"):
        numeric_endpoint(RpcServer("nobody.invalid"))
