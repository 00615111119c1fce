"""`stillroom build`: from a model's original weights to GGUF files."""

import argparse
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

from app.acquire.build_options import AUTO, OFF, ON, WORTH_IT, BuildWish, Order
from app.acquire.requantise import source_of
from app.commands.terminal.arguments import TYPES, file_size, quantisation, weight_bits, whole
from app.commands.terminal.command_core import Core, listed_devices
from app.commands.terminal.console import Console, WrongUse, time_text
from app.commands.terminal.mixture_words import check_sentences, mixture_sentences
from app.commands.terminal.quality_words import gate_warning, quality_document, quality_sentences
from app.engine.devices.huge_pages import engine_has_large_pages
from app.machine.doctor import Known, free_memory
from app.machine.fitting_size import fitting_by_cache, with_context
from converters.lora.adapter_folder import is_adapter
from converters.process.peak_memory import peak_memory_bytes
from models.catalogue.reference import CatalogueReference, GgufReference, Reference, parse_reference
from models.memory.fit import Memory
from models.quantisation.chosen_mixture import ChosenMixture
from models.quantisation.file_size import weights_of
from models.quantisation.quantisation_types import EVERYDAY_TYPE
from models.quantisation.size_range import LEAST_BITS, MOST_BITS
from models.system.errors import StillroomError
from models.system.progress import JobContext
from models.system.units import byte_count

if TYPE_CHECKING:
    # What builds takes longer to load than the help takes.
    from app.acquire.quality_build import Acquired

NAME = "build"
SUMMARY = "convert and quantise a model, downloading its original weights where they are not here"
EXAMPLE = "stillroom build r1-qwen-1.5b --type Q4_K_M --type Q8_0"


class BuiltFile(msgspec.Struct, frozen=True, kw_only=True):
    """A GGUF file that was made, or was there already from the same commit or files.

    `imatrix` says what its importance matrix was collected over, `quality` what quantising cost, `mixture`
    which type each tensor got and why, where that was chosen.
    """

    path: str
    type: str
    sha256: str
    bytes: int
    imatrix: str = ""
    quality: dict[str, Any] | None = None
    mixture: ChosenMixture | None = None


class BuildResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document. `peak_memory_bytes` is the build process's, 0 where nothing had to be built."""

    outputs: list[BuiltFile]
    seconds: float
    peak_memory_bytes: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --type, --size, --bits, --fit, --context, --out, --base, --imatrix, --measure."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a key of `stillroom list`, a Hugging Face id, a checkpoint's folder, a .gguf file, or "
        "an adapter's folder (LoRA)",
    )
    parser.add_argument(
        "--type",
        dest="types",
        action="append",
        type=quantisation,
        metavar="TYPE",
        default=[],
        help=f"one of {', '.join(TYPES)}; may be given several times (default: the one recommended for this "
        "computer)",
    )
    by_size = parser.add_mutually_exclusive_group()
    by_size.add_argument(
        "--size",
        type=file_size,
        default=0,
        metavar="SIZE",
        help="the mixture of types that loses least in a file of this size (4.1GB), chosen by measurement: "
        "what each type costs each tensor is measured once, and kept beside the model",
    )
    by_size.add_argument(
        "--bits",
        type=weight_bits,
        default=0.0,
        metavar="BITS",
        help=f"the same for so many bits a weight ({LEAST_BITS} to {MOST_BITS}): the best file of at most so "
        "many, or the next better one where only that is within 0.3%% of them",
    )
    by_size.add_argument(
        "--fit",
        action="store_true",
        help="the same for the largest size that fits this computer as the model will be loaded: on the "
        "graphics cards where it can be, else in memory; with a KV cache in f16 or larger with one in q8_0, "
        "whichever loses less",
    )
    parser.add_argument(
        "--context",
        type=whole("context_tokens"),
        default=0,
        metavar="N",
        help="with --fit: the tokens of context that are to fit, of one reply at a time",
    )
    parser.add_argument("--out", type=_folder, metavar="DIR", help="folder (default: Stillroom's own models)")
    parser.add_argument(
        "--base",
        type=_folder,
        metavar="DIR",
        help="of an adapter: a folder with its base model's config.json (no weights are needed)",
    )
    parser.add_argument(
        "--imatrix",
        type=_matrix,
        default=AUTO,
        metavar="auto|on|off|FILE",
        help=f"importance matrix: collected for {' and '.join(WORTH_IT)} (auto, the default), for every type "
        "of four bits and less (on), none (off), or from a file of llama-imatrix; a collected one is kept "
        "beside the model and used again",
    )
    parser.add_argument(
        "--measure", action="store_true", help="measure what quantising cost, against full precision"
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Download where needed, convert, quantise; an interrupted download goes on when asked for again."""
    if options.context and not options.fit:
        raise WrongUse("--context is what --fit leaves room for, and has no effect without it.")
    folder = _folder(options.model)
    if is_adapter(folder):
        if options.types or options.size or options.bits or options.fit or options.measure:
            raise WrongUse(
                "An adapter is made as it is: --type, --size, --bits, --fit and --measure are for models."
            )
        _build_adapter(folder, options, core, console, cancel)
        return
    reference = parse_reference(options.model)
    types, bits = options.types, options.bits
    size, small_cache = options.size, 0
    if options.fit:
        size, small_cache = _fitting_sizes(reference, options.context, core, cancel)
        console.note(_fitting_sentence(size, small_cache))
    if not types and not (size or bits or small_cache):
        kind, is_provisional = _recommended_type(reference, core, cancel)
        types = [kind]
        console.note(f"Without --type, {kind} is made: what is recommended for this computer.")
        if is_provisional:
            console.note(
                "That is provisional: other programs keep this computer busy. Build when it is quiet, or "
                "choose with --type."
            )
    if isinstance(reference, GgufReference):
        source = source_of(reference.file, core.store)
        if source.is_quantised:
            console.note(
                f"{reference.file.name} is quantised already ({source.type}): quantising it again loses more "
                "quality than building from the original weights."
            )
    settings = core.settings.values
    order = Order(
        reference,
        types,
        BuildWish(
            imatrix=options.imatrix,
            measure=options.measure,
            size_bytes=size,
            small_cache_bytes=small_cache,
            fits=options.fit,
            bits=bits,
        ),
        keep_original=settings.keep_original_weights,
        out=options.out,
    )
    built = core.acquirer().get(order, JobContext(console.progress, cancel))
    console.end_progress()
    console.document(_result(built))
    for model in built.models:
        console.say(f"{model.type}  {byte_count(model.bytes)}  {model.path}")
        if model in built.found:
            console.say("  It was there already, made of the same weights: nothing was made again.")
        if model.mixture is not None:
            for line in mixture_sentences(model.mixture):
                console.say(f"  {line}")
            if model.mixture.cache is not None and model.mixture.cache.kv_type != "f16":
                console.say("  It is loaded so from now on; the model's load settings change that.")
            for line in check_sentences(model, core.store.find(model.name)):
                console.say(f"  {line}")
        if model.quality is not None:
            for line in quality_sentences(model.type, model.quality):
                console.say(f"  {line}")
            warning = gate_warning(model.type, model.quality, settings.accuracy_loss_gate_percent)
            if warning:
                console.note(warning)
    console.say(f"Done in {time_text(built.seconds)}.")


def _recommended_type(reference: Reference, core: Core, cancel: threading.Event) -> tuple[str, bool]:
    """Return the type to make of a model here, and whether that is provisional; of one that the catalogue
    does not know, the everyday one."""
    if not isinstance(reference, CatalogueReference):
        return EVERYDAY_TYPE, False
    memory = _memory(core, cancel)
    known = Known(loads=core.measurements.loads(), default=core.settings.values.load)
    advisor = known.advisor(memory)
    kind = advisor.recommended_type(reference.model)
    return kind, advisor.is_provisional(reference.model, kind)


def _fitting_sizes(
    reference: Reference, context_tokens: int, core: Core, cancel: threading.Event
) -> tuple[int, int]:
    """Return the largest file of a model that fits here with a cache in f16, and the larger one with a cache
    in q8_0. Raises `StillroomError` where none does, or where its shape is not known yet."""
    # It brings numpy along, which the command line's help does without.
    from app.machine.known_shape import dimensions_of

    shape = dimensions_of(reference)
    spread = weights_of(shape.dimensions, EVERYDAY_TYPE)
    asked = with_context(core.settings.values.load, context_tokens)
    sizes = fitting_by_cache(shape.dimensions, spread, shape.context_limit, asked, _memory(core, cancel))
    if not any(sizes):
        raise StillroomError(
            "Not even the smallest file of {model} fits this computer so.",
            "Ask for a shorter context, or choose a smaller model.",
            model=shape.name,
        )
    return sizes


def _fitting_sentence(size: int, small_cache: int) -> str:
    if not small_cache:
        return f"What fits this computer is a file of up to {byte_count(size)}."
    if not size:
        return f"What fits this computer is a file of up to {byte_count(small_cache)}, with a cache in q8_0."
    return (
        f"What fits this computer is a file of up to {byte_count(size)} with a cache in f16, or of up to "
        f"{byte_count(small_cache)} with one in q8_0: which of them loses less is measured."
    )


def _memory(core: Core, cancel: threading.Event) -> Memory:
    """Return the memory that is free now, here and on the computers that help."""
    with core.engine() as client:
        listed = listed_devices(client, core.settings.values.load.rpc_servers, cancel)
    devices = [] if isinstance(listed, StillroomError) else listed.devices
    free_bytes = psutil.virtual_memory().available
    memory = free_memory(free_bytes, devices, large_pages=engine_has_large_pages())
    return core.measurements.memory_speed().applied(memory)


def _build_adapter(
    folder: Path, options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event
) -> None:
    # It brings numpy along, which the command line's help does without.
    from app.commands.build_adapter import ADAPTER_TYPE, build_adapter

    started_s = time.monotonic()
    target, sha256 = build_adapter(folder, options.base, options.out, core.paths.checkpoints, cancel)
    size = target.stat().st_size
    output = BuiltFile(path=str(target), type=ADAPTER_TYPE, sha256=sha256, bytes=size)
    seconds = round(time.monotonic() - started_s, 3)
    console.document(BuildResult(outputs=[output], seconds=seconds, peak_memory_bytes=peak_memory_bytes()))
    console.say(f"{byte_count(size)}  {target}")
    console.say(f"Use it with `stillroom chat MODEL --lora {target}`.")


def _result(built: "Acquired") -> BuildResult:
    outputs = [
        BuiltFile(
            path=str(model.path),
            type=model.type,
            sha256=model.sha256,
            bytes=model.bytes,
            imatrix=model.imatrix,
            quality=quality_document(model.quality),
            mixture=model.mixture,
        )
        for model in built.models
    ]
    return BuildResult(
        outputs=outputs, seconds=round(built.seconds, 3), peak_memory_bytes=built.peak_memory_bytes
    )


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _matrix(text: str) -> str:
    """Reads --imatrix: one of its words, or a file."""
    if text not in (AUTO, ON, OFF) and not Path(text).expanduser().is_file():
        raise argparse.ArgumentTypeError(f"{text} is none of {AUTO}, {ON} and {OFF}, and no file")
    return text
