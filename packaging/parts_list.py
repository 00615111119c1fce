"""What a bundle consists of, as CycloneDX 1.6 JSON: https://cyclonedx.org/docs/1.6/json/

Read from the bundle itself: the METADATA of each Python package in it and the folders of its licence
texts. Below each part stand its files with their sha256; the part's own is that of the file that the package
came from. The bundle holds the list, which `stillroom doctor --json` tells, and a release has the same file
beside its installers.
"""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Collection, Mapping
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from typing import Any

from file_owners import CONTENTS, LICENCES, OWN, Program, without_package

INSIDE = Path(CONTENTS) / "resources" / "parts.cdx.json"

NO_NAME = "see the texts in its .dist-info"

Origins = Mapping[str, Mapping[str, str]]
"""By a package's name: the `file` that it came from and its `sha256`."""


def write_parts_list(bundle: Path, folder: Path, version: str) -> Path:
    """Write `stillroom-VERSION.cdx.json` into `folder`, as the bundle holds it, and return its path."""
    path = folder / f"stillroom-{version}.cdx.json"
    inside = bundle / INSIDE
    text = inside.read_text("utf-8") if inside.is_file() else as_text(document(bundle, version, {}))
    path.write_text(text, "utf-8")
    return path


def put_into(
    bundle: Path,
    version: str,
    origins: Origins,
    locked: Mapping[str, Collection[str]],
    owner_of: Callable[[PurePosixPath], str | None],
) -> None:
    """Write the list into the bundle itself. `locked` has the sha256 that the locks name, by `name==version`;
    `owner_of` tells whose a file is (file_owners.py).

    Ends with a sentence where the bundle holds a package whose file is neither locked nor compiled here, a
    file that nobody owns, or a part without a licence.
    """
    listed = document(bundle, version, origins)
    add_files(bundle, listed, owner_of)
    require_licences(bundle, listed["components"])
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


def add_files(bundle: Path, listed: dict[str, Any], owner_of: Callable[[PurePosixPath], str | None]) -> None:
    """Name each file of the bundle below the part that owns it. Refuses a file that none does."""
    parts = {key_of(part): part for part in listed["components"]}
    parts[OWN] = listed["metadata"]["component"]
    strangers = []
    for path in sorted(path for path in bundle.rglob("*") if path.is_file() and not path.is_symlink()):
        place = PurePosixPath(path.relative_to(bundle).as_posix())
        if path == bundle / INSIDE:
            continue
        owner = owner_of(place)
        if owner is None or owner not in parts:
            strangers.append(f"{place} ({owner or 'of unknown origin'})")
            continue
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        parts[owner].setdefault("components", []).append(
            {"type": "file", "name": str(place), "hashes": [{"alg": "SHA-256", "content": content}]}
        )
    # A program that comes with a package here has none of its own.
    listed["components"] = [
        part for part in listed["components"] if "components" in part or "pkg:generic/" not in part["purl"]
    ]
    if strangers:
        more = f" and {len(strangers) - 5} more" if len(strangers) > 5 else ""
        raise SystemExit(f"Files in the bundle belong to no part of it: {', '.join(strangers[:5])}{more}.")


def key_of(part: dict[str, Any]) -> str:
    """Name a part as file_owners.py does."""
    kind, name = re.match(r"pkg:(pypi|deb|generic)/(?:debian/)?([^@]+)@", part["purl"]).groups()  # type: ignore[union-attr]
    return str(name if kind == "generic" else f"{kind}/{name}")


def require_licences(bundle: Path, parts: list[dict[str, Any]]) -> None:
    """End with a sentence where a part says no licence and brings no text of one."""
    for part in parts:
        inside = bundle / CONTENTS
        if part["purl"].startswith("pkg:pypi/"):
            stem = re.sub(r"[-_.]+", "_", part["name"])
            texts = [
                path
                for folder in inside.glob("*.dist-info")
                if re.sub(r"[-_.]+", "_", folder.name.partition("-")[0]).lower() == stem.lower()
                for path in folder.rglob("*")
                if path.name != "METADATA" and path.is_file()
            ]
            named = part["licenses"] != [{"license": {"name": NO_NAME}}]
        else:
            texts = [path for path in (inside / LICENCES / licence_folder(part)).glob("*") if path.is_file()]
            named = False
        if not named and not any(path.stat().st_size for path in texts):
            raise SystemExit(f"{part['name']} {part['version']} in the bundle has no licence.")


def licence_folder(part: dict[str, Any]) -> str:
    """The folder of the licence text of what is no Python package."""
    return f"{part['purl'].partition('@')[0].rpartition('/')[2]}_{part['version']}"


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
    inside = bundle / CONTENTS
    found = [
        _python_package(file, origins)
        for file in sorted(inside.glob("*.dist-info/METADATA"))
        if not file.parent.name.startswith("stillroom-")
    ]
    programs = {program.name: program for program in without_package()}
    for text in sorted((inside / LICENCES).glob("*_*/copyright")):
        name, _, version = text.parent.name.partition("_")
        if name in programs:
            found.append(_program(programs[name], version))
            continue
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


def _program(program: Program, version: str) -> dict[str, Any]:
    identity = f"pkg:generic/{program.name}@{version}"
    return {
        "type": "library",
        "bom-ref": identity,
        "purl": identity,
        "name": program.name,
        "version": version,
        "licenses": [{"expression": program.licence}],
    }


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
    return {"license": {"name": " and ".join(names) or NO_NAME}}


if __name__ == "__main__":
    print(write_parts_list(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
