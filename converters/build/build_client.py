"""Building a model in a process of its own: checkpoint or GGUF file to GGUF files, with progress and
cancel."""

from collections.abc import Sequence
from contextlib import nullcontext

from converters.process.child_client import Child, ChildEnded, converse
from converters.process.messages import BuildRequest, BuildResult
from converters.system.errors import BuildError
from models.hub.shard_feed import ShardFeed
from models.system.progress import UNWATCHED, JobContext, raise_if_cancelled


def build(
    request: BuildRequest,
    command: Sequence[str] | Child,
    job: JobContext = UNWATCHED,
    feed: ShardFeed | None = None,
) -> BuildResult:
    """Convert and quantise as `request` says. From a quantised GGUF file that loses quality.

    `command` starts the build process (`converters.build.build_worker`), or is one that was started before.
    The stages are "quantise" ("convert" where no type is quantised) and "verify", each counting its own
    bytes. Any thread may call it; it blocks. Cancelling ends the process at once. Raises `CheckpointError`
    for what cannot be converted and `BuildError` for what went wrong; no half-made file has a final name
    then. A later call for the same goes on where this one was stopped; `discard_build` deletes what it has
    made so far.

    Of the request's coming weight files only the headers need to be there; `feed` brings them while the build
    goes on, and its progress is told as "download" whenever the build waits for it.
    """
    raise_if_cancelled(job.cancel)
    try:
        with nullcontext(command) if isinstance(command, Child) else Child(command) as child:
            return converse(child, request, BuildResult, job, feed)
    except ChildEnded as end:
        raise BuildError(
            "The build process ended unexpectedly (code {code}).",
            "Try again; if it happens again, the memory may be too small or a file may be damaged.",
            native=end.words,
            code=end.returncode,
        ) from None
