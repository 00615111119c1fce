"""The real data sets, from the hub, when somebody asks for them: pinned when they first arrive.

No hash is known beforehand. The commit and the SHA-256 of the first download are written down beside the
file, and from then on nothing else is taken for it.
"""

import logging
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Annotated

import msgspec

from app.base.errors import StillroomError
from app.bench.quality.built_in import maths_question
from app.bench.quality.item import Collection, Item, Kind
from models.hub.hub_access import HubAccess
from models.system.json_file import read_json, write_json
from models.system.progress import UNWATCHED, JobContext
from models.system.regular_file import read_regular
from models.system.shown_text import shown

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DataSet:
    """A file of a data set repository. `member` is the file in it, where it is a ZIP archive."""

    key: str
    kind: Kind
    name: str
    repo: str
    path: str
    licence: str
    member: str = ""


DATA_SETS = {
    data.key: data
    for data in (
        # https://huggingface.co/datasets/HuggingFaceH4/MATH-500, of https://github.com/hendrycks/math
        DataSet("math-500", "maths", "MATH-500", "HuggingFaceH4/MATH-500", "test.jsonl", "MIT"),
        # The validation articles of WikiText-2 and WikiText-103 are the same 60 (https://arxiv.org/abs/1609.07843,
        # section 4.3); this archive is the one that llama.cpp's own perplexity figures are made with.
        DataSet(
            "wikitext-103",
            "perplexity",
            "WikiText-103 validation",
            "ggml-org/ci",
            "wikitext-2-raw-v1.zip",
            "CC-BY-SA-3.0",
            "wikitext-2-raw/wiki.valid.raw",
        ),
    )
}

LARGEST_BYTES = 64 << 20
MOST_ITEMS = 20_000
LONGEST_QUESTION = 100_000
"""In characters; the longest of MATH-500 has fewer than two thousand."""
LONGEST_NAME = 200


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """The file of a data set as it was when it first arrived."""

    repo: str
    commit: str
    path: str
    sha256: str
    bytes: int
    at: str


class HubData:
    """Data sets in `folder`. Any thread, one at a time."""

    def __init__(self, folder: Path, access: Callable[[], HubAccess] = HubAccess) -> None:
        self._folder = folder
        self._access = access

    def is_here(self, key: str) -> bool:
        """Tell whether a data set can be had without the network."""
        return self._file(DATA_SETS[key]).is_file() and self.pin(key) is not None

    def pin(self, key: str) -> Pin | None:
        """Return the pin of a data set; None before its first download."""
        return self._pins().get(key)

    def collection(self, key: str, job: JobContext = UNWATCHED) -> Collection:
        """A data set as items, downloaded where it is not here. Blocks.

        Raises `Cancelled`, and `StillroomError` where the hub cannot be reached or the file is not the one
        that was pinned.
        """
        data = DATA_SETS[key]
        path = self._file(data)
        if not self.is_here(key):
            self._download(data, job)
        pin = self.pin(key)
        try:
            content = read_regular(path, 0 if pin is None else pin.bytes)
        except OSError as error:
            log.warning("%s: %s", path, error)
            content = b""
        if pin is None or sha256(content).hexdigest() != pin.sha256:
            raise StillroomError(
                "The file of {name} is not the one that was downloaded first.",
                "Delete {path} to download it again.",
                name=data.name,
                path=str(path),
            )
        source = f"{data.repo}@{pin.commit[:12]}, SHA-256 {pin.sha256[:12]}"
        if data.kind == "perplexity":
            return Collection(
                kind=data.kind, name=data.name, licence=data.licence, source=source, text=_text(path, data)
            )
        return Collection(
            kind=data.kind,
            name=data.name,
            licence=data.licence,
            source=source,
            items=_maths_items(content, data),
        )

    def _download(self, data: DataSet, job: JobContext) -> None:
        # The hub's library takes longer to load than a list of models.
        from models.hub.hub_client import HubClient
        from models.hub.repository_download import download

        client = HubClient(kind="dataset", access=self._access)
        pinned = self.pin(data.key)
        snapshot = client.resolve(data.repo, pinned.commit if pinned is not None else "", cancel=job.cancel)
        wanted = [file for file in snapshot.files if file.path == data.path]
        if not wanted or wanted[0].bytes > LARGEST_BYTES:
            raise StillroomError(
                "{repo} does not hold {path} as it should.",
                "Stillroom's own questions work without it.",
                repo=data.repo,
                path=data.path,
            )
        [local] = download(snapshot, wanted, self._folder / data.key, client, job)
        if pinned is None:
            self._write_pin(
                data.key,
                Pin(
                    repo=snapshot.repo,
                    commit=snapshot.commit,
                    path=data.path,
                    sha256=local.sha256,
                    bytes=local.bytes,
                    at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                ),
            )
        elif pinned.sha256 != local.sha256:
            local.path.unlink()
            raise StillroomError(
                "{name} at the hub is another file than the one that was downloaded first.",
                "Its scores could not be compared, so it is not used.",
                name=data.name,
            )

    def _file(self, data: DataSet) -> Path:
        return self._folder / data.key / data.path

    def _pins(self) -> dict[str, Pin]:
        without = "Data sets are asked for at the hub again before they are used."
        return read_json(self._folder / "pins.json", dict[str, Pin], without=without) or {}

    def _write_pin(self, key: str, pin: Pin) -> None:
        write_json(self._folder / "pins.json", {**self._pins(), key: pin}, indent=True)


def _text(path: Path, data: DataSet) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(data.member).file_size > LARGEST_BYTES:
                raise _unreadable(data)
            # As llama.cpp's tools read a prompt's file.
            text = archive.read(data.member).decode("utf-8").removesuffix("\n")
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        OSError,
        KeyError,
        UnicodeDecodeError,
        NotImplementedError,
        RuntimeError,
        EOFError,
    ) as error:
        raise _unreadable(data) from error
    if not text.strip():
        raise _unreadable(data)
    return text


class _Problem(msgspec.Struct, frozen=True):
    """A line of MATH-500, as far as it is used."""

    problem: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_QUESTION)]
    answer: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_QUESTION)]
    unique_id: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""


def _maths_items(content: bytes, data: DataSet) -> list[Item]:
    decoder = msgspec.json.Decoder(_Problem)
    items: dict[str, Item] = {}
    try:
        for place, line in enumerate(line for line in BytesIO(content) if line.strip()):
            problem = decoder.decode(line)
            name = shown(problem.unique_id.removesuffix(".json"), LONGEST_NAME) or str(place)
            if name in items or place >= MOST_ITEMS:
                raise _unreadable(data)
            items[name] = Item(
                id=f"maths/{name}",
                kind="maths",
                turns=[maths_question(problem.problem)],
                expected=[problem.answer],
            )
    # A text that is no UTF-8 is one of them, and so is what msgspec refuses.
    except (ValueError, RecursionError) as error:
        raise _unreadable(data) from error
    if not items:
        raise _unreadable(data)
    return list(items.values())


def _unreadable(data: DataSet) -> StillroomError:
    return StillroomError(
        "{name} cannot be read: it has another form than expected.",
        "Stillroom's own questions work without it.",
        name=data.name,
    )
