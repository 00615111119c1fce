"""Draw the program's icon in all its sizes from resources/icons/stillroom.svg: `python packaging/icons.py`.

Writes stillroom-SIZE.png beside it, and stillroom.ico for Windows. The results are kept in the repository;
run it after a change of the drawing.
"""

import struct
import sys
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QRectF
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ICONS = Path(__file__).resolve().parent.parent / "resources" / "icons"
SIZES_PX = (16, 24, 32, 48, 64, 128, 256)


def main() -> int:
    """Write every picture."""
    QGuiApplication(["icons", "-platform", "offscreen"])
    renderer = QSvgRenderer(str(ICONS / "stillroom.svg"))
    pictures = {size_px: png(renderer, size_px) for size_px in SIZES_PX}
    for size_px, picture in pictures.items():
        (ICONS / f"stillroom-{size_px}.png").write_bytes(picture)
    (ICONS / "stillroom.ico").write_bytes(ico(pictures))
    return 0


def png(renderer: QSvgRenderer, size_px: int) -> bytes:
    """The drawing as a square PNG."""
    image = QImage(size_px, size_px, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, size_px, size_px))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return buffer.data().data()


def ico(pictures: dict[int, bytes]) -> bytes:
    """The pictures in one file. https://learn.microsoft.com/previous-versions/ms997538(v=msdn.10)"""
    directory = struct.pack("<HHH", 0, 1, len(pictures))
    offset = len(directory) + 16 * len(pictures)
    for size_px, picture in pictures.items():
        # A byte holds the size: 0 stands for 256.
        directory += struct.pack("<BBBBHHII", size_px % 256, size_px % 256, 0, 0, 1, 32, len(picture), offset)
        offset += len(picture)
    return directory + b"".join(pictures.values())


if __name__ == "__main__":
    sys.exit(main())
