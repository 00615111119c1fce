"""A checkpoint as the source of GGUF files: their metadata, their tensors, their layout."""

from collections.abc import Sequence
from math import prod
from pathlib import Path

import gguf

from converters.build.output import Output
from converters.build.quantised_output import quantised_output
from converters.checkpoint.architectures import ModelSettings, plan_tensors, read_settings
from converters.checkpoint.checkpoint import Checkpoint
from converters.checkpoint.model_card import add_general
from converters.checkpoint.rope import llama3_factors
from converters.checkpoint.special_tokens import read_special_tokens
from converters.checkpoint.vocabulary import Vocabulary, read_vocabulary
from converters.gguf.gguf_layout import TensorForm, lay_out
from converters.gguf.gguf_types import F32, FILE_TYPES, FULL_PRECISION
from converters.gguf.metadata_writer import encoded, new_metadata
from converters.imatrix.imatrix_file import Importance
from converters.process.messages import ComingFile
from models.quantisation.chosen_mixture import ChosenMixture
from models.quantisation.quantisation_mixture import MixtureModel

_ROPE_FACTORS = "rope_freqs.weight"


class Conversion:
    """One checkpoint, read and checked, ready to be built in any type.

    `name` is the model's name for its metadata, `coming` weight files are not there yet. Raises
    `CheckpointError` on construction for anything damaged or not supported, so that nothing is written then.
    """

    def __init__(self, folder: Path, name: str, coming: Sequence[ComingFile] = ()) -> None:
        self._checkpoint = Checkpoint(folder, coming)
        self._name = name
        self.settings = read_settings(self._checkpoint.config)
        self.tensors = plan_tensors(self._checkpoint, self.settings)
        self._vocabulary = read_vocabulary(self._checkpoint, self.settings.vocabulary)
        self._constants: dict[str, bytes] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        if self.settings.rope.scaling == "llama3":
            factors = llama3_factors(self.settings.rope, self.settings.head_dim)
            self._constants[_ROPE_FACTORS] = factors.tobytes()
            self._shapes[_ROPE_FACTORS] = factors.shape
        for tensor in self.tensors:
            self._shapes[tensor.name] = tensor.shape

    @property
    def lossless_type(self) -> str:
        """The smallest type that holds every matrix exactly as it is stored."""
        dtypes = {tensor.source.dtype for tensor in self.tensors if len(tensor.shape) > 1}
        return dtypes.pop() if len(dtypes) == 1 else F32.name

    def output(
        self, kind: str, importance: Importance | None = None, chosen: ChosenMixture | None = None
    ) -> Output:
        """See `Source`. Raises `BuildError` where the model's shape does not allow the type."""
        if kind in FULL_PRECISION:
            layout = lay_out(encoded(self._metadata(kind)), self._typed(kind))
            return Output(kind, layout, self._constants)
        settings = self.settings
        model = MixtureModel(settings.family.name, settings.layers, settings.heads, settings.kv_heads)
        values = encoded(self._metadata(self.lossless_type))
        return quantised_output(
            kind, values, self._typed(self.lossless_type), model, self._constants, importance, chosen
        )

    def _typed(self, kind: str) -> dict[str, TensorForm]:
        """Return the tensors with their matrices in the type `kind`; vectors are always F32."""
        return {
            name: (shape, FULL_PRECISION[kind] if len(shape) > 1 else F32)
            for name, shape in self._shapes.items()
        }

    def _metadata(self, kind: str) -> gguf.GGUFWriter:
        metadata = new_metadata(self.settings.family.name)
        parameters = sum(prod(shape) for shape in self._shapes.values())
        add_general(metadata, self._checkpoint, self._name, parameters)
        _add_settings(metadata, self.settings, FILE_TYPES[kind])
        metadata.add_quantization_version(gguf.GGML_QUANT_VERSION)
        self._add_vocabulary(metadata, self._vocabulary)
        return metadata

    def _add_vocabulary(self, metadata: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
        llama = self.settings.family.name == "llama"
        prefix_space = self._checkpoint.tokenizer_config.get("add_prefix_space")
        if llama and isinstance(prefix_space, bool):
            metadata.add_add_space_prefix(prefix_space)
        metadata.add_tokenizer_model("gpt2")
        metadata.add_tokenizer_pre(vocabulary.pretokenizer)
        metadata.add_token_list(vocabulary.tokens)
        metadata.add_token_types(vocabulary.types)
        metadata.add_token_merges(vocabulary.merges)
        read_special_tokens(self._checkpoint).write_to(metadata)
        if llama and self.settings.vocabulary == 49152:
            # llama.cpp's converter does so for small Granite models, and thereby for SmolLM2 as well.
            metadata.add_add_bos_token(False)


def _add_settings(metadata: gguf.GGUFWriter, settings: ModelSettings, file_type: int) -> None:
    """Add the hyperparameters, in the order of llama.cpp's converter (`set_gguf_parameters` in
    conversion/base.py).
    """
    metadata.add_block_count(settings.layers)
    metadata.add_context_length(settings.context)
    metadata.add_embedding_length(settings.hidden)
    metadata.add_feed_forward_length(settings.ffn)
    metadata.add_head_count(settings.heads)
    metadata.add_head_count_kv(settings.kv_heads)
    settings.rope.write_to(metadata)
    metadata.add_layer_norm_rms_eps(settings.rms_eps)
    if settings.head_dim_stated:
        metadata.add_key_length(settings.head_dim)
        metadata.add_value_length(settings.head_dim)
    metadata.add_file_type(file_type)
    if settings.family.name == "llama":
        metadata.add_vocab_size(settings.vocabulary)
        metadata.add_rope_dimension_count(settings.head_dim)
