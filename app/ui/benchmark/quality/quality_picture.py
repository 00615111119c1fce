"""A quality run as a picture to show around: each kind of question with its interval and n on one card."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QRectF, Qt

from app.bench.quality.figures import Figure, QualityReport
from app.bench.quality.item import KINDS
from app.ui.base.theme import Theme
from app.ui.benchmark.frame.benchmark_words import machine_text
from app.ui.benchmark.frame.picture_canvas import GAP, HEIGHT, MARGIN, WIDTH, Canvas, draw_png
from app.ui.benchmark.quality.quality_words import QualityWords

TOP, FOOT = 140, 84
COLUMNS = {1: 1, 2: 1, 4: 2}
"""Cards beside each other, by how many there are: three where it is not said."""

MOST_HEIGHT = 280
LINE = 26

translate = QCoreApplication.translate


def quality_to_png(report: QualityReport, theme: Theme) -> bytes:
    """The picture in the theme's colours, as PNG. GUI thread. Nothing in it names its owner."""
    return draw_png(theme, lambda canvas: _Picture(canvas, theme).draw(report))


class _Picture:
    def __init__(self, canvas: Canvas, theme: Theme) -> None:
        self._canvas = canvas
        self._theme = theme
        self._words = QualityWords()

    def draw(self, report: QualityReport) -> None:
        run = report.run
        line = WIDTH - 2 * MARGIN
        title = translate("benchmark", "Quality of {model}").format(model=self._words.model(run))
        self._canvas.text(MARGIN, 36, line, 44, title, 32, "text", bold=True)
        self._canvas.text(MARGIN, 82, line, 28, machine_text(run), 18, "muted")
        if not report.finished:
            mark = translate("benchmark", "The run has not ended: more questions follow.")
            self._canvas.text(MARGIN, 110, line, 24, mark, 15, "warning")
        of_kind = [[figure for figure in report.figures if figure.kind == kind] for kind in KINDS]
        found = [figures for figures in of_kind if figures]
        columns = COLUMNS.get(len(found), 3)
        rows = max(1, -(-len(found) // columns))
        width = (line - (columns - 1) * GAP) / columns
        height = min(MOST_HEIGHT, (HEIGHT - TOP - FOOT - GAP - (rows - 1) * GAP) / rows)
        for place, figures in enumerate(found):
            x = MARGIN + (place % columns) * (width + GAP)
            y = TOP + (place // columns) * (height + GAP)
            self._kind(figures, QRectF(x, y, width, height))
        self._foot(report)

    def _kind(self, figures: Sequence[Figure], area: QRectF) -> None:
        main, *further = figures
        words, text = self._words, self._canvas.text
        self._canvas.frame(area.x(), area.y(), area.width(), area.height())
        x, y, width = area.x() + 20, area.y(), area.width() - 40
        text(x, y + 14, width, 24, words.kind(main.kind).upper(), 14, "muted", bold=True)
        end = text(x, y + 40, width, 50, words.number(main, main.value), 40, "text", bold=True)
        if not main.conclusive:
            mark = translate("benchmark", "not conclusive")
            text(end + 12, y + 54, x + width - end - 12, 26, mark, 15, "warning")
        text(x, y + 92, width, 24, words.interval(main), 15, "muted")
        y += 122
        if main.unit == "share" or main.key == "rouge_l":
            self._interval(main, QRectF(x, y, width, 12))
            y += 20
        y = self._canvas.paragraph(QRectF(x, y + 4, width, 2 * LINE), words.about(main.kind), 14, "muted") + 4
        lines = list(filter(None, map(words.further, further)))
        for line in lines[: max(0, int((area.bottom() - 8 - y) // LINE))]:
            text(x, y, width, LINE, line, 14, "muted")
            y += LINE

    def _interval(self, figure: Figure, area: QRectF) -> None:
        """Draw the figure and its interval on a line from 0 to 1."""
        painter = self._canvas.painter
        painter.setPen(Qt.PenStyle.NoPen)
        middle = area.center().y()
        for low, high, colour in (
            (0.0, 1.0, "line"),
            (
                figure.value if figure.low is None else figure.low,
                figure.value if figure.high is None else figure.high,
                "accent",
            ),
        ):
            painter.setBrush(self._theme.colour(colour))
            bar = QRectF(area.x() + area.width() * low, middle - 2, area.width() * (high - low), 4)
            painter.drawRoundedRect(bar, 2, 2)
        painter.drawEllipse(QRectF(area.x() + area.width() * figure.value - 5, middle - 5, 10, 10))

    def _foot(self, report: QualityReport) -> None:
        run, width = report.run, WIDTH - 2 * MARGIN
        protocol = run.protocol
        engine = "" if run.engine is None else f" · llama.cpp {run.engine.llama_cpp_version}"
        how = translate(
            "benchmark",
            "temperature {temperature}, top-p {top_p}, seed {seed}, at most {tokens} tokens · 95% intervals",
        ).format(
            temperature=protocol.sampling.temperature,
            top_p=protocol.sampling.top_p,
            seed=protocol.seed,
            tokens=f"{protocol.max_tokens:,}",
        )
        text = f"Stillroom {run.stillroom_version}{engine} · {how}"
        self._canvas.text(MARGIN, HEIGHT - 72, width, 24, text, 15, "muted")
        self._canvas.text(
            MARGIN, HEIGHT - 46, width, 24, "; ".join(facts.name for facts in run.collections), 15, "muted"
        )
