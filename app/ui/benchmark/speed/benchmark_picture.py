"""A run as a picture to show around: the figures, the computer and the protocol on one card."""

from PySide6.QtCore import QCoreApplication, QRectF, Qt
from PySide6.QtGui import QPainterPath, QPen

from app.bench.report.curves import SMALLEST, Point, generation_by_depth, generation_limit
from app.bench.results.report import Measure, Report
from app.ui.base.resource_words import sentences
from app.ui.base.theme import Theme
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.benchmark.frame.picture_canvas import GAP, HEIGHT, MARGIN, WIDTH, Canvas, draw_png
from app.ui.benchmark.speed.benchmark_facts import facts_of

CARD_HEIGHT = 156
LEAST_ROW = 24

translate = QCoreApplication.translate


def report_to_png(report: Report, theme: Theme) -> bytes:
    """The picture in the theme's colours, as PNG. GUI thread. Nothing in it names its owner."""
    return draw_png(theme, lambda canvas: _Card(canvas, theme).draw(report))


class _Card:
    def __init__(self, canvas: Canvas, theme: Theme) -> None:
        self._painter = canvas.painter
        self._frame, self._text = canvas.frame, canvas.text
        self._theme = theme

    def draw(self, report: Report) -> None:
        model = report.model
        self._text(MARGIN, 44, 900, 44, f"{model.name} · {model.quantisation}", 32, "text", bold=True)
        self._text(MARGIN, 92, WIDTH - 2 * MARGIN, 28, words.machine_text(report), 18, "muted")
        last = report.measure("tok_per_j") or report.measure("peak_vram") or report.measure("peak_ram")
        captions = (
            (translate("benchmark", "GENERATION"), report.generation),
            (translate("benchmark", "PROMPT"), report.prompt),
            (translate("benchmark", "FIRST TOKEN"), report.measure("first_token")),
            (
                translate("benchmark", "EFFICIENCY")
                if last is not None and last.unit == "tok/J"
                else translate("benchmark", "PEAK MEMORY"),
                last,
            ),
        )
        width = (WIDTH - 2 * MARGIN - 3 * GAP) / 4
        for number, (caption, measure) in enumerate(captions):
            self._figure(report, caption, measure, MARGIN + number * (width + GAP), 144, width)
        top = 144 + CARD_HEIGHT + GAP
        points = generation_by_depth(report)
        if len(points) > 1:
            self._depth(points, generation_limit(report), top)
        else:
            self._list(report, top)
        self._foot(report)

    def _figure(
        self, report: Report, caption: str, measure: Measure | None, x: float, y: float, width: float
    ) -> None:
        self._frame(x, y, width, CARD_HEIGHT)
        self._text(x + 20, y + 18, width - 40, 20, caption, 14, "muted", bold=True)
        if measure is None:
            self._text(x + 20, y + 46, width - 40, 52, "–", 42, "text", bold=True)
            return
        end = self._text(x + 20, y + 46, width - 40, 52, words.mean_text(measure), 42, "text", bold=True)
        unit = f"{words.deviation_text(measure)} {words.unit_text(measure)}".strip()
        self._text(end + 10, y + 64, x + width - end - 20, 28, unit, 16, "muted")
        limit = report.limit(measure.key)
        line = words.limit_text(limit) if limit is not None else words.measure_name(measure.key)
        self._text(x + 20, y + 112, width - 32, 24, line, 14, "muted")

    def _depth(self, points: list[Point], limit: list[Point], top: float) -> None:
        height = HEIGHT - top - 84
        self._frame(MARGIN, top, WIDTH - 2 * MARGIN, height)
        title = translate("benchmark", "Generation speed over context")
        self._text(MARGIN + 20, top + 14, 600, 24, title, 17, "text", bold=True)
        area = QRectF(MARGIN + 40, top + 60, WIDTH - 2 * MARGIN - 80, height - 100)
        highest = max(point.y for point in [*points, *limit]) * 1.1
        highest = highest if highest > SMALLEST else 1.0
        furthest = max(point.x for point in points) or 1.0

        def place(point: Point) -> tuple[float, float]:
            return (
                area.left() + area.width() * (0.04 + 0.92 * point.x / furthest),
                area.bottom() - area.height() * point.y / highest,
            )

        self._painter.setPen(QPen(self._theme.colour("line"), 1))
        self._painter.drawLine(area.bottomLeft(), area.bottomRight())
        self._curve([place(point) for point in limit], "good", Qt.PenStyle.DotLine)
        self._curve([place(point) for point in points], "accent", Qt.PenStyle.SolidLine)
        for point in points:
            x, y = place(point)
            self._painter.setPen(Qt.PenStyle.NoPen)
            self._painter.setBrush(self._theme.colour("accent"))
            self._painter.drawEllipse(QRectF(x - 6, y - 6, 12, 12))
            self._text(x - 60, y + 10, 120, 22, f"{point.y:,.1f}", 15, "text", centred=True)
            depth = translate("benchmark", "after {tokens} tokens").format(tokens=f"{point.x:,.0f}")
            self._text(x - 90, area.bottom() + 6, 180, 22, depth, 14, "muted", centred=True)

    def _list(self, report: Report, top: float) -> None:
        """All figures at the left, the computer and the settings at the right."""
        height = HEIGHT - top - 84
        width = (WIDTH - 2 * MARGIN - GAP) / 2
        figures = [
            (
                words.measure_name(measure.key),
                f"{words.mean_text(measure)} {words.deviation_text(measure)} {words.unit_text(measure)}",
            )
            for measure in report.measures
        ]
        for column, rows in enumerate((figures, facts_of(report))):
            x = MARGIN + column * (width + GAP)
            self._frame(x, top, width, height)
            shown = rows[: int((height - 24) // LEAST_ROW)]
            row_height = (height - 24) / max(1, len(shown))
            name_width = (0.58, 0.36)[column] * (width - 40)
            for number, (name, value) in enumerate(shown):
                y = top + 12 + number * row_height
                self._text(x + 20, y, name_width - 12, row_height, name, 15, "muted")
                self._text(x + 20 + name_width, y, width - 40 - name_width, row_height, value, 15, "text")

    def _foot(self, report: Report) -> None:
        counts = sorted({len(measure.samples) for measure in report.measures}) or [0]
        count = str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
        text = translate(
            "benchmark", "Stillroom {version} · llama.cpp {engine} · mean ± deviation, n = {n}"
        ).format(version=report.stillroom_version, engine=report.engine.llama_cpp_version, n=count)
        self._text(MARGIN, HEIGHT - 68, WIDTH - 2 * MARGIN, 24, text, 15, "muted")
        marks = sentences(words.mark_text(mark) for mark in report.marks)
        self._text(MARGIN, HEIGHT - 42, WIDTH - 2 * MARGIN, 24, marks, 15, "warning")

    def _curve(self, places: list[tuple[float, float]], colour: str, style: Qt.PenStyle) -> None:
        if len(places) < 2:
            return
        path = QPainterPath()
        path.moveTo(*places[0])
        for x, y in places[1:]:
            path.lineTo(x, y)
        pen = QPen(self._theme.colour(colour), 2.5)
        pen.setStyle(style)
        self._painter.setPen(pen)
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawPath(path)
