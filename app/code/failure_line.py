"""Find where a program failed, and for want of what, in the output of its run."""

import re

_PLACES = (
    r'File "[^"]*/main\.py", line (\d+)',  # Python's traceback; the last call is nearest to the error
    r"/main\.js:(\d+)",
    r"main\.sh: line (\d+):",
    r"main\.c(?:pp)?:(\d+):\d+: (?:fatal )?error",
    r"(?:--> |panicked at )main\.rs:(\d+):\d+",
    r"main\.go:(\d+)",
)
_END_OF_INPUT = re.compile(r"^EOFError\b|\(EOFError\)$", re.MULTILINE)
"""Python and Ruby say so; other languages give an empty line, or nothing."""
_LAST_CHARACTERS = 1000


def failure_line(output: str) -> int:
    """The line, counted from 1; 0 where the output does not tell. Programs are named as `job_for` does."""
    for number, place in enumerate(_PLACES):
        found = re.findall(place, output)
        if found:
            return int(found[-1] if number == 0 else found[0])
    return 0


def lacked_input(output: str) -> bool:
    """Tell whether the program ended because it read more input than there was."""
    return bool(_END_OF_INPUT.search(output[-_LAST_CHARACTERS:]))
