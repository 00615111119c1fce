"""What Windows shows under a program's properties."""

import importlib.metadata
from typing import Any


def windows_version() -> Any:
    """The version resource of both programs. On Windows only."""
    from PyInstaller.utils.win32.versioninfo import (
        FixedFileInfo,
        StringFileInfo,
        StringStruct,
        StringTable,
        VarFileInfo,
        VarStruct,
        VSVersionInfo,
    )

    version = importlib.metadata.version("stillroom")
    numbers = tuple(int(part) for part in [*version.split("."), "0", "0"][:4])
    texts = {
        "CompanyName": "The Stillroom developers",
        "FileDescription": "Stillroom",
        "FileVersion": version,
        "LegalCopyright": "MIT licence",
        "ProductName": "Stillroom",
        "ProductVersion": version,
    }
    english_unicode = "040904B0"
    return VSVersionInfo(
        ffi=FixedFileInfo(filevers=numbers, prodvers=numbers),
        kids=[
            StringFileInfo([StringTable(english_unicode, [StringStruct(*pair) for pair in texts.items()])]),
            VarFileInfo([VarStruct("Translation", [0x0409, 1200])]),
        ],
    )
