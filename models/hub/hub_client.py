"""Ask the Hugging Face hub, or a server that speaks like it, about a repository."""

import copy
import logging
import os
import threading
from collections.abc import Callable
from typing import Annotated, Literal, Self
from urllib.parse import quote, urlsplit

# Otherwise each start asks the hub for a list of coding agents, to name one in the user agent: nothing leaves
# this computer but what the user asks for. It is read when the library is imported.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import httpx
import msgspec
from huggingface_hub import constants, get_token, hf_hub_url
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, but not listed
from msgspec import Meta

from models.hub.bounded_http import Answer, AnswerError, ask, is_web_address, make_client
from models.hub.file_names import is_unsafe
from models.hub.hub_access import (
    HUB,
    HubAccess,
    TokenSource,
    environment_mirror,
    environment_token,
)
from models.hub.hub_errors import no_hub, no_usable_answer, raise_if_not_let_through, refusal, unreachable
from models.hub.repository_card import read_architectures, read_card
from models.hub.retry import (
    LONGEST_WATCHED_WAIT_S,
    QUESTIONS,
    WATCHED_ATTEMPTS,
    RetryPolicy,
    is_temporary,
    server_wait_s,
)
from models.hub.snapshot import RemoteFile, Snapshot
from models.system.errors import StillroomError
from models.system.progress import OnProgress, Progress, ignore_progress, raise_if_cancelled
from models.system.shown_text import shown

log = logging.getLogger(__name__)

_MOST_METADATA_BYTES = 32 << 20
_MOST_FILES = 100_000
"""As many as the hub itself advises at most (https://huggingface.co/docs/hub/storage-limits)."""

_Sha1 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{40}\Z")]
_Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]

RepoKind = Literal["model", "dataset"]


class _Lfs(msgspec.Struct, frozen=True):
    sha256: _Sha256


class _Sibling(msgspec.Struct, frozen=True):
    """A file, as https://huggingface.co/docs/hub/api tells of it with `blobs=true`."""

    rfilename: str
    size: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    blob_id: _Sha1 | None = msgspec.field(default=None, name="blobId")
    lfs: _Lfs | None = None


class _Repository(msgspec.Struct, frozen=True):
    id: str
    sha: _Sha1 | None = None
    siblings: Annotated[list[_Sibling], Meta(max_length=_MOST_FILES)] | None = None
    config: msgspec.Raw = msgspec.Raw(b"null")


