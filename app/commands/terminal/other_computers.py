"""The options that let other computers help with a model."""

import argparse

import msgspec

from app.engine.protocol import LoadSettings, RpcServer
from app.engine.rpc.rpc_address import RpcError, numeric_endpoint, parse_address


def add_rpc_arguments(parser: argparse.ArgumentParser) -> None:
    """`--rpc HOST:PORT`, once for each computer, and `--rpc-anywhere`."""
    parser.add_argument(
        "--rpc",
        action="append",
        type=_address,
        default=[],
        metavar="HOST:PORT",
        help="another computer that runs llama.cpp's rpc-server, to take a part of the model; repeatable",
    )
    parser.add_argument(
        "--rpc-anywhere",
        action="store_true",
        help="allow --rpc outside the local network, although it has neither password nor encryption",
    )


def rpc_servers(options: argparse.Namespace) -> tuple[RpcServer, ...]:
    """The computers that the command line names."""
    return tuple(RpcServer(address, options.rpc_anywhere) for address in options.rpc)


def with_rpc(settings: LoadSettings, options: argparse.Namespace) -> LoadSettings:
    """`settings` with the computers of the command line, which help in any case, in place of its own.

    Raises `RpcError` for a name that nobody has, and for an address outside the local network.
    """
    servers = rpc_servers(options)
    if not servers:
        return settings
    for server in servers:
        numeric_endpoint(server)
    return msgspec.structs.replace(settings, rpc_servers=servers, rpc_use="always")


def _address(text: str) -> str:
    try:
        parse_address(text)
    except RpcError as error:
        raise argparse.ArgumentTypeError(f"{error} {error.hint_text()}") from None
    return text.strip()
