"""The divergence of a model's files against their size: each a point, the mixtures by size a line."""

from collections.abc import Sequence

from app.bench.report.curves import Line, Point
from app.bench.report.svg_plot import svg_plot
from models.quantisation.chosen_mixture import is_chosen
from models.quantisation.quantisation_loss import CONFIDENCE
from models.store.store import InstalledModel
from models.system.units import GIGABYTE

_STYLE = (
    "<style>svg{background:#fff;font:12px system-ui,sans-serif}text{fill:#6b625a}.label{fill:#221e1b}"
    ".axis,.grid{fill:none;stroke:#e6e0d8}.line{fill:none;stroke:#ad5325;stroke-width:2}.dot{fill:#ad5325}"
    ".error{stroke:#ad5325}.dot.before{fill:#6b625a}.error.before{stroke:#6b625a}</style>"
)
"""The light colours of a report (resources/themes/benchmark-report.css), as the picture stands alone."""


def loss_lines(models: Sequence[InstalledModel]) -> list[Line]:
    """Return the measured files with 95% confidence intervals, by size in GB: the types of llama.cpp, which
    nothing joins, and the mixtures that were chosen for a size."""
    plain: list[Point] = []
    chosen: list[Point] = []
    measured = [(model.type, model.quality) for model in models if model.quality is not None]
    for kind, quality in sorted(measured, key=lambda row: row[1].bytes):
        point = Point(
            quality.bytes / GIGABYTE, quality.kld_mean, CONFIDENCE * quality.kld_mean_error, name=kind
        )
        (chosen if is_chosen(kind) else plain).append(point)
    lines = [Line(plain, "before", joined=False), Line(chosen)]
    return [
        Line(line.points, line.look, line.joined, [point.name for point in line.points])
        for line in lines
        if line.points
    ]


def loss_svg(name: str, models: Sequence[InstalledModel]) -> str:
    """Draw the measured files of the model `name` as an SVG file; "" where none is measured."""
    title = f"Divergence of {name} against its size"
    picture = svg_plot(title, "size, GB", "divergence, nats per token", loss_lines(models))
    return picture.replace("</title>", f"</title>\n{_STYLE}", 1)
