"""The child process that draws a report as a picture, so that the commands do without Qt and a display.

It reads one report as JSON from stdin and writes the PNG to stdout.
"""

import os
import sys

import msgspec

from models.system.child_process import die_with_parent


def main() -> int:
    """Draw what stdin holds, in light colours."""
    die_with_parent(os.getppid())
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication

    from app.bench.quality.figures import SCHEMA as QUALITY
    from app.bench.quality.figures import QualityReport
    from app.bench.results.report import report_from_json
    from app.ui.base.theme import Theme
    from app.ui.benchmark.quality.quality_picture import quality_to_png
    from app.ui.benchmark.speed.benchmark_picture import report_to_png

    data = sys.stdin.buffer.read()
    theme = Theme(QApplication(["card"]), "light")
    if msgspec.json.decode(data)["schema"] == QUALITY:
        picture = quality_to_png(msgspec.json.decode(data, type=QualityReport), theme)
    else:
        picture = report_to_png(report_from_json(data), theme)
    sys.stdout.buffer.write(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
