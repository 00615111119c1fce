#!/usr/bin/env -S python3 -E
"""Pack the shaders that `pack_shader.py` left in a folder: `join_shaders.py FOLDER OUT.inc`.

They differ little from each other, so that together they take a tenth. A block is a stretch of them in the
order of their names, each an .xz stream of its own; OUT.xz holds them all, and OUT.inc tells C++ where each
block and each shader is.
"""

import lzma
import sys
from pathlib import Path

from pack_shader import SHADER, key

BLOCK_BYTES = 8 << 20
# SPIR-V is words of four bytes.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 1, "lp": 2, "pb": 2}]


def main() -> int:
    """Write both files."""
    folder, places = Path(sys.argv[1]), Path(sys.argv[2])
    shaders = {}
    for path in sorted(folder.glob(f"*{SHADER}")):
        shader = path.read_bytes()
        shaders[int.from_bytes(key(shader), sys.byteorder)] = shader
    blocks = in_blocks(shaders)
    packed = [
        lzma.compress(b"".join(shaders[number] for number in block), filters=FILTERS) for block in blocks
    ]
    together = places.with_suffix(".xz")
    together.write_bytes(b"".join(packed))
    places.write_text(tables(shaders, blocks, packed, together))
    return 0


def in_blocks(shaders: dict[int, bytes]) -> list[list[int]]:
    """The keys, in stretches of at most `BLOCK_BYTES` or of one shader."""
    blocks: list[list[int]] = [[]]
    size_bytes = 0
    for number, shader in shaders.items():
        if blocks[-1] and size_bytes + len(shader) > BLOCK_BYTES:
            blocks.append([])
            size_bytes = 0
        blocks[-1].append(number)
        size_bytes += len(shader)
    return blocks


def tables(shaders: dict[int, bytes], blocks: list[list[int]], packed: list[bytes], together: Path) -> str:
    """The C++ that packed_shaders.cpp includes."""
    block_rows, shader_rows = [], []
    packed_begin = 0
    for index, block in enumerate(blocks):
        begin = 0
        for number in block:
            shader_rows.append((number, index, begin, len(shaders[number])))
            begin += len(shaders[number])
        block_rows.append((packed_begin, len(packed[index]), begin))
        packed_begin += len(packed[index])
    lines = [f'#define PACKED_SHADERS_FILE "{together}"', "const block_place BLOCKS[] = {"]
    lines += [f"    {{ {begin}, {packed_bytes}, {size} }}," for begin, packed_bytes, size in block_rows]
    lines += ["};", "const shader_place SHADERS[] = {"]
    lines += [f"    {{ {row[0]:#x}, {row[1]}, {row[2]}, {row[3]} }}," for row in sorted(shader_rows)]
    return "\n".join([*lines, "};", ""])


if __name__ == "__main__":
    sys.exit(main())
