"""An answer as people compare it at a glance: without marks, spaces and letter case."""

import re

_ARTICLE = re.compile(r"^(?:the|a|an)\s+")


def plain_answer(answer: str) -> str:
    """Without spaces, dollar signs and what only sets type."""
    text = answer.strip().rstrip(".").replace("\\left", "").replace("\\right", "").replace("$", "")
    text = re.sub(r"\\[dt]frac", r"\\frac", text)
    return re.sub(r"\s+|\\[,;:! ]", "", text)


def words_of(answer: str) -> str | None:
    r"""The words of an answer in words, such as "\text{Monday}" or "(C)"; None for everything else."""
    text = re.sub(r"\\(?:text(?:bf|it|rm)?|mathrm|mathbf|mbox)\s*\{([^{}]*)\}", r"\1", answer)
    text = text.strip().strip("$").strip().strip(".").strip()
    text = re.sub(r"^\((.)\)$", r"\1", text)
    if re.fullmatch(r"[A-Za-z](?:\s*-\s*[A-Za-z])+", text):
        # A difference, such as p - q.
        return None
    if not re.fullmatch(r"[A-Za-z][A-Za-z '’,-]*", text) or re.search(r",\s*[A-Za-z](?![A-Za-z])", text):
        return None
    return _ARTICLE.sub("", re.sub(r"[\s-]+", " ", text).casefold())
