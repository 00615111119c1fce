from app.engine.speculation.lookup import LONGEST_MATCH, PromptLookup
from app.engine.speculation.token_guess import NO_GUESS


def test_what_followed_the_same_tokens_is_guessed() -> None:
    lookup = PromptLookup()
    guess = lookup.guess([1, 2, 3, 4, 5, 6, 7, 1, 2, 3], 3)
    assert guess.tokens == (4, 5, 6)
    assert guess.agreed == 3


def test_one_token_is_too_little_to_guess_from() -> None:
    assert PromptLookup().guess([1, 9, 8, 1], 4) == NO_GUESS


def test_the_place_that_agrees_longest_is_taken() -> None:
    tokens = [9, 1, 2, 3, 50, 0, 0, 1, 2, 3, 60, 0, 9, 1, 2, 3]
    guess = PromptLookup().guess(tokens, 1)
    assert guess.tokens == (50,)
    assert guess.agreed == 4


def test_of_equal_places_the_first_is_taken_until_the_latest_is_right() -> None:
    lookup = PromptLookup()
    tokens = [1, 2, 3, 50, 7, 1, 2, 3, 60, 8, 1, 2, 3]
    assert lookup.guess(tokens, 1).tokens == (50,)
    tokens += [60, 9, 1, 2, 3]
    assert lookup.guess(tokens, 1).tokens == (60,)


def test_a_token_in_whose_place_others_came_is_in_doubt() -> None:
    guess = PromptLookup().guess([1, 2, 3, 50, 1, 2, 3, 60, 8, 0, 1, 2, 3, 50, 1], 4)
    assert guess.tokens == (2, 3, 60, 8)
    # Odd without a doubt: 3 always follows 1, 2, but not always the same follows 2, 3.
    assert guess.kinds[1] % 2 == 1
    assert guess.kinds[2] % 2 == 0


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


def test_agreement_is_counted_up_to_a_length() -> None:
    assert PromptLookup().guess([*range(100), *range(100)], 1).agreed == LONGEST_MATCH
