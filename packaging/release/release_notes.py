"""Print a version's section of the changelog: `packaging/release/release_notes.py v1.2.3`."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Print them."""
    print(notes_for(sys.argv[1]))
    return 0


def notes_for(tag: str) -> str:
    """Refuse a tag that is not the version in pyproject.toml, so that no release calls itself another."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    if tag.removeprefix("v") != version:
        raise SystemExit(
            f"The tag says {tag.removeprefix('v')}, pyproject.toml says {version}: change one of them."
        )
    return section((ROOT / "CHANGELOG.md").read_text("utf-8"), version)


def section(changelog: str, version: str) -> str:
    """What stands under `## version`, or under `## Unreleased` where that has not been named yet."""
    for name in (version, "Unreleased"):
        found = re.search(rf"^## \[?{re.escape(name)}\b.*?$(.*?)(?=^## |\Z)", changelog, re.M | re.S)
        if found:
            return found[1].strip()
    raise SystemExit(f"CHANGELOG.md has no section for {version}.")


if __name__ == "__main__":
    sys.exit(main())
