r"""Make tests/data/quality: what llama-imatrix and llama-perplexity find with a small model and text.

The small models' files are built by Stillroom, whose bytes equal the reference's. To make the data again,
with the tools of the llama.cpp version that the installed llama-cpp-python carries:

    python -m tests.perf.build_llama_tools llama-imatrix llama-perplexity
    python -m tests.support.make_quality_reference --tools build/llama-tools/bin --work DIR
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.base.children import child_command
from converters.build.build_client import build
from converters.process.messages import BuildRequest
from tests.support.tiny_models import make_tiny_model

DATA = Path(__file__).parents[1] / "data" / "quality"
PERPLEXITY = DATA / "perplexity.json"
"""Not to be made on a processor with AMX: llama.cpp's own tools have kernels for it that round otherwise, so
that of 1,530 next words one is another. Our engine leaves them out."""
TEXT = DATA / "text.txt"
MODEL = "qwen2"
"""Its vocabulary adds a BOS token."""
TYPES = ("BF16", "Q4_0", "Q8_0")

_NUMBER = r"\s*:\s*(-?[\d.]+)"
FIGURES = {
    "perplexity": r"Mean PPL\(Q\)",
    "reference_perplexity": r"Mean PPL\(base\)",
    "log_ratio": r"Mean ln\(PPL\(Q\)/PPL\(base\)\)",
    "kld_mean": r"Mean +KLD",
    "kld_median": r"Median +KLD",
    "kld_p99": r"99\.0% +KLD",
    "kld_max": r"Maximum KLD",
    "same_top": r"Same top p",
}
"""Names that llama-perplexity has for the fields of `Quality`; the last one is in percent."""
WITH_ERRORS = ("perplexity", "reference_perplexity", "log_ratio", "kld_mean", "same_top")


def build_small_model(folder: Path) -> dict[str, Path]:
    """The small model's GGUF file of each type."""
    checkpoint = make_tiny_model(MODEL, folder)
    result = build(BuildRequest(checkpoint, TYPES, folder, "small"), child_command("build"))
    return {output.type: output.path for output in result.outputs}


def llama_perplexity(
    tool: Path,
    reference: Path,
    model: Path,
    text: Path,
    work: Path,
    chunks: int = -1,
    options: Sequence[str] = (),
) -> dict[str, float]:
    """The figures of llama-perplexity with these `options`, by the names that `Quality` has for them."""
    base = llama_base(tool, reference, text, work, chunks)
    figures = llama_divergence(tool, base, model, options)
    base.unlink()
    return figures


def llama_base(tool: Path, reference: Path, text: Path, work: Path, chunks: int = -1) -> Path:
    """The file in `work` with what llama-perplexity keeps of the reference's predictions."""
    kept = work / "base.kld"
    _run([tool, "-m", reference, "-f", text, "--kl-divergence-base", kept, "--chunks", chunks])
    return kept


def llama_divergence(tool: Path, base: Path, model: Path, options: Sequence[str] = ()) -> dict[str, float]:
    """The figures of llama-perplexity for a model beside a reference's predictions in `base`."""
    printed = ""
    while "Same top p:" not in printed:  # on a busy machine its log can end before its last lines
        printed = _run([tool, "-m", model, "--kl-divergence", "--kl-divergence-base", base, *options])
    figures = {}
    for name, words in FIGURES.items():
        found = re.search(words + _NUMBER, printed)
        assert found is not None, f"{words} is missing in:\n{printed}"
        figures[name] = float(found[1])
        if name in WITH_ERRORS:
            error = re.compile(r"\s*±\s*([\d.]+)").match(printed, found.end())
            assert error is not None, words
            figures[f"{name}_error"] = float(error[1])
    return {name: value / 100 if "same_top" in name else value for name, value in figures.items()}


def llama_imatrix(tool: Path, model: Path, text: Path, out: Path, chunks: int = -1) -> None:
    """Collect with llama-imatrix, in the format that the name of `out` ends in."""
    kind = ["--output-format", out.suffix.removeprefix(".")]
    command = [tool, "-m", model, "-f", text.name, "-o", out, *kind, "--chunks", chunks, "--no-ppl"]
    _run(command, text.parent)  # whose name goes into the file as it is given


def _run(command: list[object], folder: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, cwd=folder
    )
    return done.stdout + done.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", required=True, type=Path)
    parser.add_argument("--work", required=True, type=Path)
    options = parser.parse_args()
    files = build_small_model(options.work)
    for kind in ("gguf", "dat"):
        llama_imatrix(options.tools / "llama-imatrix", files["BF16"], TEXT, DATA / f"imatrix.{kind}")
    tool = options.tools / "llama-perplexity"
    figures = {
        kind: llama_perplexity(tool, files["BF16"], files[kind], TEXT, options.work) for kind in TYPES[1:]
    }
    PERPLEXITY.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    print(json.dumps(figures), file=sys.stderr)


if __name__ == "__main__":
    main()
