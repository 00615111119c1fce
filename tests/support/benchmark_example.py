"""The example reports in docs/benchmark, from real runs of the starter model on a quiet machine.

    python -m tests.support.benchmark_example docs/benchmark [--items N]

A short quality run and two drift checks come first, so that the report of the one-click run has their
sections.
Writes starter.html, starter.md, starter.json, the card starter.png and that of the quality run; prints what
each run took.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from app.bench.results.report import report_from_json
from tests.support.cli import ROOT, Cli


def run(home: Path, folder: Path, items: int) -> None:
    """Run the suites with `items` quality questions of a kind (0: none), and write the files."""
    cli = Cli(home)
    suites = [["--suite", "drift"]] * 2
    if items:
        quality = ["--suite", "quality", "--items", str(items), "--max-tokens", "256"]
        quality += ["--save", str(folder.absolute() / "starter-quality.png")]
        suites.insert(0, quality)
    suites.append([])
    for ending in ("html", "md", "json", "png"):
        suites[-1] += ["--save", str(folder.absolute() / f"starter.{ending}")]
    folder.mkdir(parents=True, exist_ok=True)
    for options in suites:
        started_s = time.monotonic()
        subprocess.run(cli.command("bench", "starter", *options), env=cli.environment(), cwd=ROOT, check=True)
        print(f"  ({' '.join(options[:4])}: {time.monotonic() - started_s:.0f} s)\n", flush=True)


def main() -> None:
    """Run, write and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--items", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        run(Path(home), options.folder, options.items)
    report = report_from_json((options.folder / "starter.json").read_bytes())
    print(f"suite {report.suite}: {report.duration_s:.0f} s, marks {', '.join(report.marks) or 'none'}")


if __name__ == "__main__":
    main()
