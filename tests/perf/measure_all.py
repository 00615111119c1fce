"""Run the measurements that print figures one by one: `python -m tests.perf.measure_all [NAME ...]`.

What has a verdict is a test: `python -m pytest -m perf -s`. `make perf` does both.
"""

import subprocess
import sys

SCRIPTS = (
    "engine_speed",
    "many_streams",
    "api_speed",
    "python_share",
    "step_speed",
    "second_turn",
    "speculation_speed",
    "grammar_speed",
    "template_speed",
    "window_speed",
    "chat_speed",
    "bench_figures",
    "bench_cancel",
    "quality_cancel",
    "bundle_speed",
    "model_steps",
)


def main() -> int:
    """Run them all or those that are named; 1 where one of them failed."""
    failed = []
    for name in sys.argv[1:] or SCRIPTS:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"tests.perf.{name}"], check=False).returncode:
            failed.append(name)
    print(f"\nfailed: {', '.join(failed)}" if failed else "\nall ran")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
