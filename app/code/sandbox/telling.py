"""How the sandbox's process tells what happens: one JSON line on stdout each."""

import json
import sys


def tell(**words: object) -> None:
    """Write a line at once; no other thread may."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()
