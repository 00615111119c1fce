#!/usr/bin/env -S python3 -E
"""glslc in front of which this stands makes a shader; what is left in its place is its key, of eight bytes.

The shader itself lies beside it, without the names in it, which no driver reads. `join_shaders.py` packs all
of them together, and `packed_shaders.cpp` finds one by its key.

Started with `-E`, as pip sets PYTHONPATH where it builds: its sitecustomize (26.3) empties sys.path for a
moment, and another Python fails at the editable install that it finds then.
"""

import hashlib
import subprocess
import sys
from array import array
from pathlib import Path

HEADER_WORDS = 5
# OpSourceContinued, OpSource, OpSourceExtension, OpName, OpMemberName, OpString, OpLine, OpNoLine,
# OpModuleProcessed: https://registry.khronos.org/SPIR-V/specs/unified1/SPIRV.html#_debug_instructions
NAMING = {2, 3, 4, 5, 6, 7, 8, 317, 330}
KEY_BYTES = 8
SHADER = ".nameless"


def main() -> int:
    """Run glslc with the same options, then take the file that it wrote apart."""
    options = sys.argv[1:]
    done = subprocess.run(["glslc", *options], check=False)
    output = Path(options[options.index("-o") + 1]) if "-o" in options else None
    # CMake's checks of what glslc can do write to "-".
    if done.returncode == 0 and output is not None and output.suffix == ".spv":
        shader = without_names(output.read_bytes())
        output.with_suffix(SHADER).write_bytes(shader)
        output.write_bytes(key(shader))
    return done.returncode


def key(shader: bytes) -> bytes:
    """What the library holds where the shader was."""
    return hashlib.sha256(shader).digest()[:KEY_BYTES]


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