class HubClient:
    """Metadata, addresses and the token of one hub; any thread.

    `endpoint` None takes HF_ENDPOINT, the mirror of `access` or huggingface.co; `token` None takes HF_TOKEN,
    the token of `access` or the saved login. `access` is read anew for each question and each file.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        token: str | None = None,
        *,
        retry: RetryPolicy | None = None,
        kind: RepoKind = "model",
        access: Callable[[], HubAccess] = HubAccess,
    ) -> None:
        """Choose the hub and the token. `kind` is what its repositories hold."""
        self._endpoint = endpoint
        self._token = token
        self._access = access
        self._retry = retry or QUESTIONS
        self._kind = kind
        self._held: tuple[str, TokenSource] | None = None

    def held(self) -> Self:
        """Return a client that keeps to the present address and token, whatever is chosen meanwhile.

        A token must never go to another address than the one it was chosen for.
        May wait for the system's key store.
        """
        if self._held is not None:
            return self
        client = copy.copy(self)
        while True:
            client._endpoint = self.endpoint
            client._held = self.token_and_source()
            # The key store may have asked the user for as long as it takes to choose another mirror.
            if self.endpoint == client._endpoint:
                return client

    @property
    def endpoint(self) -> str:
        """The hub's address."""
        # Not the one of huggingface_hub, which takes a variable that is set to nothing for an address.
        chosen = self._endpoint or environment_mirror() or self._access().mirror or HUB
        return chosen.rstrip("/")

    @property
    def proxy(self) -> str:
        """The proxy that the user chose; empty for the system's."""
        return self._access().proxy

    @property
    def host(self) -> str:
        """The hub's name for messages."""
        try:
            return urlsplit(self.endpoint).hostname or shown(self.endpoint)
        except ValueError:
            return shown(self.endpoint)

    def token(self) -> str | None:
        """Return the access token; never log it, never send it to another host."""
        return self.token_and_source()[0] or None

    def token_and_source(self) -> tuple[str, TokenSource]:
        """Return the access token, and where it comes from. May wait for the system's key store."""
        if self._held is not None:
            return self._held
        if environment := self._token or environment_token():
            return environment, "environment"
        if chosen := self._access().token():
            return chosen, "settings"
        login = get_token() or ""
        return login, "login" if login else "none"

    def file_url(self, snapshot: Snapshot, path: str) -> str:
        """Return the hub's URL of `path` at the snapshot's commit (usually a redirect to a storage host)."""
        return hf_hub_url(
            snapshot.repo, path, repo_type=self._kind, revision=snapshot.commit, endpoint=self.endpoint
        )

    def file_address(self, snapshot: Snapshot, path: str) -> httpx.URL:
        """Return the same, parsed. Raises `StillroomError` for what is no web address."""
        try:
            address = httpx.URL(self.file_url(snapshot, path))
            if is_web_address(address):
                return address
        except (httpx.InvalidURL, ValueError):
            pass
        raise no_usable_answer(self.host, AnswerError("its address is none of the web"))

    def resolve(
        self,
        repo: str,
        revision: str = "",
        *,
        cancel: threading.Event | None = None,
        on_progress: OnProgress = ignore_progress,
    ) -> Snapshot:
        """Find the repository at `revision` (a branch, tag or commit; "" is the main branch) and its files.

        Waits and tries again while the server is busy, and tells each time how often it was asked (the stage
        "ask", out of all attempts) and how long the wait is. Raises `StillroomError` for everything that the
        user can do something about, `Cancelled` when `cancel` is set.
        """
        try:
            validate_repo_id(repo)
        except HFValidationError as error:
            raise StillroomError(
                "{repo} is no Hugging Face id.", "An id looks like owner/name.", repo=shown(repo)
            ) from error
        held = self.held()
        path = self._metadata_path(repo, revision)
        answer = held.get(path, _MOST_METADATA_BYTES, cancel=cancel, on_progress=on_progress)
        if answer.status == 200:
            return held._snapshot(answer.data, repo)
        raise refusal(held, answer, repo, revision)

    def get(
        self,
        path: str,
        most_bytes: int,
        *,
        cancel: threading.Event | None = None,
        watched: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> Answer:
        """Ask for `path` below the hub's address with the token, and again while the server is busy, of which
        it tells as `resolve` does. Where somebody waits for it (`watched`), it gives up soon, and no wait is
        long, whatever the server asks for.

        Blocks, any thread. The answer may be a refusal. Raises `StillroomError` and `Cancelled`.
        """
        cancel = cancel or threading.Event()
        if constants.HF_HUB_OFFLINE:
            raise StillroomError(
                "The network is switched off by HF_HUB_OFFLINE.",
                "Unset HF_HUB_OFFLINE to download; models on disk work without.",
            )
        held = self.held()
        failures, most = 0, WATCHED_ATTEMPTS if watched else self._retry.attempts
        while True:
            raise_if_cancelled(cancel)
            wait_s, busy = None, False
            try:
                answer = ask(
                    f"{held.endpoint}{path}",
                    most_bytes,
                    held._headers(),
                    client=make_client(self.proxy),
                    cancel=cancel,
                )
            except AnswerError as error:
                if isinstance(error.__cause__, httpx.HTTPError):
                    raise_if_not_let_through(error.__cause__)
                if not error.passes:
                    raise no_usable_answer(held.host, error) from error
                log.info("%s: %s", held.host, error)
            else:
                if not is_temporary(answer.status):
                    return answer
                wait_s, busy = server_wait_s(answer.headers), True
            failures += 1
            if failures >= most:
                raise held._unreachable(busy=busy)
            wait_s = self._retry.wait_s(failures) if wait_s is None else wait_s
            if watched:
                wait_s = min(wait_s, LONGEST_WATCHED_WAIT_S)
            log.info("%s is not ready, trying again in %.1f s", held.host, wait_s)
            on_progress(Progress("ask", failures, most, held.host, remaining_s=wait_s, unit="times"))
            cancel.wait(wait_s)

    def _metadata_path(self, repo: str, revision: str) -> str:
        at = f"/revision/{quote(revision, safe='')}" if revision else ""
        return f"/api/{self._kind}s/{repo}{at}?blobs=true"

    def _headers(self) -> dict[str, str]:
        token = self.token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _snapshot(self, data: bytes, repo: str) -> Snapshot:
        """Parse the hub's answer about `repo`. Raises `StillroomError` where it is not valid."""
        try:
            told = msgspec.json.decode(data, type=_Repository)
            validate_repo_id(told.id)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            # No JSON, or not the hub's: the login page of a hotel's network, or a wrong HF_ENDPOINT.
            log.info("%s: %s", self.host, shown(str(error), 300))
            raise no_hub(self) from error
        if not told.sha:
            raise StillroomError("{repo} is empty.", "Choose another repository.", repo=repo)
        files = tuple(_remote_file(sibling, repo) for sibling in told.siblings or ())
        if len({file.path for file in files}) < len(files):
            raise StillroomError(
                "{repo} holds two files of the same name, so nothing of it is downloaded.",
                "Choose another repository.",
                repo=repo,
            )
        return Snapshot(told.id, told.sha, files, read_architectures(told.config), read_card(data))

    def _unreachable(self, *, busy: bool) -> StillroomError:
        if busy:
            return StillroomError(
                "{host} is too busy to answer.", "Try again in some minutes.", host=self.host
            )
        return unreachable(self.host)


def _remote_file(sibling: _Sibling, repo: str) -> RemoteFile:
    if is_unsafe(sibling.rfilename):
        raise StillroomError(
            "{repo} holds a file with an unsafe name, so nothing of it is downloaded.",
            "Choose another repository.",
            repo=repo,
        )
    if sibling.size is None or sibling.blob_id is None:
        raise StillroomError(
            "The server gives no sizes and checksums for {repo}, so a download could not be verified.",
            "Use huggingface.co, or another HF_ENDPOINT.",
            repo=repo,
        )
    sha256 = sibling.lfs.sha256 if sibling.lfs is not None else None
    return RemoteFile(sibling.rfilename, sibling.size, sha256, sibling.blob_id)
