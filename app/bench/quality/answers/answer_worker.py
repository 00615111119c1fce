"""The child process that compares final answers, so that a hostile one can only end this process.

A JSON line `{"expected": ..., "found": ...}` on stdin, a JSON line `{"same": ...}` on stdout, until stdin
closes. Nothing of an answer is ever run; the limits are against what takes too long or too much memory.
"""

import json
import os
import sys

from models.system.child_process import die_with_parent

MEMORY_LIMIT_BYTES = 1 << 30


def main() -> None:
    """Answer until stdin closes."""
    die_with_parent(os.getppid())
    _limit_memory()
    # Loaded after the limit, and once for all answers.
    from app.bench.quality.answers.equality import same_answer

    print(json.dumps({"ready": True}), flush=True)  # noqa: T201 - the parent reads it
    for line in sys.stdin:
        request = json.loads(line)
        try:
            same: bool | None = same_answer(request["expected"], request["found"])
        except Exception:  # noqa: BLE001 - whatever sympy raises for an answer made to provoke it
            same = None
        print(json.dumps({"same": same}), flush=True)  # noqa: T201


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit has to do
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
