"""What the Hugging Face hub, or a server that speaks like it, says about a repository."""

import logging
import os
import ssl
import threading
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

# Otherwise each start asks the hub for a list of coding agents, to name one in the user agent: nothing leaves
# this computer but what the user asks for. It is read when the library is imported.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import httpx
from huggingface_hub import HfApi, constants, get_token, hf_hub_url
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is imported there, not listed
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,  # the base class of the HTTP library that this version of huggingface_hub uses
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import DatasetInfo, ModelInfo

from models.errors import StillroomError
from models.progress import raise_if_cancelled
from models.retry import RetryPolicy, is_temporary, server_wait_s
from models.snapshot import RemoteFile, Snapshot

log = logging.getLogger(__name__)

_METADATA_TIMEOUT_S = 20.0

RepoKind = Literal["model", "dataset"]


class HubClient:
    """Metadata, addresses and the token of one hub; any thread.

    `endpoint` None takes HF_ENDPOINT or huggingface.co, `token` None takes HF_TOKEN or the saved login.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        token: str | None = None,
        *,
        retry: RetryPolicy | None = None,
        kind: RepoKind = "model",
    ) -> None:
        """`kind` is what its repositories hold."""
        chosen = endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
        self.endpoint = chosen.rstrip("/")
        self._token = token
        self._retry = retry or RetryPolicy(attempts=5)
        self._kind = kind

    @property
    def host(self) -> str:
        """The hub's name for messages."""
        return urlsplit(self.endpoint).hostname or self.endpoint

    def token(self) -> str | None:
        """The access token; never log it, never send it to another host."""
        return self._token or get_token()

    def file_url(self, snapshot: Snapshot, path: str) -> str:
        """Where the hub offers `path` at the snapshot's commit (usually a redirect to a storage host)."""
        return hf_hub_url(
            snapshot.repo, path, repo_type=self._kind, revision=snapshot.commit, endpoint=self.endpoint
        )

    def resolve(self, repo: str, revision: str = "", *, cancel: threading.Event | None = None) -> Snapshot:
        """The repository at `revision` (a branch, tag or commit; "" is the main branch) and its files.

        Waits and tries again while the server is busy. Raises `StillroomError` for everything that the
        user can do something about, `Cancelled` when `cancel` is set.
        """
        cancel = cancel or threading.Event()
        failures = 0
        while True:
            raise_if_cancelled(cancel)
            try:
                info = self._repo_info(repo, revision)
                return _snapshot(info, repo)
            except HTTPError as error:
                raise_if_untrusted(error)
                failures += 1
                response = error.response if isinstance(error, HfHubHTTPError) else None
                if response is not None and not is_temporary(response.status_code):
                    raise self._refusal(error, repo, revision) from error
                if failures >= self._retry.attempts:
                    raise self._unreachable(busy=response is not None) from error
                asked = server_wait_s(response.headers) if response is not None else None
                wait_s = self._retry.wait_s(failures) if asked is None else asked
                log.info("%s is not ready, trying again in %.1f s", self.host, wait_s)
                cancel.wait(wait_s)

    def _repo_info(self, repo: str, revision: str) -> ModelInfo | DatasetInfo:
        api = HfApi(endpoint=self.endpoint, token=self.token() or False, library_name="stillroom")
        try:
            ask = api.dataset_info if self._kind == "dataset" else api.model_info
            return ask(repo, revision=revision or None, files_metadata=True, timeout=_METADATA_TIMEOUT_S)
        except HFValidationError as error:
            raise StillroomError(
                "{repo} is no Hugging Face id.", "An id looks like owner/name.", repo=repo
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # No JSON, or not the hub's: the login page of a hotel's network, or a wrong HF_ENDPOINT.
            raise StillroomError(
                "{host} answers, but not as a model hub does.",
                "See whether {endpoint} opens in a browser, and check HF_ENDPOINT where it is used.",
                host=self.host,
                endpoint=self.endpoint,
            ) from error
        except OfflineModeIsEnabled as error:
            raise StillroomError(
                "The network is switched off by HF_HUB_OFFLINE.",
                "Unset HF_HUB_OFFLINE to download; models on disk work without.",
            ) from error

    def _refusal(self, error: HTTPError, repo: str, revision: str) -> StillroomError:
        match error:
            case GatedRepoError():
                return gated(repo, self.endpoint)
            case DisabledRepoError():
                return StillroomError(
                    "{host} has disabled {repo}.", "Choose another repository.", host=self.host, repo=repo
                )
            case RevisionNotFoundError():
                return StillroomError(
                    "{repo} has no revision {revision}.",
                    "Leave the revision out for the newest one, or see {endpoint}/{repo}/commits/main.",
                    repo=repo,
                    revision=revision,
                    endpoint=self.endpoint,
                )
            case RepositoryNotFoundError():
                return StillroomError(
                    "{host} has no model {repo}, or it is private.",
                    "Check the spelling; for a private one set HF_TOKEN to a token that may read it.",
                    host=self.host,
                    repo=repo,
                )
            case HfHubHTTPError() if error.response.status_code == 401:
                return StillroomError(
                    "{host} does not accept the access token.",
                    "Set HF_TOKEN to a valid token, or remove it: public models need none.",
                    host=self.host,
                )
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
        return StillroomError(
            "{host} refuses to tell about {repo} (HTTP {status}).",
            "See whether {endpoint}/{repo} opens in a browser.",
            host=self.host,
            repo=repo,
            status=status,
            endpoint=self.endpoint,
        )

    def _unreachable(self, *, busy: bool) -> StillroomError:
        if busy:
            return StillroomError(
                "{host} is too busy to answer.", "Try again in some minutes.", host=self.host
            )
        return unreachable(self.host)


def gated(repo: str, endpoint: str) -> StillroomError:
    """The error for a repository whose terms must be accepted first."""
    return StillroomError(
        "{repo} asks you to accept its terms before it can be downloaded.",
        "Accept them at {endpoint}/{repo}, then set HF_TOKEN to a token of the same account.",
        repo=repo,
        endpoint=endpoint,
    )


def unreachable(host: str) -> StillroomError:
    """The error for a server that does not answer."""
    return StillroomError(
        "{host} cannot be reached.",
        "Check the internet connection, and HTTPS_PROXY or HF_ENDPOINT where they are used. "
        "Models on disk work without.",
        host=host,
    )


def raise_if_untrusted(error: HTTPError | httpx.HTTPError) -> None:
    """Raise the error for a server whose certificate nobody vouches for, where `error` tells of that."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        raise StillroomError(
            "The certificate of {host} cannot be trusted: {reason}.",
            "Check the computer's clock. Where the network looks into encrypted traffic, put its certificate "
            "into a file and the file's name into SSL_CERT_FILE.",
            host=error.request.url.host,
            reason=cause.verify_message,
        ) from error


def _snapshot(info: ModelInfo | DatasetInfo, repo: str) -> Snapshot:
    files = []
    for sibling in info.siblings or []:
        path = PurePosixPath(sibling.rfilename)
        if path.is_absolute() or ".." in path.parts or set(sibling.rfilename) & set('\\:*?"<>|\0'):
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
        files.append(RemoteFile(str(path), sibling.size, sha256, sibling.blob_id))
    if not info.sha:
        raise StillroomError("{repo} is empty.", "Choose another repository.", repo=repo)
    config = info.config if isinstance(info, ModelInfo) else None
    architectures = (config or {}).get("architectures") or ()
    return Snapshot(info.id or repo, info.sha, tuple(files), tuple(architectures))
