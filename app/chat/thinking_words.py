"""What the folded line says about a train of thought."""

import re

from app.chat.title import shortened

LAST_STEP_CHARACTERS = 48
TAIL_CHARACTERS = 4000


def last_step(thinking: str) -> str:
    """The first words of the last paragraph that has begun, as plain text; empty before there is one.

    Looks at the end only, so that it costs the same however long the thinking is.
    """
    for paragraph in reversed(re.split(r"\n\s*\n", thinking[-TAIL_CHARACTERS:])):
        words = re.sub(r"[*_`#]+|\\[()\[\]]", "", paragraph).strip()
        if words:
            return shortened(words, LAST_STEP_CHARACTERS)
    return ""
