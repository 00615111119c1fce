"""Ask PyPI's advisory database about every version that the locks name: `make advisories`, in build/tools.

The exit status is 0 where nothing is known against them, 1 where something is, and 3 where not all of
them could be looked up: an answer that did not come is no good news.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from environment import LOCKS

KNOWN, NOT_ASKED = 1, 3
LONGEST_S = 900


def main() -> int:
    """Print a line an advisory, or one sentence; returns the exit status."""
    answers: list[dict[str, Any]] = []
    for lock in sorted(LOCKS.glob("*.txt")):
        answer = audited(lock)
        if answer is None:
            print(
                f"The advisories for {lock.name} could not be asked for: is PyPI reachable?", file=sys.stderr
            )
            return NOT_ASKED
        answers += answer
    status, lines = judged(answers)
    print("\n".join(lines), file=sys.stderr if status else sys.stdout)
    return status


def audited(lock: Path, program: Sequence[str] = (str(Path(sys.executable).with_name("pip-audit")),)) -> Any:
    """Give what pip-audit says of each package of a lock; None where it ended without an answer."""
    command = [*program, "--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json"]
    try:
        done = subprocess.run([*command, "-r", str(lock)], capture_output=True, text=True, timeout=LONGEST_S)
        return json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        return None


def judged(packages: Iterable[dict[str, Any]]) -> tuple[int, list[str]]:
    """The exit status and what to say, each package once."""
    known: dict[str, None] = {}
    skipped: dict[str, None] = {}
    names = set()
    for package in packages:
        names.add(package["name"])
        if "skip_reason" in package:
            skipped[package["name"]] = None
        for weakness in package.get("vulns", []):
            fixed = ", ".join(weakness["fix_versions"]) or "no version yet"
            known[f"{package['name']} {package['version']}: {weakness['id']}, fixed in {fixed}"] = None
    lines = list(known)
    if skipped:
        some = ", ".join(list(skipped)[:5]) + (" …" if len(skipped) > 5 else "")
        lines.append(f"{len(skipped)} of {len(names)} packages could not be looked up ({some}).")
    if known:
        return KNOWN, lines
    return (NOT_ASKED, lines) if skipped else (0, [f"Nothing is known against {len(names)} packages."])


if __name__ == "__main__":
    sys.exit(main())
