"""PyInstaller: llama.cpp's libraries, where llama_cpp and the engine look for them.

The wheel of `make engine` holds each once: what llama_cpp links to in `lib`, the back ends in `bin`.
"""

import os
import sys
from pathlib import Path

from PyInstaller.utils.hooks import get_package_paths

package = Path(get_package_paths("llama_cpp")[1])
binaries = [
    (str(path), f"llama_cpp/{place}")
    for place in ("lib", "bin")
    for path in sorted((package / place).iterdir())
    if path.suffix in (".so", ".dll", ".dylib")
]

if sys.platform == "win32":
    # PyInstaller takes these for parts of Windows, but they come with Visual C++ (pyinstaller #9216).
    system = Path(os.environ["SYSTEMROOT"]) / "System32"
    binaries += [
        (str(system / name), ".")
        for name in ("vcomp140.dll", "msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll")
        if (system / name).exists()
    ]
