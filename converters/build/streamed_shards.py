"""Weight files that come from a hub while a build goes on."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from converters.build.quantise_rows import RowRange, row_ranges
from converters.checkpoint.architectures import PlannedTensor
from converters.checkpoint.safetensors_file import read_header
from converters.process.messages import ComingFile
from converters.process.shard_messages import Arrivals
from converters.system.errors import CheckpointError
from models.quantisation.quantisation_mixture import place_in_file


class ComingTensors:
    """The tensors that are wanted of one coming file. They may be read while the rest of it arrives; what is
    made of them then counts only once the file is verified, as it may arrive damaged and come again."""

    def __init__(self, path: Path, tensors: Sequence[PlannedTensor], arrivals: Arrivals) -> None:
        self.path = path
        self.tensors = sorted(tensors, key=lambda tensor: place_in_file(tensor.name))
        self.verified = False
        """The file is whole, and what was handed out is of this very content."""
        self._arrivals = arrivals
        self._attempt: int | None = None
        self._bytes = 0

    def as_they_arrive(self) -> Iterator[RowRange]:
        """Yield each range of rows as soon as it can be read; of the tensors that can, the first in the
        output. Ends early where the file comes again. Raises `CheckpointError`."""
        waiting = list(self.tensors)
        while waiting:
            next_one = min(waiting, key=lambda tensor: tensor.source.offset)
            if not self._can_be_read(next_one.source.offset + 1):
                return
            tensor = next((tensor for tensor in waiting if _end(tensor) <= self._bytes), next_one)
            for rows in row_ranges(tensor):
                if not self._can_be_read(rows.offset + rows.stored_bytes):
                    return
                yield rows
            waiting.remove(tensor)

    def settle(self) -> bool:
        """Block until the file is verified; whether what was handed out is of this very content. Raises
        `CheckpointError` where its header is another than the server showed."""
        if self.verified:
            return True
        there = self._arrivals.wait_for(self.path.name)
        found = read_header(self.path)
        for tensor in self.tensors:
            if found.get(tensor.source.name) != tensor.source:
                raise CheckpointError(
                    "The file {file} is damaged: {reason}.",
                    "Download the model again; this file is not what its publisher uploaded.",
                    file=self.path.name,
                    reason="its header is another than the server showed",
                )
        self.verified = self._attempt in (None, there.attempt)
        return self.verified

    def _can_be_read(self, end: int) -> bool:
        """Block until the file is there up to byte `end`; False where it comes again."""
        if self._bytes < end or not self.verified:
            there = self._arrivals.wait_for(self.path.name, end)
            if there.verified:
                self.settle()
            elif self._attempt in (None, there.attempt):
                self._attempt = there.attempt
            self._bytes = there.bytes
            return self.verified or self._attempt == there.attempt
        return True


class ComingFiles:
    """The `files` of the checkpoint in `folder`, brought by `arrivals`."""

    def __init__(self, folder: Path, files: Sequence[ComingFile], arrivals: Arrivals) -> None:
        self.checksums = {file.name: file.sha256 for file in files if file.sha256}
        self._paths = [folder / file.name for file in files]
        self._arrivals = arrivals
        self._asked: list[str] = []

    def ask(self, tensors: Sequence[PlannedTensor]) -> list[ComingTensors]:
        """Ask for the files in which `tensors` lie, and return them in the order in which they come from now
        on: that with the first tensor of the output is the first, so that the output can be hashed meanwhile.
        (A head of its own is the first tensor of a GGUF file and lies in the last one of a checkpoint.)

        May be called again once it is known that some of the tensors are not wanted after all.
        """
        by_file = {path: [tensor for tensor in tensors if tensor.source.file == path] for path in self._paths}
        files = [ComingTensors(path, group, self._arrivals) for path, group in by_file.items() if group]
        files.sort(key=lambda file: place_in_file(file.tensors[0].name))
        names = [file.path.name for file in files]
        if self._asked:
            for name in self._asked:
                if name not in names:
                    self._arrivals.used(name)
        else:
            self._arrivals.need(names)
        self._asked = self._asked or names
        return files

    def used(self, file: ComingTensors) -> None:
        """Let `file` go: everything in it is stored in the outputs."""
        self._arrivals.used(file.path.name)


def _end(tensor: PlannedTensor) -> int:
    return tensor.source.offset + tensor.source.size
