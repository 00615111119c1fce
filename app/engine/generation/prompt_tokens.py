"""From the parts of a prompt to token ids, so that nobody's words become a control token."""

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from app.engine.grammar.token_bytes import TokenBytes
from app.engine.protocol import Part

SLICE = 32 * 1024
"""Characters; some 10 ms."""

_BEFORE_SPACE = re.compile("[A-Za-z] ")


class Tokenizer(Protocol):
    """The part of a vocabulary that tokenises texts."""

    def tokenize(self, text: bytes, *, special: bool) -> list[int]:
        """Return the token ids of UTF-8 text without BOS."""


class PromptTokenizer(Tokenizer, Protocol):
    """The part of a vocabulary that tokenises prompts."""

    bos: int
    adds_bos: bool

    def control_texts(self) -> list[str]:
        """Return the texts of all control tokens."""


class PromptTokens:
    """Tokenises prompts as the whole rendered text would be, except that control tokens count only in the
    template's own parts.

    A byte-pair vocabulary may join characters across the border of two parts ("user\\n" and "\\nHello"), and
    the model was trained on that. So a template part is cut at its first and last control token only, and
    the plain text on both sides of a border is tokenised in one piece.
    """

    def __init__(self, tokenizer: PromptTokenizer) -> None:
        texts = sorted(filter(None, tokenizer.control_texts()), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, texts))) if texts else None
        self._tokenizer = tokenizer

    def tokenize(self, parts: Sequence[Part]) -> list[int]:
        """Return the token ids of `parts`, with one BOS in front where the metadata asks for it."""
        tokens: list[int] = []
        for text, special in self._stretches(parts):
            # A lone surrogate has no UTF-8 form.
            tokens += self._tokenizer.tokenize(text.encode("utf-8", "replace"), special=special)
        return self.with_bos(tokens)

    def slices(self, parts: Sequence[Part], vocabulary: TokenBytes) -> Iterator[list[int]]:
        """Yield the same tokens in pieces, without BOS: a long text is cut where that changes no token."""
        for text, special in self._stretches(parts):
            if special:
                yield self._tokenizer.tokenize(text.encode("utf-8", "replace"), special=True)
            else:
                yield from slices_of(text, self._tokenizer, vocabulary)

    def least_tokens(self, parts: Sequence[Part], vocabulary: TokenBytes) -> int:
        """Return a lower bound of its number of tokens, without tokenising it."""
        return vocabulary.least_tokens(
            b"".join(part.text.encode("utf-8", "replace") for part in parts if not part.special)
        )

    def with_bos(self, tokens: list[int]) -> list[int]:
        """Return `tokens` with exactly one BOS in front where the metadata asks for one."""
        tokenizer = self._tokenizer
        if tokenizer.adds_bos and tokenizer.bos >= 0 and tokens[:1] != [tokenizer.bos]:
            return [tokenizer.bos, *tokens]
        return tokens

    def _stretches(self, parts: Sequence[Part]) -> list[tuple[str, bool]]:
        out: list[tuple[str, bool]] = []
        plain = ""
        for part in parts:
            matches = list(self._control.finditer(part.text)) if self._control and part.special else []
            if not matches:
                plain += part.text
                continue
            start, end = matches[0].start(), matches[-1].end()
            plain += part.text[:start]
            if plain:
                out.append((plain, False))
            out.append((part.text[start:end], True))
            plain = part.text[end:]
        if plain:
            out.append((plain, False))
        return out


def slices_of(text: str, tokenizer: Tokenizer, vocabulary: TokenBytes) -> Iterator[list[int]]:
    """Yield the tokens of somebody's words in pieces: a long text is cut where that changes no token."""
    at = 0
    while at < len(text):
        end = len(text)
        if vocabulary.splits_before_spaces:
            cut = _BEFORE_SPACE.search(text, at + SLICE)
            end = cut.start() + 1 if cut is not None else end
        yield tokenizer.tokenize(text[at:end].encode("utf-8", "replace"), special=False)
        at = end
