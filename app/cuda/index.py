"""A Python package index: where it keeps a package's file, and whether that is the one that was tried."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from app.cuda.pins import Package
from app.errors import StillroomError
from models.hub import HubClient
from models.small_page import read_page
from models.snapshot import Snapshot

LARGEST_PAGE_BYTES = 16 << 20
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
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise StillroomError(
                "{address} is no address of a package index.",
                "It looks like https://mirror.example/simple.",
                address=address,
            )
        super().__init__(address)
        self._urls: dict[str, str] = {}

    def locate(self, package: Package) -> None:
        """Find the file of `package`; blocks (`models.small_page`). Raises `StillroomError`."""
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
        self.place(wheel.file, urljoin(page, found.url))

    def place(self, file: str, url: str) -> None:
        """Say where `file` is."""
        self._urls[file] = url

    def token(self) -> str | None:
        """None: an index that asks for one is not supported."""
        return None

    def file_url(self, snapshot: Snapshot, path: str) -> str:
        """Where `path` is, which `locate` or `place` has told."""
        return self._urls[path]

    def _read(self, page: str, package: Package) -> list[_File]:
        try:
            answer = read_page(page, LARGEST_PAGE_BYTES, {"Accept": ACCEPT})
        except httpx.HTTPStatusError as error:
            raise StillroomError(
                "{host} does not have {package} (HTTP {status}).",
                "Name another mirror, or bring the file.",
                host=self.host,
                package=package.name,
                status=error.response.status_code,
            ) from error
        except httpx.HTTPError as error:
            raise StillroomError(
                "Nobody answered at {address}: {reason}.",
                "Look at the connection, name a mirror, or bring the files.",
                address=self.endpoint,
                reason=str(error) or type(error).__name__,
            ) from error
        try:
            if "json" in answer.content_type:
                return msgspec.json.decode(answer.data, type=_Project).files
            return _links(answer.data)
        except (msgspec.DecodeError, ValueError) as error:
            raise StillroomError(
                "{host} answers, but not as a package index does.",
                "Name another mirror, or bring the files.",
                host=self.host,
            ) from error


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
