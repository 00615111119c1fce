"""Find the line of a program that failed, in the output of its run."""

import re

_PLACES = (
    r'File "[^"]*/main\.py", line (\d+)',  # Python's traceback; the last call is nearest to the error
    r"/main\.js:(\d+)",
    r"main\.sh: line (\d+):",
    r"main\.c(?:pp)?:(\d+):\d+: (?:fatal )?error",
    r"(?:--> |panicked at )main\.rs:(\d+):\d+",
    r"main\.go:(\d+)",
)


def failure_line(output: str) -> int:
    """The line, counted from 1; 0 where the output does not tell. Programs are named as `job_for` does."""
    for number, place in enumerate(_PLACES):
        found = re.findall(place, output)
        if found:
            return int(found[-1] if number == 0 else found[0])
    return 0
