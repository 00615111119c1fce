"""Tell which files a folder's `.gitignore` files leave out (https://git-scm.com/docs/gitignore).

Our own, as the folder may be anybody's: pathspec 1.1 took 7 s for one name of 250 letters and a pattern of
five stars, and held the interpreter meanwhile. Here each star takes the first place that fits, so the time
grows with the lengths alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LARGEST_FILE_BYTES = 256 * 1024
MOST_RULES = 2000
LONGEST_RULE = 400
"""Characters; longer lines are left out."""

_ANY_FOLDERS = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: `parts` are matched with those of a path, None stands for any number of folders."""

    parts: tuple[re.Pattern[str] | None, ...]
    includes: bool
    folders_only: bool
    by_name: bool
    """It is about a name, wherever it stands."""

    def matches(self, parts: Sequence[str], *, is_folder: bool) -> bool:
        """Tell whether the path is meant; `parts` begin in the folder of the `.gitignore`."""
        if self.folders_only and not is_folder:
            return False
        if self.by_name:
            name = self.parts[0]
            return name is not None and name.fullmatch(parts[-1]) is not None
        return _matches(self.parts, parts)


@dataclass(frozen=True, slots=True)
class IgnoreScope:
    """The rules of a folder and of those above it, up to the one that was opened. Paths are relative to
    that one, with forward slashes."""

    levels: tuple[tuple[int, tuple[Rule, ...]], ...] = ()
    """For each `.gitignore`, the number of folders above it, and its rules."""

    def within(self, depth: int, text: str) -> "IgnoreScope":
        """Return the scope of a folder that is `depth` folders down and has a `.gitignore` with `text`."""
        rules = parse_rules(text)
        return IgnoreScope((*self.levels, (depth, rules))) if rules else self

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Tell whether a path is left out; the folders above it are not."""
        parts = path.split("/")
        if parts[-1] == ".git":
            return True
        for depth, rules in reversed(self.levels):
            below = parts[depth:]
            for rule in reversed(rules):
                if rule.matches(below, is_folder=is_folder):
                    return not rule.includes
        return False


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Read the lines of a `.gitignore`; one that cannot be understood is left out."""
    rules = []
    for line in text.splitlines()[: 4 * MOST_RULES]:
        rule = _rule(line) if len(line) <= LONGEST_RULE else None
        if rule is not None:
            rules.append(rule)
    return tuple(rules[:MOST_RULES])


def _rule(line: str) -> Rule | None:
    line = _without_blanks(line)
    if not line or line.startswith("#"):
        return None
    includes = line.startswith("!")
    line = line[includes:]
    folders_only = line.endswith("/")
    bare = line.strip("/")
    if not bare:
        return None
    by_name = "/" not in line.rstrip("/")
    try:
        parts = tuple(
            _ANY_FOLDERS if part == "**" and not by_name else re.compile(_glob(part), re.DOTALL)
            for part in bare.split("/")
        )
    except (re.error, IndexError, ValueError):
        return None
    return Rule(parts, includes, folders_only, by_name)


def _without_blanks(line: str) -> str:
    """Take blanks off the end, unless they are quoted."""
    bare = line.rstrip(" \t")
    quoted = len(bare) - len(bare.rstrip("\\"))
    return line[: len(bare) + 1] if quoted % 2 and len(bare) < len(line) else bare


def _matches(rule: tuple[re.Pattern[str] | None, ...], parts: Sequence[str]) -> bool:
    """Match the parts of a path, of which a rule's None takes any number; a last one takes one at least."""
    reached = {0}
    for number, each in enumerate(rule):
        if each is None:
            is_last = number == len(rule) - 1
            first = min(reached) + is_last
            reached = set(range(first, len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and each.fullmatch(parts[at])}
        if not reached:
            return False
    return len(parts) in reached


def _glob(pattern: str) -> str:
    """Translate the pattern of one name. What follows a star is tried at its first place only, which no
    later part can make wrong (as in Python's `fnmatch`)."""
    chunks = [""]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            if chunks[-1] or len(chunks) == 1:
                chunks.append("")
        elif character == "?":
            chunks[-1] += "."
        elif character == "[":
            translated, at = _bracket(pattern, at)
            chunks[-1] += translated
        elif character == "\\":
            chunks[-1] += re.escape(pattern[at])
            at += 1
        else:
            chunks[-1] += re.escape(character)
    if len(chunks) == 1:
        return chunks[0]
    first, *middle, last = chunks
    return first + "".join(f"(?>.*?{chunk})" for chunk in middle) + f".*{last}"


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """Translate a set of characters that begins at `at`, and say where it ends. Raises `ValueError` where it
    does not end."""
    negated = pattern.startswith(("!", "^"), at)
    # A bracket right at the beginning is one of the characters.
    end = pattern.index("]", at + negated + 1)
    inner = pattern[at + negated : end]
    for character in ("\\", "[", "]", "^", "&", "~", "|"):
        inner = inner.replace(character, f"\\{character}")
    return f"[{'^' if negated else ''}{inner}]", end + 1
