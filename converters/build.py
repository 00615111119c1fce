"""A build from start to end, inside the build process: check, convert, quantise, verify, name."""

import contextlib
import errno
import hashlib
import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from converters.convert import Conversion
from converters.errors import BuildError
from converters.gguf_types import FULL_PRECISION, canonical_type
from converters.inspect import check_gguf, inspect
from converters.messages import BuildRequest, BuiltFile
from converters.plan import Plan, plan_build, plan_requantise
from converters.quantise import quantise
from converters.reporter import Reporter
from converters.working_files import check_name, final_path, working_folder, working_path
from models.durable import rename_durably
from models.progress import OnProgress

log = logging.getLogger(__name__)

_HASH_BYTES = 4 << 20


def run_build(request: BuildRequest, on_progress: OnProgress) -> list[BuiltFile]:
    """Do what `request` asks for and return the files in the order of its types.

    Nothing is written before everything is checked. Each file gets its name only when it is whole, checked
    and synced; a rerun after a crash removes what the crash left and starts over. Raises `StillroomError`.
    """
    source = Path(request.source)
    types = list(dict.fromkeys(canonical_type(kind) for kind in request.types))
    check_name(request.name)
    build = _Build(Path(request.out_dir), request.name, on_progress)
    if source.is_file():
        return build.requantise(source, types)
    return build.convert(Conversion(source, request.name), types)


class _Build:
    def __init__(self, out_dir: Path, name: str, on_progress: OnProgress) -> None:
        self._out_dir = out_dir
        self._name = name
        self._on_progress = on_progress

    def convert(self, conversion: Conversion, types: Sequence[str]) -> list[BuiltFile]:
        plan = plan_build(conversion, types)
        built: dict[str, BuiltFile] = {}
        with self._room(plan):
            for kind in types:
                if kind in FULL_PRECISION:
                    self._convert_to(conversion, kind)
                    built[kind] = self._finish(kind)
            source = self._path(plan.base) if plan.base in built else self._working(plan.base)
            quantised = [kind for kind in types if kind not in FULL_PRECISION]
            if quantised and plan.base not in built:
                self._convert_to(conversion, plan.base)
            for kind in quantised:
                self._quantise_to(source, kind, requantised=False)
                built[kind] = self._finish(kind)
        return [built[kind] for kind in types]

    def requantise(self, source: Path, types: Sequence[str]) -> list[BuiltFile]:
        built = []
        with self._room(plan_requantise(inspect(source), types)):
            for kind in types:
                self._quantise_to(source, kind, requantised=True)
                built.append(self._finish(kind))
        return built

    @contextlib.contextmanager
    def _room(self, plan: Plan) -> Iterator[None]:
        """The folder, with room for what is planned; its failures in the user's words."""
        try:
            self._out_dir.mkdir(parents=True, exist_ok=True)
            with working_folder(self._out_dir, self._name):
                free_bytes = shutil.disk_usage(self._out_dir).free
                if plan.needed_bytes > free_bytes:
                    raise self._disk_full(plan, free_bytes)
                yield
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise self._disk_full(plan, 0) from error
            raise BuildError(
                "The model cannot be written to {folder}: {reason}.",
                "Choose a folder that you may write to.",
                folder=str(self._out_dir),
                reason=error.strerror or str(error),
            ) from error

    def _disk_full(self, plan: Plan, free_bytes: int) -> BuildError:
        return BuildError(
            "The disk of {folder} is too full: the build needs {needed_gb} GB and {free_gb} GB are free.",
            "Free some space, or build into a folder on another disk.",
            folder=str(self._out_dir),
            needed_gb=round(plan.needed_bytes / 1e9, 2),
            free_gb=round(free_bytes / 1e9, 2),
        )

    def _convert_to(self, conversion: Conversion, kind: str) -> None:
        reporter = Reporter(self._on_progress, "convert", conversion.file_bytes(kind))
        conversion.write(self._working(kind), kind, reporter.advance)

    def _quantise_to(self, source: Path, kind: str, *, requantised: bool) -> None:
        reporter = Reporter(self._on_progress, "quantise", 0)
        quantise(source, self._working(kind), kind, reporter.reach, requantise=requantised)

    def _finish(self, kind: str) -> BuiltFile:
        """Check the working file, hash it and give it its name."""
        working, final = self._working(kind), self._path(kind)
        check_gguf(working)
        size = working.stat().st_size
        reporter = Reporter(self._on_progress, "verify", size)
        digest = hashlib.sha256()
        with working.open("rb", buffering=0) as file:
            while chunk := file.read(_HASH_BYTES):
                digest.update(chunk)
                reporter.advance(len(chunk), final.name)
        rename_durably(working, final)
        log.info("built %s", final.name)
        return BuiltFile(path=str(final), type=kind, sha256=digest.hexdigest(), bytes=size)

    def _working(self, kind: str) -> Path:
        return working_path(self._out_dir, self._name, kind)

    def _path(self, kind: str) -> Path:
        return final_path(self._out_dir, self._name, kind)
