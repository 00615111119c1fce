"""`stillroom lend`: lets another computer put a part of its model onto this one."""

import argparse
import ipaddress
import socket
import threading

import msgspec
import psutil

from app.base.children import child_command
from app.base.errors import Cancelled
from app.commands.terminal.arguments import at_least_one
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import WAKE_S, Console, WrongUse
from app.engine.rpc.rpc_address import DEFAULT_PORT, is_local, parse_address
from app.engine.rpc.rpc_lending import RpcLending, RpcServe
from models.system.cores import physical_cores
from models.system.units import byte_count

NAME = "lend"
SUMMARY = "let another computer put a part of its model onto this one, until Ctrl+C"
EXAMPLE = "stillroom lend --host 192.168.1.20\n  (there) stillroom chat MODEL --rpc 192.168.1.20"


class LendResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document, written once the other computer can connect."""

    endpoint: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the address, the port and the number of threads."""
    parser.add_argument("--host", metavar="ADDRESS", help="this computer's own IPv4 address to listen on")
    parser.add_argument("--port", type=at_least_one, default=DEFAULT_PORT, metavar="N", help="%(default)s")
    parser.add_argument("--threads", type=at_least_one, metavar="N", help="threads, where it has no card")
    parser.add_argument(
        "--anywhere",
        action="store_true",
        help="listen on an address outside the local network too, although there is no password",
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Run llama.cpp's rpc-server until Ctrl+C."""
    endpoint = _endpoint(options)
    threads = options.threads or physical_cores()
    lending = RpcLending(child_command("rpc_server"), RpcServe(endpoint=endpoint, threads=threads))
    try:
        lending.wait_until_it_answers(cancel)
        console.document(LendResult(endpoint=endpoint))
        console.say(
            f"Lending this computer at {endpoint} ({byte_count(psutil.virtual_memory().available)} of memory "
            "free). There is neither password nor encryption: whoever can reach this address can use it, "
            "read what is computed, and take over this program. Keep it inside a network that you trust.\n"
            "Ctrl+C ends it."
        )
        while not cancel.wait(WAKE_S):
            lending.check()
    finally:
        lending.close()
    raise Cancelled


def _endpoint(options: argparse.Namespace) -> str:
    if options.host is None:
        raise WrongUse(f"Say with --host which address to listen on: {', '.join(_own_addresses())}.")
    host, _ = parse_address(options.host)
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        raise WrongUse(
            f"{host} is no IPv4 address; this computer has {', '.join(_own_addresses())}."
        ) from None
    if (address.is_unspecified or not is_local(address)) and not options.anywhere:
        raise WrongUse(
            f"{host} can be reached from outside the local network. There is no password: choose one of "
            f"{', '.join(_own_addresses())}, or insist with --anywhere."
        )
    return f"{address}:{options.port}"


def _own_addresses() -> list[str]:
    found = [
        each.address
        for addresses in psutil.net_if_addrs().values()
        for each in addresses
        if each.family == socket.AF_INET and is_local(ipaddress.IPv4Address(each.address))
    ]
    return sorted(found, key=lambda address: address.startswith("127.")) or ["127.0.0.1"]
