"""A Hugging Face checkpoint on disk: its settings files and where its tensors lie."""

import errno
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from converters.checkpoint.safetensors_file import StoredTensor, read_header
from converters.process.messages import ComingFile
from converters.system.errors import CheckpointError
from models.system.foreign_json import MOST_JSON_BYTES, check_values, parse_json
from models.system.regular_file import open_regular, read_regular

Json = dict[str, object]

_MOST_TOKENIZER_BYTES = 64 << 20
_MOST_TOKENIZER_VALUES = 3 << 20
"""Three times as many as the largest known tokenizer.json, of 34 MB."""

_MOST_HEAD_BYTES = 64 << 10


class Checkpoint:
    """The files of one checkpoint. Nothing but headers and settings is read on opening.

    Of the `coming` files the headers are there.

    `tensors` are in the order of their files, then by name. Raises `CheckpointError` where a file is
    missing or damaged, or where the index and the files disagree.
    """

    def __init__(self, folder: Path, coming: Sequence[ComingFile] = ()) -> None:
        self.folder = folder
        self._coming = {file.name: file for file in coming}
        if not (folder / "config.json").is_file():
            raise CheckpointError(
                "There is no checkpoint in {folder}: config.json is missing.",
                "Choose a folder with the model's original files, or download them again.",
                folder=str(folder),
            )
        self.config = self._json("config.json")
        self.tokenizer = self._json("tokenizer.json")
        self.tokenizer_config = self._optional_json("tokenizer_config.json")
        self.tensors = self._tensors()

    def generation_config(self) -> Json:
        """Read the publisher's sampling defaults; empty where the file cannot be read, as in llama.cpp."""
        try:
            return self._optional_json("generation_config.json")
        except CheckpointError:
            return {}

    def text(self, name: str) -> str | None:
        """Read a text file's contents, or None where there is none."""
        file = self.folder / name
        return _read(file).decode("utf-8", "replace") if file.is_file() else None

    def head(self, name: str) -> str:
        """Read the first 64 KiB of a text file; empty where there is none."""
        try:
            with open_regular(self.folder / name) as file:
                return file.read(_MOST_HEAD_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""

    def _optional_json(self, name: str) -> Json:
        return self._json(name) if (self.folder / name).is_file() else {}

    def _json(self, name: str) -> Json:
        file = self.folder / name
        if not file.is_file():
            raise CheckpointError(
                "The checkpoint has no {file}.",
                "Download the model again with all of its files; Stillroom needs its tokenizer.json.",
                file=name,
            )
        try:
            value = _parsed_tokenizer(file) if name == "tokenizer.json" else parse_json(_read(file))
        except (ValueError, RecursionError) as error:
            raise _bad_json(name) from error
        if not isinstance(value, dict):
            raise _bad_json(name)
        return value

    def _tensors(self) -> dict[str, StoredTensor]:
        index = self._optional_json("model.safetensors.index.json")
        if index:
            weight_map = index.get("weight_map")
            if not isinstance(weight_map, dict) or not all(isinstance(v, str) for v in weight_map.values()):
                raise _bad_json("model.safetensors.index.json")
            return self._sharded(weight_map)
        found = [file.name for file in self.folder.glob("model*.safetensors")]
        files = sorted(self._coming or found)
        if not files:
            raise CheckpointError(
                "There are no safetensors weights in {folder}.",
                "Stillroom converts safetensors only: choose a repository that has them.",
                folder=str(self.folder),
            )
        return self._merged(files)

    def _sharded(self, weight_map: dict[str, str]) -> dict[str, StoredTensor]:
        names = sorted(set(weight_map.values()))
        for name in names:
            if PurePosixPath(name).name != name or "\\" in name:
                raise _bad_json("model.safetensors.index.json")
        tensors = self._merged(names)
        for name, file in weight_map.items():
            if name not in tensors or tensors[name].file.name != file:
                raise CheckpointError(
                    "The tensor {tensor} is not in {file}, where the index has it.",
                    "Download the model again; its files do not belong together.",
                    tensor=name,
                    file=file,
                )
        for name in tensors:
            if name not in weight_map:
                raise CheckpointError(
                    "The tensor {tensor} is not in the index of the weights.",
                    "Download the model again; its files do not belong together.",
                    tensor=name,
                )
        return tensors

    def _merged(self, files: list[str]) -> dict[str, StoredTensor]:
        merged: dict[str, StoredTensor] = {}
        for file in files:
            for name, tensor in self._header(file).items():
                if name in merged:
                    raise CheckpointError(
                        "The tensor {tensor} is in {first} and again in {second}.",
                        "Keep one set of weight files in the folder, or download the model again.",
                        tensor=name,
                        first=merged[name].file.name,
                        second=file,
                    )
                merged[name] = tensor
        return merged

    def _header(self, name: str) -> dict[str, StoredTensor]:
        coming = self._coming.get(name)
        if coming is None or coming.header is None:
            return read_header(self.folder / name)
        return read_header(self.folder / name, coming.header, coming.bytes)


def _parsed_tokenizer(file: Path) -> object:
    # Parsed from its bytes: as a text it takes four bytes a character once one of them is an emoji.
    data = _read(file, _MOST_TOKENIZER_BYTES)
    check_values(data, _MOST_TOKENIZER_VALUES)
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _read(file: Path, most_bytes: int = MOST_JSON_BYTES) -> bytes:
    try:
        return read_regular(file, most_bytes)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise CheckpointError(
                "The file {file} is too large to be what its name says.",
                "Download the model again.",
                file=file.name,
            ) from error
        raise CheckpointError(
            "The file {file} cannot be read: {reason}.",
            "Check that it is there and that you may read it.",
            file=file.name,
            reason=error.strerror or str(error),
        ) from error


def _bad_json(name: str) -> CheckpointError:
    return CheckpointError("The file {file} is damaged.", "Download the model again.", file=name)
