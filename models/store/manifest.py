"""`manifest.json` in a model's folder: where its files came from and how they were made."""

import os
import re
from pathlib import Path

import msgspec

from models.quantisation.chosen_mixture import ChosenMixture
from models.quantisation.quantisation_loss import Quality
from models.system.json_file import load_json, read_json, write_json

MANIFEST_NAME = "manifest.json"

FileSizes = tuple[tuple[str, int], ...]
"""Names of files, with their bytes."""

_TYPE = re.compile(
    r"(?<![A-Za-z0-9])(I?Q\d(?:_[A-Z0-9]+)*|BF16|F16|F32|MXFP4|MIX_(?:\d+M|\d\.\d\dBPW)|TQ\d_\d)(?![A-Za-z0-9])",
    re.IGNORECASE,
)


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """An original file that a GGUF was made from."""

    path: str
    sha256: str
    bytes: int


class BuiltFile(msgspec.Struct, frozen=True):
    """A finished GGUF file as a build made it and `ModelStore.add` takes it. `type` is spelled as llama.cpp
    does (`Q4_K_M`, `BF16`), `imatrix` and `mixture` are as in `OutputFile`."""

    type: str
    path: Path
    sha256: str
    bytes: int
    imatrix: str = ""
    mixture: ChosenMixture | None = None


class OutputFile(msgspec.Struct, frozen=True, kw_only=True):
    """One GGUF file of a model, with its own origin: types may come from different commits.

    `file` is its name in the model's folder, or an absolute path for a file that stays where the user keeps
    it (`imported`). `repo`, `commit` and `inputs` name what it was made from. `made_at` is ISO 8601 in UTC,
    `tools` names the versions that made it. `sha256` is empty for an imported file that nobody
    named one for. `imatrix` says what the importance matrix was collected over that it
    was quantised with, `mixture` which type each tensor got where that was chosen. `measured` is what
    quantising cost it, once that is known. `passing` is a full-precision file that goes again when the build
    or measurement that it was made for is done.
    """

    type: str
    file: str
    bytes: int
    sha256: str = ""
    repo: str = ""
    commit: str = ""
    inputs: tuple[InputFile, ...] = ()
    made_at: str = ""
    imported: bool = False
    tools: dict[str, str] = {}
    imatrix: str = ""
    mixture: ChosenMixture | None = None
    passing: bool = False
    measured: Quality | None = None


class Manifest(msgspec.Struct, kw_only=True):
    """One model of the store; `key` is its catalogue key, where it has one."""

    name: str
    version: int = 1
    key: str = ""
    outputs: list[OutputFile] = []

    def write(self, folder: Path) -> None:
        """Put the manifest into `folder`."""
        write_json(folder / MANIFEST_NAME, self, indent=True)

    def put(self, output: OutputFile) -> None:
        """Add an output, in the place of one with the same file."""
        self.outputs = [other for other in self.outputs if other.file != output.file] + [output]

    def forget(self, folder: Path, output: OutputFile) -> None:
        """Take an output out of it in `folder`, which goes with the last one where nothing else is in it."""
        self.outputs.remove(output)
        if self.outputs:
            self.write(folder)
        else:
            (folder / MANIFEST_NAME).unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of `folder`. Raises `OSError` or `DamagedJsonError` where it cannot be read."""
    return load_json(folder / MANIFEST_NAME, Manifest).value


def usable_manifest(folder: Path) -> Manifest:
    """Read the manifest; where there is none that can be used, make one from the files, and tell the user.

    Only while nobody else changes the store: a damaged one is set aside.
    """
    # People edit it, and without it an imported model is lost.
    without = (
        "Its model can be used; where it came from is not known. Get it again, or add it again if it lies "
        "elsewhere."
    )
    manifest = read_json(folder / MANIFEST_NAME, Manifest, without=without, changed="use")
    return manifest or manifest_of_files(folder)


def manifest_of_files(folder: Path) -> Manifest:
    """Make a manifest of what a folder's GGUF files tell by their names."""
    files = gguf_sizes(folder)
    outputs = [OutputFile(type=type_in_name(name), file=name, bytes=size) for name, size in files]
    return Manifest(name=folder.name, outputs=outputs)


def gguf_sizes(folder: Path) -> FileSizes:
    """List the GGUF files of a folder with their bytes."""
    try:
        with os.scandir(folder) as entries:
            found = [each for each in entries if _is_gguf(each)]
            return tuple(sorted((each.name, each.stat().st_size) for each in found))
    except (FileNotFoundError, NotADirectoryError):
        return ()


def _is_gguf(entry: "os.DirEntry[str]") -> bool:
    return os.path.normcase(entry.name).endswith(".gguf") and entry.is_file()


def type_in_name(file_name: str) -> str:
    """Return the quantisation that a GGUF's file name states, in capitals; "GGUF" where it states none."""
    found = _TYPE.findall(Path(file_name).stem)
    return found[-1].upper() if found else "GGUF"
