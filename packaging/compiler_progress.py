"""Run a build and show in one line how far its compiler is."""

import re
import subprocess
import sys
from collections.abc import Mapping


def run_showing_progress(title: str, command: list[str], environment: Mapping[str, str]) -> None:
    """Run it. What it said last is printed where it fails, and `CalledProcessError` raised."""
    last_lines: list[str] = []
    files, shown = 0, -1
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    ) as build:
        assert build.stdout is not None
        for line in build.stdout:
            last_lines = [*last_lines[-40:], line]
            match = re.search(r"\[(\d+)/(\d+)\]", line)
            if match and int(match[2]) > files:
                files, shown = int(match[2]), -1
            # A build within the build counts for itself.
            if match and int(match[2]) == files:
                percent = 100 * int(match[1]) // int(match[2])
                if percent > shown and (sys.stdout.isatty() or percent // 10 > shown // 10):
                    end = "\r" if sys.stdout.isatty() else "\n"
                    print(f"  {title} {percent:3d}%  ({match[1]} of {match[2]} files)", end=end, flush=True)
                    shown = percent
    if sys.stdout.isatty() and shown >= 0:
        print()
    if build.returncode:
        print("".join(last_lines))
        raise subprocess.CalledProcessError(build.returncode, command)
