"""One GGUF file to be built, as known before a weight is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from converters.checkpoint.architectures import PlannedTensor
from converters.gguf.gguf_layout import Layout
from converters.imatrix.imatrix_file import Floats, Importance
from models.quantisation.chosen_mixture import ChosenMixture


@dataclass(frozen=True, slots=True)
class Output:
    """A file of the type `kind`. `constants` are tensors that come from no stored one; `importance` weighs
    the columns of the tensors that it names."""

    kind: str
    layout: Layout
    constants: Mapping[str, bytes] = field(default_factory=dict)
    importance: Mapping[str, Floats] = field(default_factory=dict)


class Source(Protocol):
    """The source of a build: a checkpoint or a GGUF file, read and checked."""

    @property
    def tensors(self) -> Sequence[PlannedTensor]:
        """The stored tensors, in the source's order."""

    def output(self, kind: str, importance: Importance | None, chosen: ChosenMixture | None) -> Output:
        """Lay out the file of type `kind`, or of the mixture that was `chosen`.

        Raises `BuildError` where it cannot be made of this source.
        """
