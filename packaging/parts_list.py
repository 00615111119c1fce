"""What a bundle consists of, as CycloneDX 1.6 JSON: https://cyclonedx.org/docs/1.6/json/

Read from the bundle itself: the METADATA of each Python package in it and the folders of its licence
texts. The hashes are those of the files that the packages came from. The bundle holds the list, which
`stillroom doctor --json` tells, and a release has the same file beside its installers.
"""

import hashlib
import json
import re
import sys
from collections.abc import Collection, Mapping
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

INSIDE = Path("_internal") / "resources" / "parts.cdx.json"

Origins = Mapping[str, Mapping[str, str]]
"""By a package's name: the `file` that it came from and its `sha256`."""


def write_parts_list(bundle: Path, folder: Path, version: str) -> Path:
    """Write `stillroom-VERSION.cdx.json` into `folder`, as the bundle holds it, and return its path."""
    path = folder / f"stillroom-{version}.cdx.json"
    inside = bundle / INSIDE
    text = inside.read_text("utf-8") if inside.is_file() else as_text(document(bundle, version, {}))
    path.write_text(text, "utf-8")
    return path


def put_into(bundle: Path, version: str, origins: Origins, locked: Mapping[str, Collection[str]]) -> None:
    """Write the list into the bundle itself. `locked` has the sha256 that the locks name, by `name==version`.

    Ends with a sentence where the bundle holds a package whose file is neither locked nor compiled here.
    """
    listed = document(bundle, version, origins)
    for part in listed["components"]:
        if not part["purl"].startswith("pkg:pypi/"):
            continue
        hashes = {entry["content"] for entry in part.get("hashes", [])}
        identity = part["purl"].removeprefix("pkg:pypi/").replace("@", "==")
        known = set(locked.get(identity, ())) | {
            origin["sha256"] for origin in origins.values() if origin.get("compiled")
        }
        if not hashes or not hashes <= known:
            raise SystemExit(
                f"{identity} in the bundle came from no file that packaging/locks names. "
                "Delete .venv and try again."
            )
    (bundle / INSIDE).write_text(as_text(listed), "utf-8")


def compiled_origin(wheel: Path) -> dict[str, str]:
    """Where a package came from that was compiled here, from locked source: the wheel that this made."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return {"file": wheel.name, "sha256": digest, "compiled": "yes"}


def as_text(listed: dict[str, Any]) -> str:
    """The document as it is written."""
    return json.dumps(listed, indent=2) + "\n"


def document(bundle: Path, version: str, origins: Origins) -> dict[str, Any]:
    """The whole document."""
    return {
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
        "components": parts(bundle, origins),
    }


def parts(bundle: Path, origins: Origins) -> list[dict[str, Any]]:
    """The components in the bundle's folder, Python packages first, each with its licence."""
    inside = bundle / "_internal"
    found = [
        _python_package(file, origins)
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


def _python_package(file: Path, origins: Origins) -> dict[str, Any]:
    about = HeaderParser().parsestr(file.read_text("utf-8"))
    name = re.sub(r"[-_.]+", "-", about["Name"]).lower()
    identity = f"pkg:pypi/{name}@{about['Version']}"
    part = {
        "type": "library",
        "bom-ref": identity,
        "purl": identity,
        "name": about["Name"],
        "version": about["Version"],
        "licenses": [_licence(about.get_all("Classifier") or [], about)],
    }
    if origin := origins.get(name):
        part["hashes"] = [{"alg": "SHA-256", "content": origin["sha256"]}]
        part["properties"] = [{"name": "stillroom:file", "value": origin["file"]}]
    return part


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
