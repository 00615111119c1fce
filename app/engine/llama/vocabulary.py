"""Whether a small model can guess for a large one: the same tokens must have the same numbers."""

import llama_cpp

from app.engine.llama.model import Model

MOST_PADDING = 128
"""Models of one family pad their vocabularies differently (R1's Qwen distills: 151,936 and 152,064)."""

FIRST_COMPARED = 5
"""The first tokens are special ones that families number alike and name differently."""


def vocabularies_agree(target: Model, draft: Model) -> bool:
    """The check of llama.cpp's own speculative decoding (common/speculative.cpp): kind, BOS and EOS, size but
    for padding, and every token's text."""
    for native in (
        llama_cpp.llama_vocab_type,
        llama_cpp.llama_vocab_get_add_bos,
        llama_cpp.llama_vocab_get_add_eos,
    ):
        if native(target.vocab) != native(draft.vocab):
            return False
    if target.adds_bos and target.bos != draft.bos:
        return False
    if llama_cpp.llama_vocab_get_add_eos(target.vocab) and target.eos != draft.eos:
        return False
    if abs(target.vocabulary - draft.vocabulary) > MOST_PADDING:
        return False
    text = llama_cpp.llama_vocab_get_text
    return all(
        text(target.vocab, token) == text(draft.vocab, token)
        for token in range(FIRST_COMPARED, min(target.vocabulary, draft.vocabulary))
    )
