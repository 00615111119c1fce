r"""Make tests/data/converters/*.json: what llama.cpp's own tools make of the test checkpoints.

Only hashes and metadata are kept. To make them again, with llama.cpp's source and llama-quantize of the
version that the installed llama-cpp-python carries (its source archive has both), and a Python that has
torch and transformers:

    python -m tests.support.make_reference --llama-cpp DIR --quantize llama-quantize \
        --python PYTHON --starter SmolLM2-135M-Instruct.Q4_1.gguf --work DIR

The reference decides the pre-tokenizer by hashing transformers' tokens of a test text. The small models'
made-up vocabularies have no known hash, so there the answer is put into its mouth (`get_vocab_base_pre`);
for the starter it decides by itself. Every type is quantised from the type that the weights are stored in.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import gguf

from tests.support.checkpoints import rebuild_starter
from tests.support.tiny_models import TINY_MODELS, make_tiny_model

DATA = Path(__file__).parents[1] / "data" / "converters"
FULL = ("BF16", "F16", "F32")
QUANTISED = ("Q4_K_M", "Q4_K_S", "Q4_0", "Q5_K_M", "Q6_K", "Q8_0", "IQ4_XS", "Q3_K_M")
STARTER_FOLDER = "SmolLM2-135M-Instruct"

PATCHED_CONVERTER = """
import runpy, sys
sys.path[:0] = [{llama_cpp!r}, {llama_cpp!r} + "/gguf-py"]
from conversion.base import TextModel
TextModel.get_vocab_base_pre = lambda self, tokenizer: {pretokenizer!r}
sys.argv = ["convert_hf_to_gguf.py", *sys.argv[1:]]
runpy.run_path({llama_cpp!r} + "/convert_hf_to_gguf.py", run_name="__main__")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("llama-cpp", "quantize", "python", "starter", "work"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    options = parser.parse_args()
    starter = options.work / STARTER_FOLDER
    if not starter.exists():
        rebuild_starter(options.starter, starter)
    _write("starter", starter, "BF16", None, options)
    for key, model in TINY_MODELS.items():
        folder = options.work / model.folder_name
        if not folder.exists():
            make_tiny_model(key, options.work)
        _write(key, folder, model.dtype.upper(), model.pretokenizer, options)


def describe(path: Path, with_tensors: bool = True) -> dict[str, Any]:
    """A GGUF file's hash, metadata (long lists as hashes) and, where wanted, each tensor's type, shape and
    hash.
    """
    reader = gguf.GGUFReader(path)
    metadata = {}
    for name, field in reader.fields.items():
        if not name.startswith("GGUF."):
            metadata[name] = [[kind.name for kind in field.types], _short(field.contents())]
    tensors = {
        tensor.name: [
            tensor.tensor_type.name,
            [int(n) for n in tensor.shape],
            hashlib.sha256(tensor.data.tobytes()).hexdigest()[:16],
        ]
        for tensor in reader.tensors
    }
    whole = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    return {**whole, "metadata": metadata, "tensors": tensors} if with_tensors else whole


def checkpoint_hashes(folder: Path) -> dict[str, str]:
    """The sha256 of every file of a checkpoint."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.iterdir())
        if file.is_file()
    }


def _short(value: Any) -> Any:
    if isinstance(value, list) and len(value) > 16:
        return {"length": len(value), "sha256": hashlib.sha256(json.dumps(value).encode()).hexdigest()}
    return value


def _write(key: str, folder: Path, base: str, pretokenizer: str | None, options: argparse.Namespace) -> None:
    outputs = {}
    for kind in FULL:
        file = options.work / f"{key}-{kind}.gguf"
        script = str(options.llama_cpp / "convert_hf_to_gguf.py")
        if pretokenizer is not None:
            script = str(options.work / "patched.py")
            text = PATCHED_CONVERTER.format(llama_cpp=str(options.llama_cpp), pretokenizer=pretokenizer)
            Path(script).write_text(textwrap.dedent(text), "utf-8")
        command = [options.python, script, "--outtype", kind.lower(), "--outfile", file, folder]
        subprocess.run([str(part) for part in command], check=True)
        outputs[kind] = describe(file, with_tensors=key != "starter" or kind == base)
    for kind in QUANTISED:
        file = options.work / f"{key}-{kind}.gguf"
        subprocess.run(
            [str(options.quantize), str(options.work / f"{key}-{base}.gguf"), str(file), kind], check=True
        )
        outputs[kind] = describe(file, with_tensors=kind in ("Q4_K_M", "Q8_0"))
    document = {"checkpoint": checkpoint_hashes(folder), "outputs": outputs}
    DATA.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (DATA / f"{key}.json").write_text(text + "\n", "utf-8")
    print(key, "done", file=sys.stderr)


if __name__ == "__main__":
    main()
