"""PyInstaller: llama.cpp's libraries, each once, where llama_cpp looks for them.

The wheel holds every library up to three times (libX.so, libX.so.0, libX.so.0.1). llama_cpp opens the first by
name, and PyInstaller follows the links to the second itself.
"""

from pathlib import Path

from PyInstaller.utils.hooks import get_package_paths

_, package = get_package_paths("llama_cpp")
binaries = [
    (str(path), f"llama_cpp/{folder}")
    for folder in ("lib", "bin")
    for path in sorted((Path(package) / folder).glob("*"))
    if path.suffix in (".so", ".dll", ".dylib")
]
