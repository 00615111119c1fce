from app.engine.guess import NO_GUESS
from app.engine.lookup import LONGEST_MATCH, PromptLookup


def test_what_followed_the_same_tokens_is_guessed() -> None:
    lookup = PromptLookup()
    guess = lookup.guess([1, 2, 3, 4, 5, 6, 7, 1, 2, 3], 3)
    assert guess.tokens == (4, 5, 6)
    assert guess.confidence == 3


def test_one_token_is_too_little_to_guess_from() -> None:
    assert PromptLookup().guess([1, 9, 8, 1], 4) == NO_GUESS


def test_the_place_that_agrees_longest_is_taken() -> None:
    tokens = [9, 1, 2, 3, 50, 0, 0, 1, 2, 3, 60, 0, 9, 1, 2, 3]
    guess = PromptLookup().guess(tokens, 1)
    assert guess.tokens == (50,)
    assert guess.confidence == 4


def test_of_equal_places_the_latest_is_taken() -> None:
    assert PromptLookup().guess([1, 2, 3, 50, 7, 1, 2, 3, 60, 8, 1, 2, 3], 1).tokens == (60,)


def test_the_end_grows_with_the_reply() -> None:
    lookup = PromptLookup()
    tokens = [1, 2, 3, 4, 5]
    assert lookup.guess(tokens, 2) == NO_GUESS
    tokens += [1, 2, 3]
    assert lookup.guess(tokens, 2).tokens == (4, 5)
    tokens += [4, 5]
    assert lookup.guess(tokens, 2).tokens == (1, 2)


def test_a_guess_ends_with_the_text_and_at_its_limit() -> None:
    tokens = [1, 2, 3, 4, 1, 2, 3]
    assert PromptLookup().guess(tokens, 99).tokens == (4, 1, 2, 3)
    assert PromptLookup().guess(tokens, 0) == NO_GUESS


def test_confidence_is_counted_up_to_a_length() -> None:
    assert PromptLookup().guess([*range(100), *range(100)], 1).confidence == LONGEST_MATCH
