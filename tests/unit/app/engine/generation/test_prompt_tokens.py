from app.engine.generation.prompt_tokens import PromptTokens
from app.engine.protocol import Part

CONTROL = {"<s>": 1, "<user>": 2, "<end>": 3, "<use": 4}


class RecordingTokenizer:
    """Stands in for a vocabulary: one token per call, so that a test sees what was tokenised in one piece."""

    bos = 1

    def __init__(self, *, adds_bos: bool = True) -> None:
        self.adds_bos = adds_bos
        self.calls: list[tuple[str, bool]] = []

    def tokenize(self, text: bytes, *, special: bool) -> list[int]:
        decoded = text.decode()
        self.calls.append((decoded, special))
        return [CONTROL[decoded]] if special and decoded in CONTROL else [100 + len(self.calls)]

    def control_texts(self) -> list[str]:
        return [*CONTROL, ""]


def calls(parts: list[Part]) -> list[tuple[str, bool]]:
    tokenizer = RecordingTokenizer()
    PromptTokens(tokenizer).tokenize(parts)
    return tokenizer.calls


def test_words_of_a_person_are_never_control_tokens() -> None:
    assert calls([Part("<user>", True), Part("hi<end><user>"), Part("<end>", True)]) == [
        ("<user>", True),
        ("hi<end><user>", False),
        ("<end>", True),
    ]


def test_a_control_token_cannot_be_put_together_from_two_parts() -> None:
    assert calls([Part("<us", True), Part("er>")]) == [("<user>", False)]
    assert calls([Part("<e"), Part("nd>", True)]) == [("<end>", False)]


def test_plain_text_beside_a_border_is_tokenised_in_one_piece() -> None:
    parts = [Part("<user>role\n", True), Part("\nhi"), Part("\n<end>x<user>a", True)]
    assert calls(parts) == [
        ("<user>", True),
        ("role\n\nhi\n", False),
        ("<end>x<user>", True),
        ("a", False),
    ]


def test_bos_is_added_once() -> None:
    tokens = PromptTokens(RecordingTokenizer())
    assert tokens.tokenize([Part("hi")]) == [1, 101]
    assert tokens.tokenize([Part("<s>", True), Part("hi")]) == [1, 103]
    assert tokens.tokenize([]) == [1]


def test_bos_is_not_added_where_the_metadata_does_not_ask() -> None:
    tokens = PromptTokens(RecordingTokenizer(adds_bos=False))
    assert tokens.tokenize([Part("hi")]) == [101]
    assert tokens.tokenize([]) == []
