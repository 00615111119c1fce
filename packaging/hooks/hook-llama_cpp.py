"""PyInstaller: llama.cpp's libraries, where llama_cpp and the engine look for them.

The wheel holds every library up to three times (libX.so, libX.so.0, libX.so.0.1). llama_cpp opens the first
by name, and that asks for the second; build.spec makes one of them a link. A build with run-time back ends
has them in `bin` beside the package, where the bundle has other things: they go into `llama_cpp/bin`.
"""

import re
from pathlib import Path

from PyInstaller.utils.hooks import get_package_paths

folder, package = map(Path, get_package_paths("llama_cpp"))
binaries = [
    (str(path), f"llama_cpp/{place.name}")
    for place in (package / "lib", package / "bin", folder / "bin")
    for path in sorted(place.glob("*ggml-*" if place == folder / "bin" else "*"))
    if re.search(r"\.(so|so\.\d+|dll|dylib)$", path.name)
]
