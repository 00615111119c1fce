"""The rules of a grammar or a JSON schema, read once; without numpy, for those who only check one."""

import functools

from app.base.errors import RequestError
from app.engine.grammar.gbnf import GrammarError, Rules, read_grammar
from app.engine.grammar.grammar_state import GrammarState
from app.engine.grammar.json_schema import schema_grammar, unusable_schema

GRAMMARS_KEPT = 16


@functools.lru_cache(GRAMMARS_KEPT)
def rules_of(grammar: str, json_schema: str) -> Rules:
    """Read the rules that a reply is bound to: from a grammar's text, or from a JSON schema's. Any thread;
    takes up to a second for the largest texts. Raises `RequestError`."""
    text = schema_grammar(json_schema) if json_schema else grammar
    try:
        rules = read_grammar(text)
        GrammarState(rules)
    except GrammarError as error:
        if json_schema:
            raise unusable_schema(str(error)) from None
        raise RequestError(
            "The grammar could not be read: {reason}.",
            'It must be in llama.cpp\'s GBNF form and have the rule "root".',
            reason=str(error),
        ) from None
    return rules
