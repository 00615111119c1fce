"""A repository at one commit, and which of its files a model needs."""

import fnmatch
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from models.hub.repository_card import RepositoryCard
from models.system.errors import StillroomError

_TEXT_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    "model.safetensors.index.json",
    "LICENSE*",
    "README.md",
)

SPLIT_GGUF = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository. Large files carry their `sha256`; every file its git object id `oid`, which
    is the SHA-1 of the content only where there is no `sha256`."""

    path: str
    bytes: int
    sha256: str | None
    oid: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A repository at one commit. `repo` is its present name, also where it was asked for by an old one."""

    repo: str
    commit: str
    files: tuple[RemoteFile, ...]
    architectures: tuple[str, ...] = ()
    card: RepositoryCard | None = None


def checkpoint_files(snapshot: Snapshot) -> tuple[RemoteFile, ...]:
    """Choose the safetensors, configuration and tokenizer files, small ones first; pickles are never among
    them.

    Raises `StillroomError` where the repository has no such checkpoint.
    """
    top = [file for file in snapshot.files if "/" not in file.path]
    weights = [file for file in top if file.path.endswith(".safetensors")]
    named = [file for file in weights if file.path.startswith("model")]
    weights = named or weights
    if not weights:
        raise _no_checkpoint(snapshot)
    if not any(file.path == "config.json" for file in top):
        raise StillroomError(
            "{repo} has no config.json, so its weights cannot be understood.",
            "Choose a repository with a complete checkpoint (config.json, tokenizer.json, .safetensors).",
            repo=snapshot.repo,
        )
    text = [file for file in top if any(fnmatch.fnmatchcase(file.path, name) for name in _TEXT_FILES)]
    return tuple(sorted(text, key=lambda file: file.bytes)) + tuple(
        sorted(weights, key=lambda file: file.path)
    )


def gguf_files(snapshot: Snapshot) -> tuple[RemoteFile, ...]:
    """List the whole GGUF models of the repository, smallest first; no vision projectors, no split files."""
    found = [
        file
        for file in snapshot.files
        if file.path.lower().endswith(".gguf")
        and not PurePosixPath(file.path).name.lower().startswith("mmproj")
        and not SPLIT_GGUF.search(file.path)
    ]
    return tuple(sorted(found, key=lambda file: file.bytes))


def choose_gguf(snapshot: Snapshot, wanted: str) -> RemoteFile:
    """Choose the GGUF file called `wanted`, or the only one where `wanted` is empty.

    `wanted` may be a file name or a quantisation that exactly one file name holds. Raises `StillroomError`
    that lists the choices.
    """
    files = gguf_files(snapshot)
    if SPLIT_GGUF.search(wanted):
        raise StillroomError(
            "{file} is one part of a split GGUF, which Stillroom does not join.",
            "Choose a file of {repo} that is whole, or build the model from its original weights.",
            file=wanted,
            repo=snapshot.repo,
        )
    matching = [file for file in files if file.path == wanted]
    if not matching:
        pattern = re.compile(rf"(^|[^A-Za-z0-9]){re.escape(wanted)}($|[^A-Za-z0-9_])", re.IGNORECASE)
        matching = [file for file in files if not wanted or pattern.search(PurePosixPath(file.path).name)]
    if len(matching) == 1:
        return matching[0]
    if not files:
        raise StillroomError("{repo} holds no GGUF file.", "Choose another repository.", repo=snapshot.repo)
    if wanted and not matching:
        raise StillroomError(
            "{repo} holds no GGUF file for {wanted}.",
            "Name one of them as {repo}:FILE, such as {choices}.",
            repo=snapshot.repo,
            wanted=wanted,
            choices=", ".join(file.path for file in files[:6]),
        )
    raise StillroomError(
        "{repo} holds {count} GGUF files, and which one is meant is open.",
        "Name one of them as {repo}:FILE, such as {choices}.",
        repo=snapshot.repo,
        count=len(files),
        choices=", ".join(file.path for file in (matching or files)[:6]),
    )


def _no_checkpoint(snapshot: Snapshot) -> StillroomError:
    if any(file.path.endswith((".bin", ".pth", ".pt")) for file in snapshot.files):
        return StillroomError(
            "{repo} offers its weights only as pickles, which can run code, so Stillroom does not read them.",
            "Choose a repository with .safetensors files.",
            repo=snapshot.repo,
        )
    return StillroomError(
        "{repo} holds no model weights that Stillroom can read.",
        "Choose a repository with .safetensors or .gguf files.",
        repo=snapshot.repo,
    )
