"""Read the workflows as GitHub and an attacker would: `make workflows`, in build/tools. Needs no network.

GitHub's schemas come with check-jsonschema; zizmor looks for what leaks secrets or runs code of others.
"""

import subprocess
import sys
from pathlib import Path

GITHUB = Path(__file__).resolve().parents[2] / ".github"
CHECKS = (
    ("vendor.github-workflows", "workflows/*.yml"),
    ("vendor.github-actions", "actions/*/action.yml"),
)


def main() -> int:
    """Print what is wrong; returns the status of the first check that found something."""
    programs = Path(sys.executable).parent
    commands = [
        [
            str(programs / "check-jsonschema"),
            "--builtin-schema",
            schema,
            *map(str, sorted(GITHUB.glob(files))),
        ]
        for schema, files in CHECKS
    ]
    commands.append([str(programs / "zizmor"), "--offline", "--quiet", "--persona=pedantic", str(GITHUB)])
    return next((status for command in commands if (status := subprocess.run(command).returncode)), 0)


if __name__ == "__main__":
    sys.exit(main())
