"""A Python package index: where it keeps a package's file, and whether that is the one that was tried."""

from html.parser import HTMLParser

import httpx
import msgspec

from app.base.errors import StillroomError
from app.cuda.pins import Package
from models.hub.bounded_http import AnswerError, ask, is_web_address
from models.hub.hub_access import TokenSource
from models.hub.hub_client import HubClient
from models.hub.hub_errors import raise_if_not_let_through
from models.hub.snapshot import Snapshot
from models.system.shown_text import shown

LARGEST_PAGE_BYTES = 1 << 20
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
"""https://packaging.python.org/en/latest/specifications/simple-repository-api/"""


class _File(msgspec.Struct, frozen=True):
    filename: str
    url: str
    hashes: dict[str, str] = {}


class _Project(msgspec.Struct, frozen=True):
    files: list[_File]


class PackageIndex(HubClient):
    """An index at `address` (its "simple" root, as pip's --index-url), or a mirror of it. No token is ever
    sent. `locate` first; then it tells the downloader where files are."""

    def __init__(self, address: str) -> None:
        try:
            usable = is_web_address(httpx.URL(address))
        except httpx.InvalidURL:
            usable = False
        if not usable:
            raise StillroomError(
                "{address} is no address of a package index.",
                "It looks like https://mirror.example/simple.",
                address=shown(address),
            )
        super().__init__(address)
        self._urls: dict[str, str] = {}

    def locate(self, package: Package) -> None:
        """Find the file of `package`; blocks (`models.hub.bounded_http`). Raises `StillroomError`."""
        page = f"{self.endpoint}/{package.name}/"
        files = self._read(page, package)
        wheel = package.wheel
        found = next((file for file in files if file.filename == wheel.file), None)
        if found is None:
            raise StillroomError(
                "{host} does not have {file}.",
                "Name another mirror, or bring the file.",
                host=self.host,
                file=wheel.file,
            )
        if found.hashes.get("sha256", wheel.sha256) != wheel.sha256:
            raise StillroomError(
                "{host} has another {file} than the one that Stillroom was tried with.",
                "Name another mirror, or bring the file.",
                host=self.host,
                file=wheel.file,
            )
        try:
            url = httpx.URL(page).join(found.url)
        except (httpx.InvalidURL, ValueError) as error:
            raise self._no_index() from error
        if not is_web_address(url):
            raise self._no_index()
        self.place(wheel.file, str(url))

    def place(self, file: str, url: str) -> None:
        """Say where `file` is."""
        self._urls[file] = url

    def token_and_source(self) -> tuple[str, TokenSource]:
        """Return no token: an index that asks for one is not supported."""
        return "", "none"

    def file_url(self, snapshot: Snapshot, path: str) -> str:
        """Return the address of `path`, which `locate` or `place` has set."""
        return self._urls[path]

    def _read(self, page: str, package: Package) -> list[_File]:
        try:
            answer = ask(page, LARGEST_PAGE_BYTES, {"Accept": ACCEPT})
        except AnswerError as error:
            if isinstance(error.__cause__, httpx.HTTPError):
                raise_if_not_let_through(error.__cause__)
            raise StillroomError(
                "Nobody answered at {address}: {reason}.",
                "Look at the connection, name a mirror, or bring the files.",
                address=self.endpoint,
                reason=str(error),
            ) from error
        if answer.status != 200:
            raise StillroomError(
                "{host} does not have {package} (HTTP {status}).",
                "Name another mirror, or bring the file.",
                host=self.host,
                package=package.name,
                status=answer.status,
            )
        try:
            if "json" in answer.headers.get("Content-Type", ""):
                return msgspec.json.decode(answer.data, type=_Project).files
            return _links(answer.data)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise self._no_index() from error

    def _no_index(self) -> StillroomError:
        return StillroomError(
            "{host} answers, but not as a package index does.",
            "Name another mirror, or bring the files.",
            host=self.host,
        )


def _links(page: bytes) -> list[_File]:
    parser = _Anchors()
    parser.feed(page.decode("utf-8"))
    return parser.files


class _Anchors(HTMLParser):
    """The older form of the page: `<a href="URL#sha256=HASH">FILE</a>`."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[_File] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag != "a" or not href:
            return
        url, _, fragment = href.partition("#")
        kind, _, value = fragment.partition("=")
        self.files.append(_File(url.rsplit("/", 1)[-1], url, {kind: value} if value else {}))
