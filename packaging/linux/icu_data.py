"""A smaller copy of the ICU data that Qt brings: sorting, letters and numbers of the window's languages.

Of Qt's 32 MB of ICU data, names of currencies, time zones and languages in 800 regions and 200 character sets
of the last century are the most; Qt uses ICU for sorting and for upper and lower case only, and has its own
data for the rest (https://doc.qt.io/qt-6/qlocale.html). The library that comes out holds the same items of
the same version, fewer of them.
"""

import re
import subprocess
from pathlib import Path

LANGUAGES = ("root", "en", "zh")
_FOLDERS_LEFT_OUT = ("curr", "lang", "region", "unit", "zone", "translit", "rbnf", "brkitr")


def smaller_icu_data(library: Path, folder: Path) -> Path:
    """Write a smaller `libicudata` of the same name into `folder`. Needs objdump, icupkg and gcc."""
    folder.mkdir(parents=True, exist_ok=True)
    table = subprocess.run(["objdump", "-T", str(library)], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^([0-9a-f]+) .*\s([0-9a-f]{16})\s+(icudt\d+_dat)$", table, re.MULTILINE)
    if found is None:
        raise SystemExit(f"{library} holds no ICU data")
    start, size, symbol = int(found[1], 16), int(found[2], 16), found[3]
    sections = subprocess.run(
        ["objdump", "-h", str(library)], capture_output=True, text=True, check=True
    ).stdout
    place = re.search(r"\.rodata +\w+ +(\w+) +\w+ +(\w+)", sections)
    assert place is not None
    offset = start - int(place[1], 16) + int(place[2], 16)
    # icupkg takes the package's name, with which each item begins, from the file's.
    whole, kept = folder / "whole" / f"{symbol[:-4]}l.dat", folder / f"{symbol[:-4]}l.dat"
    whole.parent.mkdir(exist_ok=True)
    whole.write_bytes(library.read_bytes()[offset : offset + size])
    listing = subprocess.run(["icupkg", "-l", str(whole)], capture_output=True, text=True, check=True)
    left_out = folder / "left-out.txt"
    left_out.write_text("\n".join(item for item in listing.stdout.split() if not is_kept(item)) + "\n")
    subprocess.run(["icupkg", "-r", str(left_out), str(whole), str(kept)], check=True)
    source = folder / "data.s"
    source.write_text(
        f".section .rodata\n.balign 16\n.globl {symbol}\n.type {symbol}, @object\n{symbol}:\n"
        f'.incbin "{kept}"\n.size {symbol}, . - {symbol}\n.section .note.GNU-stack,"",@progbits\n'
    )
    smaller = folder / library.name
    options = ["-shared", "-nostdlib", f"-Wl,-soname,{library.name}", "-Wl,--build-id=none", "-s"]
    subprocess.run(["gcc", *options, "-o", str(smaller), str(source)], check=True)
    return smaller


def is_kept(item: str) -> bool:
    """Whether an item of the package (`coll/zh.res`, `ibm-273_P100-1995.cnv`) stays."""
    folder, _, name = item.rpartition("/")
    if folder in _FOLDERS_LEFT_OUT or name.endswith((".cnv", ".dict", ".brk")):
        return False
    if not name.endswith(".res"):
        return True
    stem = name.removesuffix(".res")
    # Of a folder's own indices and pools everything stays; of what belongs to a language only the window's.
    language = re.fullmatch(r"([a-z]{2,3})(_\w*)?", stem)
    return language is None or stem in ("root", "res_index") or language[1] in LANGUAGES
