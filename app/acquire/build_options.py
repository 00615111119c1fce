"""A model as the user asks for it. Nothing slow is imported: the command line's help needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.catalogue.reference import Reference
from models.quantisation.chosen_mixture import is_chosen, label_of, label_of_bits
from models.quantisation.quantisation_types import WEIGHED

AUTO, ON, OFF = "auto", "on", "off"

WORTH_IT = ("IQ4_XS", "Q3_K_M")
"""The types that a matrix is collected for unasked: those below four and a half bits, which lose most without
one. Collecting reads the whole text with the model, minutes on a processor alone, while a build takes
less; so for the larger 4-bit types one asks for it."""


@dataclass(frozen=True, slots=True)
class FileSize:
    """The size of a file whose types are chosen for it, as in `BuildWish`; 0 twice is none."""

    size_bytes: int = 0
    small_cache_bytes: int = 0
    fits: bool = False

    @property
    def most_bytes(self) -> int:
        """The bytes of the larger of two files in question."""
        return max(self.size_bytes, self.small_cache_bytes)


NO_SIZE = FileSize()


@dataclass(frozen=True, slots=True)
class BuildWish:
    """A wish for a build. `imatrix`: "auto", "on" (for every type of four bits and less), "off" or a file.
    `size_bytes` asks for the mixture that loses least in a file of so many bytes, 0 for none;
    `small_cache_bytes` are those that the file may take where its KV cache is kept in q8_0, 0 where that is
    no question. They are what `fits` the free memory, which is never twice the same: a file that was made
    for hardly less will do. `bits` asks for the one nearest to so many bits a weight instead, 0 for none."""

    imatrix: str = AUTO
    measure: bool = False
    size_bytes: int = 0
    small_cache_bytes: int = 0
    fits: bool = False
    bits: float = 0.0

    @property
    def mixture_label(self) -> str:
        """The label of the mixture that is wished, of the larger one where two are in question; empty without
        one."""
        if self.bits:
            return label_of_bits(self.bits)
        size = max(self.size_bytes, self.small_cache_bytes)
        return label_of(size) if size else ""

    @property
    def unweighed(self) -> bool:
        """Tell whether no file may be weighed by a matrix."""
        return self.imatrix == OFF

    def weighed(self, types: Sequence[str]) -> list[str]:
        """Return those of `types` that take a matrix."""
        if self.unweighed:
            return []
        wanted = WORTH_IT if self.imatrix == AUTO else WEIGHED
        return [kind for kind in types if kind in wanted or is_chosen(kind)]

    @property
    def file(self) -> Path | None:
        """Return the file of a matrix that was given."""
        return None if self.imatrix in (AUTO, ON, OFF) else Path(self.imatrix).expanduser()


@dataclass(frozen=True, slots=True)
class Order:
    """A model in `types`, at a `revision` of its repository; `out` is a folder for its files, None is the
    store.

    Original weights that were downloaded for it go again, unless `keep_original`.
    """

    reference: Reference
    types: Sequence[str] = ()
    wish: BuildWish = BuildWish()
    revision: str = ""
    keep_original: bool = False
    out: Path | None = None

    @property
    def only_imports(self) -> bool:
        """Tell whether nothing is to be made of a GGUF file: it is recorded where it lies."""
        return not self.types and not self.wish.mixture_label and self.out is None
