"""Check a graphics card with everything that this program does on one: `make gpu-check`.

    python -m tests.perf.gpu_check [--report FOLDER] [--card CUDA|Vulkan|CPU] [--scale full|small|least]
                                   [--minutes N] [--copy FOLDER] [STAGE ...]

Without a card lavapipe or the processor stands in and the models are small; the report says so. Each figure
is kept as soon as it is there: the same command goes on where an earlier one was ended, or where its
`--minutes` were over (exit status 3). No figure takes ten minutes, and nothing is fetched. The stages stand
in the order of what is wanted most, and after each the report is written, for a card that is lent for an
hour. The exit status is 1 where a point failed.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

from app.base.errors import StillroomError
from tests.perf.gpu_check.card import facts_of, find_card
from tests.perf.gpu_check.check_context import Check
from tests.perf.gpu_check.points import Points
from tests.perf.gpu_check.report import FILES, MARKDOWN, write_report
from tests.perf.gpu_check.scales import SCALES
from tests.perf.gpu_check.stages import STAGES, run_stages

ROOT = Path(__file__).parents[3]


def main() -> int:
    """Run the stages; 0 done, 1 where a point failed, 3 where the time was over before all were done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"all, or of: {', '.join(STAGES)}")
    parser.add_argument("--report", type=Path, default=ROOT / "build" / "gpu-check")
    parser.add_argument("--card", choices=("auto", "CUDA", "Vulkan", "CPU"), default="auto")
    parser.add_argument("--scale", choices=SCALES, help="full on a card, small where something stands in")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin nothing after these; 0 has no end")
    parser.add_argument("--copy", type=Path, help="a second folder that the report is written into")
    options = parser.parse_args()
    if unknown := set(options.stages) - set(STAGES):
        parser.error(f"no stage is called {', '.join(sorted(unknown))}")
    began_s = time.monotonic()
    until_s = began_s + 60 * options.minutes if options.minutes else float("inf")
    try:
        card = find_card(options.card)
        scale = options.scale or ("small" if card.stands_in else "full")
        points = Points(options.report, facts_of(card, scale), until_s)
    except StillroomError as error:
        print(error, error.hint_text(), file=sys.stderr)
        return 1
    print(f"{card.name} ({card.backend}), scale {scale}, report in {options.report}", flush=True)
    check = Check(card, SCALES[scale], points, options.report / "work")
    titles = {name: title for name, (title, _) in STAGES.items()}

    def write() -> None:
        write_report(options.report, points, titles)
        if options.copy is not None:
            copy_report(options.report, options.copy)

    left = run_stages(check, options.stages or list(STAGES), write)
    failed = [point for name in STAGES for point in points.of(name) if point.failure]
    print(f"{options.report / MARKDOWN} after {time.monotonic() - began_s:.0f} s, {len(failed)} failed")
    if left:
        print(f"not finished: {', '.join(left)}")
    return 3 if left else 1 if failed else 0


def copy_report(folder: Path, target: Path) -> None:
    """Copy the report's files, and the figures by which a check goes on, but nothing of its work."""
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(file for pattern in FILES for file in folder.glob(pattern)):
        shutil.copyfile(file, target / file.name)


if __name__ == "__main__":
    sys.exit(main())
