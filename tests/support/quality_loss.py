r"""The loss of the starter model in each quantisation, as a table and a plot for docs/.

    python -m tests.support.quality_loss docs/quality [--type TYPE ...] [--chunks N] [--imatrix auto|on|off]

Full precision is the bf16 file built from the checkpoint that `tests.support.checkpoints` rebuilds. Writes
`loss.md`, `loss.json` and `loss.png` into the folder; the plot is the one of the Models tab.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import qasync
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication

from app.acquire.acquirer import Acquirer
from app.acquire.build_options import BuildWish, Order
from app.acquire.quality_build import Commands
from app.base.children import child_command
from app.commands.terminal.quality_words import quality_document
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.models.quality.quality_plot import QualityPlot
from app.ui.widgets.plot_library import PlotLibrary
from converters.quality.measuring_client import measure
from models.catalogue.reference import CheckpointReference
from models.catalogue.starter import starter_file
from models.hub.hub_client import HubClient
from models.quantisation.quantisation_loss import CONFIDENCE
from models.store.store import InstalledModel, ModelStore
from models.system.progress import JobContext, Progress
from models.system.units import byte_count
from tests.support.checkpoints import rebuild_starter
from tests.support.make_reference import STARTER_FOLDER
from tests.support.waiting import until
from tests.support.window import settle

TYPES = ("Q8_0", "Q5_K_M", "Q4_K_M", "Q4_0")
SIZE_PX = (760, 320)

ORIGIN_NOTE = (
    "The order is the starter's own: a small model loses more than a large one, and its weights come from a",
    "4-bit file (Q4_1). Its rows of 576 weights, which 256 does not divide, take Q5_0 in place of Q4_K and",
    "Q5_1 in place of Q5_K; Q4_K and Q5_0 happen to meet the 16 steps of Q4_1 better than Q5_K and Q5_1.",
)


def measured_models(types: Sequence[str], imatrix: str, chunks: int, folder: Path) -> list[InstalledModel]:
    """The starter in each of `types`, measured; `chunks` 0 is the whole text."""
    starter = starter_file()
    assert starter is not None, "the starter model is installed by `make`"
    checkpoint = rebuild_starter(starter, folder / STARTER_FOLDER)

    commands = Commands(child_command("build"), child_command("measure"))
    acquirer = Acquirer(HubClient(), ModelStore(folder / "none"), folder, commands)
    order = Order(
        CheckpointReference(checkpoint),
        ["BF16", *types],
        BuildWish(imatrix=imatrix),
        out=folder / "built",
    )
    built = acquirer.get(order, JobContext(tell)).models
    full, *quantised = built
    qualities = measure(
        full.path,
        [model.path for model in quantised],
        child_command("measure"),
        JobContext(tell),
        most_chunks=chunks,
    )
    return [
        InstalledModel(
            STARTER_FOLDER, model.type, model.path, model.bytes, imatrix=model.imatrix, quality=quality
        )
        for model, quality in zip(quantised, qualities, strict=True)
    ]


def tell(progress: Progress) -> None:
    if progress.unit == "tokens":
        left = "" if progress.remaining_s is None else f", {progress.remaining_s:.0f} s left"
        print(f"{progress.stage}: {progress.done:,} of {progress.total:,} tokens{left}", file=sys.stderr)


def table(models: Sequence[InstalledModel]) -> str:
    """Markdown; ± is the 95% confidence interval."""
    lines = [
        "| type | size | same next token | accuracy loss | perplexity | divergence, nats | 99% below |",
        "|---|---|---|---|---|---|---|",
    ]
    for model in models:
        quality = model.quality
        assert quality is not None
        low, high = quality.accuracy_loss_interval
        cells = [
            model.type + (" with matrix" if model.imatrix else ""),
            byte_count(model.bytes),
            f"{100 * quality.same_top:.1f}% ± {100 * CONFIDENCE * quality.same_top_error:.1f}",
            f"{quality.accuracy_loss_percent:.2f}% ({low:.2f} to {high:.2f})",
            f"{quality.perplexity:.3f}",
            f"{quality.kld_mean:.3g} ± {CONFIDENCE * quality.kld_mean_error:.2g}",
            f"{quality.kld_p99:.3g}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    first = models[0].quality
    assert first is not None
    lines += [
        "",
        f"Against {first.reference} ({byte_count(first.reference_bytes)}, perplexity "
        f"{first.reference_perplexity:.3f}) on {first.scored_tokens:,} tokens of {first.text}, "
        f"{first.chunks} chunks of {first.context_tokens}. ± and the range are 95% confidence intervals.",
        "",
        *ORIGIN_NOTE,
    ]
    return "\n".join(lines) + "\n"


def draw(models: Sequence[InstalledModel], path: Path) -> None:
    """The Models tab's plot, in its light colours."""
    qt = QApplication.instance() or QApplication(["stillroom"])
    assert isinstance(qt, QApplication)
    loop = qasync.QEventLoop(qt)
    asyncio.set_event_loop(loop)

    async def scene() -> QPixmap:
        bridge = Bridge(lambda error: print(error, file=sys.stderr))
        plot = QualityPlot(Theme(qt, "light"), PlotLibrary(bridge))
        plot.resize(*SIZE_PX)
        plot.show_models(models)
        plot.show()
        await until(lambda: plot.plot is not None, "the plot")
        await settle(10)
        return plot.grab()

    with loop:
        picture = loop.run_until_complete(scene())
    if not picture.save(str(path)):
        raise OSError(f"could not write {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--type", dest="types", action="append")
    parser.add_argument("--chunks", type=int, default=0)
    parser.add_argument("--imatrix", default="off")
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as work:
        models = measured_models(options.types or TYPES, options.imatrix, options.chunks, Path(work))
    options.folder.mkdir(parents=True, exist_ok=True)
    text = table(models)
    (options.folder / "loss.md").write_text(text, "utf-8")
    figures = {model.type: quality_document(model.quality) for model in models}
    (options.folder / "loss.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    draw(models, options.folder / "loss.png")
    print(text)


if __name__ == "__main__":
    main()
