"""List the programs and libraries of a folder that nobody has signed.

    packaging/release/unsigned.py list FOLDER CATALOGUE     for the signing service: a path a line
    packaging/release/unsigned.py check FOLDER              ends with status 1 where one is left

What Microsoft, the Python Software Foundation, Qt and NVIDIA have signed keeps their signatures.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from windows.portable_executable import is_program, is_signed


def main() -> int:
    """Do what the command line says."""
    action, folder = sys.argv[1], Path(sys.argv[2])
    left = unsigned(folder)
    if action == "list":
        write_catalogue(left, Path(sys.argv[3]))
        print(f"{len(left)} files of {folder} are to be signed.")
        return 0
    for path in left:
        print(f"Nobody has signed {path}.", file=sys.stderr)
    return 1 if left else 0


def unsigned(folder: Path) -> list[Path]:
    """Every such file, in the order of their names."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and is_program(path) and not is_signed(path.read_bytes())
    ]


def write_catalogue(files: list[Path], catalogue: Path) -> None:
    """Name them as the service reads it: relative to the catalogue's own folder."""
    catalogue.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{os.path.relpath(path, catalogue.parent)}\n" for path in files]
    catalogue.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
