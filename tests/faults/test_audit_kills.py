"""The audit log's writer killed at random points: what is on the disk is intact, and goes on."""

import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from app.audit.verification import verify

KILLS = int(os.environ.get("STILLROOM_AUDIT_KILLS", "100"))

WRITE = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from app.audit.writer import AuditWriter
    writer = AuditWriter(Path(sys.argv[1]), 60_000)
    print("ready", flush=True)
    while True:
        writer.append([{"kind": "reply", "text": "x" * 300}] * 3)
        print("written", flush=True)
    """
)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_kills_at_random_points_leave_a_log_that_holds(tmp_path: Path) -> None:
    chance, path = random.Random(1), tmp_path / "audit"
    repaired = last = 0
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(1 + chance.randint(0, 6)):
                process.stdout.readline()
            # Somewhere within the writing of the next lines.
            for _ in range(chance.randint(0, 20_000)):
                pass
            process.kill()
        result = verify(path)
        assert result.intact, [problem.sentence for problem in result.problems]
        assert result.end.n >= last
        last = result.end.n
        repaired += len(result.notes)
    print(f"\n{KILLS} kills, {last} lines, {repaired} notes of unfinished or unnamed lines")
    assert last > 0
