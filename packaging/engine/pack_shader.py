#!/usr/bin/env python3
"""glslc in front of which this stands makes a shader; what is left in its place is smaller by four.

Names in it, which no driver reads, are dropped, and the rest is compressed: four bytes with its size, then
zlib's stream. `packed_shaders.cmake` lets llama.cpp unpack a shader when it first uses it.
"""

import struct
import subprocess
import sys
import zlib
from array import array
from pathlib import Path

HEADER_WORDS = 5
# OpSourceContinued, OpSource, OpSourceExtension, OpName, OpMemberName, OpString, OpLine, OpNoLine,
# OpModuleProcessed: https://registry.khronos.org/SPIR-V/specs/unified1/SPIRV.html#_debug_instructions
NAMING = {2, 3, 4, 5, 6, 7, 8, 317, 330}


def main() -> int:
    """Run glslc with the same options, then pack the file that it wrote."""
    options = sys.argv[1:]
    done = subprocess.run(["glslc", *options], check=False)
    output = Path(options[options.index("-o") + 1]) if "-o" in options else None
    # CMake's checks of what glslc can do write to "-".
    if done.returncode == 0 and output is not None and output.suffix == ".spv":
        output.write_bytes(packed(output.read_bytes()))
    return done.returncode


def packed(shader: bytes) -> bytes:
    """The shader as it lies in the library."""
    smaller = without_names(shader)
    return struct.pack("<I", len(smaller)) + zlib.compress(smaller, 9)


def without_names(shader: bytes) -> bytes:
    """The same SPIR-V without the instructions that only name things."""
    words = array("I", shader)
    kept = words[:HEADER_WORDS]
    place = HEADER_WORDS
    while place < len(words):
        length = words[place] >> 16
        if words[place] & 0xFFFF not in NAMING:
            kept += words[place : place + length]
        place += length
    return kept.tobytes()


if __name__ == "__main__":
    sys.exit(main())
