"""Characters that nobody sees and that can make a text look like another one."""

import re

HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters, without tab and line ends
    "\u00ad\u061c\u180e\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"  # tags: invisible copies of ASCII
    "]"
)


def with_hidden_shown(text: str) -> str:
    """`text` with a name such as ⟨U+202E⟩ in place of every control and direction character.

    Direction overrides can make code read differently from what it does (https://trojansource.codes).
    """
    return HIDDEN.sub(lambda character: f"⟨U+{ord(character[0]):04X}⟩", text)
