"""Real quality runs and drift checks of the starter model, for pictures of the pages that show them."""

import subprocess
from pathlib import Path

from models.catalogue.starter import starter_file
from tests.support.cli import ROOT, Cli

SMALLER = "Q3_K_M"
ITEMS = ("--items", "5", "--max-tokens", "128")


def keep_runs(home: Path) -> None:
    """Two quality runs of the starter model, one of a smaller type made of it between them, two checks for
    drift. Some minutes."""
    cli = Cli(home)
    starter = starter_file()
    assert starter is not None, "the starter model is installed by `make`"
    commands = [("build", str(starter), "--type", SMALLER, "--imatrix", "off")]
    commands += [
        ("bench", model, "--suite", "quality", *ITEMS)
        for model in ("starter/Q4_1", f"starter/{SMALLER}", "starter/Q4_1")
    ]
    commands += [("bench", "starter/Q4_1", "--suite", "drift")] * 2
    for command in commands:
        subprocess.run(cli.command(*command), env=cli.environment(), cwd=ROOT, check=True)
