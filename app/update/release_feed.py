"""Find a newer Stillroom and fetch its installer, verified. Nothing here runs unless the user asks.

A release's workflow writes `release.json` (packaging/release) and signs it; the bundle carries the
address and the public key. Only what the key has signed is believed, and a downloaded file must have the
sha256 that stands there. Installing is the user's own step.
"""

import importlib.metadata
import json
import platform
import re
import sys
import threading
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import httpx
import msgspec
from msgspec import Meta

from app.base.errors import StillroomError
from models.hub.bounded_http import AnswerError, ask
from models.hub.file_names import is_unsafe
from models.hub.hub_access import TokenSource
from models.hub.hub_client import HubClient
from models.hub.hub_errors import raise_if_not_let_through
from models.hub.snapshot import RemoteFile, Snapshot
from models.system.progress import UNWATCHED, JobContext
from models.system.shown_text import shown

LARGEST_FEED_BYTES = 1 << 20


class ReleaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the release. `kind` says for whom: "linux-deb", "linux-run" or "windows-setup", on other
    processors than x86-64 "linux-aarch64-deb"."""

    kind: str
    name: Annotated[str, Meta(max_length=200)]
    bytes: Annotated[int, Meta(ge=0, le=2**40)]
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """The newest release, as its signed `release.json` describes it; `notes` is Markdown."""

    version: Annotated[str, Meta(max_length=40)]
    notes: str
    files: Annotated[list[ReleaseFile], Meta(max_length=100)]


@dataclass(frozen=True, slots=True)
class ReleasePlace:
    """The address of the releases, and the Ed25519 key (32 bytes) that signs what is said about them."""

    address: str
    public_key: bytes


def release_place() -> ReleasePlace:
    """Read it from the bundle. Raises `StillroomError` in a source tree and in a bundle made by hand."""
    place = files("resources") / "release_place.json"
    if not place.is_file():
        raise StillroomError(
            "This Stillroom does not come from a release, so it does not know where newer ones are.",
            "Get a newer one where you got this one.",
        )
    found = json.loads(place.read_text("utf-8"))
    return ReleasePlace(found["address"], bytes.fromhex(found["public_key"]))


def newest_release(place: ReleasePlace, cancel: threading.Event | None = None) -> Release:
    """Ask for the newest release; blocks (`models.hub.bounded_http`). Sends nothing but the request itself.

    Raises `StillroomError` when nobody answers, and when what comes was not signed by the key; `Cancelled`.
    """
    # Read where it is used: its library takes longer to load than `stillroom list` takes.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    feed = _fetch(place, "release.json", cancel)
    try:
        Ed25519PublicKey.from_public_bytes(place.public_key).verify(
            _fetch(place, "release.json.sig", cancel), feed
        )
        return msgspec.json.decode(feed, type=Release)
    except (InvalidSignature, msgspec.DecodeError, ValueError, RecursionError) as error:
        raise StillroomError(
            "What {address} says about releases is not signed by Stillroom's key, so it is not believed.",
            "Try again later. If it stays so, get the release by hand and compare its checksum.",
            address=place.address,
        ) from error


def installed_version() -> str:
    """This Stillroom's version."""
    return importlib.metadata.version("stillroom")


def is_newer(version: str, than: str) -> bool:
    """Tell whether `version` comes after `than`: by the numbers; 1.0rc1 comes before 1.0."""
    return _order(version) > _order(than)


def installer_of(release: Release, kind: str) -> ReleaseFile | None:
    """The release's file for a computer of this kind."""
    return next((file for file in release.files if file.kind == kind), None)


def installed_kind(program: Path | None = None) -> str:
    """Return the kind of installer that this Stillroom came with; a package's files are the system's."""
    if sys.platform == "win32":
        return "windows-setup"
    machine = platform.machine()
    system = "linux" if machine == "x86_64" else f"linux-{machine}"
    return f"{system}-{'deb' if (program or Path(sys.executable)).is_relative_to('/usr') else 'run'}"


def fetch_installer(
    place: ReleasePlace,
    release: Release,
    file: ReleaseFile,
    folder: Path,
    job: JobContext = UNWATCHED,
) -> Path:
    """Download into `folder`, going on where an earlier try stopped; the file has its name only once its
    sha256 is right. Raises `Cancelled` and `StillroomError`."""
    from models.hub.repository_download import download

    if is_unsafe(file.name) or "/" in file.name:
        raise StillroomError("The release names a file that it cannot be: {name}.", "", name=shown(file.name))
    remote = RemoteFile(file.name, file.bytes, file.sha256, "")
    snapshot = Snapshot("stillroom", release.version, (remote,))
    server = _ReleaseServer(place.address)
    (done,) = download(snapshot, [remote], folder, server, job)
    return done.path


class _ReleaseServer(HubClient):
    """Files that lie side by side at one address; no token is ever sent."""

    def token_and_source(self) -> tuple[str, TokenSource]:
        return "", "none"

    def file_url(self, snapshot: Snapshot, path: str) -> str:
        return f"{self.endpoint}/{path}"


def _fetch(place: ReleasePlace, name: str, cancel: threading.Event | None) -> bytes:
    try:
        answer = ask(f"{place.address}/{name}", LARGEST_FEED_BYTES, cancel=cancel)
        if answer.status != 200:
            raise AnswerError(f"HTTP {answer.status}")
        return answer.data
    except AnswerError as error:
        if isinstance(error.__cause__, httpx.HTTPError):
            raise_if_not_let_through(error.__cause__)
        raise StillroomError(
            "Nobody answered at {address}: {reason}.",
            "Look at the connection, or try again later.",
            address=place.address,
            reason=str(error),
        ) from error


def _order(version: str) -> tuple[tuple[int, ...], bool]:
    found = re.match(r"(\d+(?:\.\d+)*)(.*)", version)
    if found is None:
        return (), False
    return tuple(int(part) for part in found[1].split(".")), not found[2]
