"""What a bundle consists of, as CycloneDX 1.6 JSON: https://cyclonedx.org/docs/1.6/json/

Read from the bundle itself: the METADATA of each Python package in it and the folders of its licence texts.
"""

import json
import re
import sys
from email.parser import HeaderParser
from pathlib import Path
from typing import Any


def write_parts_list(bundle: Path, folder: Path, version: str) -> Path:
    """Write `stillroom-VERSION.cdx.json` into `folder` and return its path."""
    path = folder / f"stillroom-{version}.cdx.json"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"stillroom@{version}",
                "name": "stillroom",
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": parts(bundle),
    }
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return path


def parts(bundle: Path) -> list[dict[str, Any]]:
    """The components in the bundle's folder, Python packages first, each with its licence."""
    inside = bundle / "_internal"
    found = [
        _python_package(file)
        for file in sorted(inside.glob("*.dist-info/METADATA"))
        if not file.parent.name.startswith("stillroom-")
    ]
    for text in sorted((inside / "licences").glob("*_*/copyright")):
        name, _, version = text.parent.name.partition("_")
        found.append(
            {
                "type": "library",
                "bom-ref": f"pkg:deb/debian/{name}@{version}",
                "purl": f"pkg:deb/debian/{name}@{version}",
                "name": name,
                "version": version,
                "licenses": [{"license": {"name": f"see licences/{text.parent.name}/copyright"}}],
            }
        )
    return found


def _python_package(file: Path) -> dict[str, Any]:
    about = HeaderParser().parsestr(file.read_text("utf-8"))
    name = re.sub(r"[-_.]+", "-", about["Name"]).lower()
    identity = f"pkg:pypi/{name}@{about['Version']}"
    return {
        "type": "library",
        "bom-ref": identity,
        "purl": identity,
        "name": about["Name"],
        "version": about["Version"],
        "licenses": [_licence(about.get_all("Classifier") or [], about)],
    }


def _licence(classifiers: list[str], about: Any) -> dict[str, Any]:
    """An SPDX expression where the package names one, else its own words, else where the text lies."""
    if about["License-Expression"]:
        return {"expression": about["License-Expression"]}
    names = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    words = (about["License"] or "").strip().splitlines()
    if len(words) == 1 and len(words[0]) < 100:
        names = names or words
    return {"license": {"name": " and ".join(names) or "see the texts in its .dist-info"}}


if __name__ == "__main__":
    print(write_parts_list(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
