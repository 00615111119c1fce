"""The smaller ICU data sorts as Qt's whole one does, in the window's languages and by the root for others."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import PySide6
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from linux.icu_data import is_kept, smaller_icu_data  # type: ignore[import-not-found]  # noqa: E402 - scripts

SORT = """
import json, sys
from PySide6.QtCore import QCollator, QLocale
from functools import cmp_to_key
words = ["上海", "北京", "广州", "apple", "Zebra", "élan", "Äpfel", "10", "9"]
collators = [QCollator(QLocale(name)) for name in ("zh_CN", "en_GB", "en")]
print(json.dumps([sorted(words, key=cmp_to_key(each.compare)) for each in collators] + ["STRASSE".lower()]))
"""


def test_what_a_language_needs_stays_and_the_rest_goes() -> None:
    items = ["root.res", "coll/zh.res", "coll/ucadata.icu", "en_GB.res", "res_index.res", "nfkc.nrm"]
    assert [item for item in items if not is_kept(item)] == []
    items = [
        "coll/de_.res",
        "fr.res",
        "curr/en.res",
        "zone/zh.res",
        "ibm-943_P15A-2003.cnv",
        "brkitr/root.res",
    ]
    assert [item for item in items if is_kept(item)] == []


@pytest.mark.skipif(
    shutil.which("icupkg") is None or shutil.which("gcc") is None, reason="needs icu-devtools"
)
def test_it_sorts_as_before(tmp_path: Path) -> None:
    (library,) = (Path(PySide6.__file__).parent / "Qt" / "lib").glob("libicudata.so.*")
    smaller = smaller_icu_data(library, tmp_path)
    assert smaller.stat().st_size < library.stat().st_size / 6

    def sort(**environment: str) -> list[list[str]]:
        done = subprocess.run(
            [sys.executable, "-c", SORT],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        found: list[list[str]] = json.loads(done.stdout)
        return found

    assert sort(LD_PRELOAD=str(smaller)) == sort()
