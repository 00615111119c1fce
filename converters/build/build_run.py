"""A build from start to end, inside the build process: check, quantise in one pass, verify, name."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from converters.build.build_identity import build_identity
from converters.build.build_journal import BuildJournal
from converters.build.checkpoint_source import Conversion
from converters.build.durable_commits import Commits, stored_checksum
from converters.build.gguf_source import GgufSource
from converters.build.output import Output, Source
from converters.build.quantise_pool import one_pass
from converters.build.quantise_rows import RowRange, row_ranges
from converters.build.streamed_shards import ComingFiles, ComingTensors
from converters.build.working_files import (
    check_name,
    final_path,
    journal_path,
    locked,
    remove_working_files,
    working_path,
)
from converters.checkpoint.architectures import PlannedTensor
from converters.gguf.gguf_reader import check_gguf
from converters.gguf.gguf_types import FULL_PRECISION, canonical_type
from converters.imatrix.imatrix_file import Importance
from converters.process.messages import BuildRequest
from converters.process.reporter import Reporter
from converters.process.shard_messages import Arrivals
from converters.system.errors import BuildError, CheckpointError
from models.quantisation.quantisation_mixture import place_in_file
from models.store.manifest import BuiltFile
from models.system.disk_space import DiskFullError, require_room, told_when_full
from models.system.durable import rename_durably
from models.system.errors import StillroomError
from models.system.progress import OnProgress

log = logging.getLogger(__name__)


def run_build(
    request: BuildRequest,
    on_progress: OnProgress,
    importance: Importance | None = None,
    arrivals: Arrivals | None = None,
) -> list[BuiltFile]:
    """Do what `request` asks for and return the files in the order of its types.

    Nothing is written before everything is checked. Each file gets its name only when it is whole, checked
    and synced. After a crash or a full disk a rerun resumes at the tensor where it stopped. `importance` is
    what the request's matrix holds, `arrivals` tells when a coming file is there. Raises `StillroomError`.
    """
    mixtures = {mixture.label: mixture for mixture in request.mixtures}
    types = list(dict.fromkeys(kind if kind in mixtures else canonical_type(kind) for kind in request.types))
    if not types:
        raise BuildError("No type was chosen to build.", "Choose at least one, such as Q4_K_M.")
    check_name(request.name)
    source: Source = (
        GgufSource(request.source)
        if request.source.is_file()
        else Conversion(request.source, request.name, request.coming)
    )
    coming = None
    if request.coming:
        assert arrivals is not None
        coming = ComingFiles(request.source, request.coming, arrivals)
        if not journal_path(request.out_dir, request.name).exists():
            # Nothing is stored yet. The first file comes while the outputs are laid out.
            coming.ask(source.tensors)
    outputs = [source.output(kind, importance, mixtures.get(kind)) for kind in types]
    return _Build(request, source, outputs, coming, on_progress).run()


class _Build:
    def __init__(
        self,
        request: BuildRequest,
        source: Source,
        outputs: Sequence[Output],
        coming: ComingFiles | None,
        on_progress: OnProgress,
    ) -> None:
        self._request = request
        self._out_dir = request.out_dir
        self._name = request.name
        self._source = source
        self._outputs = outputs
        self._coming = coming
        self._mixtures = {mixture.label: mixture for mixture in request.mixtures}
        self._on_progress = on_progress
        self._journal_path = journal_path(request.out_dir, request.name)
        self._journal: BuildJournal | None = None

    def run(self) -> list[BuiltFile]:
        """Build, or go on with what an earlier run has left."""
        checksums = self._coming.checksums if self._coming is not None else {}
        identity = build_identity(self._source.tensors, self._outputs, checksums)
        with self._room():
            journal = self._journal = BuildJournal(self._journal_path, identity)
            try:
                if not self._goes_on(journal):
                    remove_working_files(self._out_dir, self._name)
                    journal = self._journal = BuildJournal(self._journal_path, identity)
                require_room(self._out_dir, self._missing_bytes())
                if not journal.begun:
                    self._begin(journal)
                elif len(journal.whole) < len(self._outputs):
                    self._look_through(journal)
                if len(journal.whole) < len(self._outputs):
                    self._make(journal)
                elif self._coming is not None:
                    self._coming.ask([])
                built = [self._named(output, journal.whole[output.kind]) for output in self._outputs]
            except StillroomError as error:
                if not isinstance(error, DiskFullError):
                    journal.close()
                    remove_working_files(self._out_dir, self._name)
                raise
            finally:
                journal.close()
            if not self._request.keep_journal:
                remove_working_files(self._out_dir, self._name)
        return built

    def _goes_on(self, journal: BuildJournal) -> bool:
        """Tell whether the files are what the journal says."""
        return journal.begun and all(
            _has_size(self._part(output), output.layout.bytes)
            or (output.kind in journal.whole and _has_size(self._final(output), output.layout.bytes))
            for output in self._outputs
        )

    def _begin(self, journal: BuildJournal) -> None:
        """Write the headers and what comes from no stored tensor."""
        for output in self._outputs:
            with self._part(output).open("wb") as file:
                _write_frame(output, file)
                file.truncate(output.layout.bytes)
                file.flush()
                os.fsync(file.fileno())
        journal.begin()

    def _look_through(self, journal: BuildJournal) -> None:
        """Check what an earlier run has stored: tensors that have changed on the disk are made again."""
        with contextlib.ExitStack() as stack:
            files = [
                stack.enter_context(self._part(output).open("r+b", buffering=0)) for output in self._outputs
            ]
            for output, file in zip(self._outputs, files, strict=True):
                _write_frame(output, file)
            damaged = [
                name
                for name, checksum in journal.tensors.items()
                if checksum and checksum != stored_checksum(name, self._outputs, files)
            ]
        if damaged:
            log.warning("of %s, %s tensors were damaged and are made again", self._name, len(damaged))
            journal.forget(damaged)

    def _make(self, journal: BuildJournal) -> None:
        parts = [self._part(output) for output in self._outputs]
        left = [tensor for tensor in self._source.tensors if tensor.name not in journal.tensors]
        total = sum(tensor.source.size for tensor in self._source.tensors)
        quantises = any(output.kind not in FULL_PRECISION for output in self._outputs)
        reporter = Reporter(self._on_progress, "quantise" if quantises else "convert", total)
        reporter.begin_at(total - sum(tensor.source.size for tensor in left))
        commits = Commits(self._outputs, parts, journal)

        def written(rows: RowRange) -> None:
            reporter.advance(rows.stored_bytes, rows.tensor.name)
            commits.wrote(rows)

        def bring(ranges: Iterable[RowRange]) -> None:
            one_pass(
                ranges,
                self._outputs,
                parts,
                on_rows=written,
                on_tensor=lambda tensor: commits.add(tensor.name),
            )

        try:
            if self._coming is None:
                bring(_row_ranges(sorted(left, key=lambda tensor: place_in_file(tensor.name))))
            else:
                for file in self._coming.ask(left):
                    self._bring_coming(file, bring, commits, reporter)
                    commits.flush(partial(self._coming.used, file))
            commits.finish()
            self._verify(commits, journal)
        finally:
            commits.close()

    @staticmethod
    def _bring_coming(
        file: ComingTensors,
        bring: Callable[[Iterable[RowRange]], None],
        commits: Commits,
        reporter: Reporter,
    ) -> None:
        """Bring the tensors while their file arrives; once more where it arrived damaged and came again."""
        before = reporter.done
        commits.hold()

        def as_they_arrive() -> Iterator[RowRange]:
            for rows in file.as_they_arrive():
                if file.verified:
                    commits.release()
                yield rows

        try:
            bring(as_they_arrive())
        except (CheckpointError, FileNotFoundError):
            # Damaged data may hold anything, and is deleted.
            if file.settle():
                raise
        if not file.settle():
            log.warning("%s arrived damaged and is quantised again", file.path.name)
            commits.start_over()
            reporter.begin_at(before)
            bring(_row_ranges(file.tensors))
        commits.release()

    def _verify(self, commits: Commits, journal: BuildJournal) -> None:
        """Check the complete working files and hash what is not hashed yet."""
        total = sum(output.layout.bytes for output in self._outputs)
        reporter = Reporter(self._on_progress, "verify", total)
        reporter.begin_at(sum(hashed.done for hashed in commits.hashes))
        for output, hashed in zip(self._outputs, commits.hashes, strict=True):
            final = self._final(output)
            check_gguf(self._part(output))
            hashed.follow(partial(reporter.advance, detail=final.name))
            journal.add_whole(output.kind, hashed.hexdigest())
        reporter.reach(total, total, "")

    def _named(self, output: Output, sha256: str) -> BuiltFile:
        part, final = self._part(output), self._final(output)
        if part.exists():
            rename_durably(part, final)
            log.info("built %s", final.name)
        matrix = self._request.matrix
        weighed_by = matrix.text_for(output.kind) if matrix is not None else ""
        return BuiltFile(
            output.kind, final, sha256, output.layout.bytes, weighed_by, self._mixtures.get(output.kind)
        )

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        """Hold the folder for this build alone; turn its errors into messages for the user."""
        try:
            with told_when_full(self._out_dir, self._missing_bytes):
                self._out_dir.mkdir(parents=True, exist_ok=True)
                with locked(self._out_dir, self._name):
                    yield
        except OSError as error:
            raise BuildError(
                "The model cannot be written to {folder}: {reason}.",
                "Choose a folder that you may write to.",
                folder=str(self._out_dir),
                reason=error.strerror or str(error),
            ) from error

    def _missing_bytes(self) -> int:
        """Compute the disk space that the working files still need, in bytes."""
        stored = self._journal.tensors if self._journal is not None else ()
        return sum(
            output.layout.bytes - sum(output.layout.places[name].bytes for name in stored)
            for output in self._outputs
        )

    def _part(self, output: Output) -> Path:
        return working_path(self._out_dir, self._name, output.kind)

    def _final(self, output: Output) -> Path:
        return final_path(self._out_dir, self._name, output.kind)


def _row_ranges(tensors: Iterable[PlannedTensor]) -> Iterator[RowRange]:
    return chain.from_iterable(row_ranges(tensor) for tensor in tensors)


def _write_frame(output: Output, file: BinaryIO) -> None:
    """Write the header, and what comes from no stored tensor."""
    file.seek(0)
    file.write(output.layout.header)
    for name, data in output.constants.items():
        file.seek(output.layout.places[name].offset)
        file.write(data)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
