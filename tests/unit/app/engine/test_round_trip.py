"""Text to tokens and back, and tokens against an independent loop, on the starter model's vocabulary."""

import ctypes
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.engine.generation.prompt_tokens import PromptTokens
from app.engine.protocol import Generate, LoadSettings, ModelInfo, Part, Tokenize, Tokenized
from tests.support.contexts import load_model
from tests.support.engines import GREEDY, STORY, Session, starter_path, text_of

llama_cpp = pytest.importorskip("llama_cpp")

EVERYDAY_STRINGS = 1000
ALL_STRINGS = 10_000


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    from app.engine.devices.native_log import NativeLog
    from app.engine.llama.backend import Backend

    backend = Backend(NativeLog())
    model = load_model(backend, Path(starter_path()), mmap=True)
    yield model
    model.free()


def missing_bytes(model: Any) -> set[int]:
    """Bytes without a token of their own: SmolLM2's vocabulary lacks some, R1's lack none."""
    texts = {llama_cpp.llama_vocab_get_text(model.vocab, token).decode() for token in range(model.vocabulary)}
    return {byte for char, byte in gpt2_bytes().items() if char not in texts}


def random_text(rng: random.Random) -> str:
    """Any Unicode but surrogates: whole planes, common scripts, white space, control tokens as text."""
    out = []
    for _ in range(rng.randrange(1, 40)):
        kind = rng.random()
        if kind < 0.3:
            out.append(chr(rng.randrange(32, 127)))
        elif kind < 0.4:
            out.append(
                rng.choice([" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\0", "\x7f", "\ufeff"])
            )
        elif kind < 0.5:
            out.append(
                rng.choice(
                    [
                        "<|im_end|>",
                        "<|endoftext|>",
                        "</think>",
                        "é",
                        "e\u0301",
                        "👩‍👩‍👧",
                        "中文",
                        "한국",
                        "עב",
                    ]
                )
            )
        else:
            code = rng.randrange(0x110000)
            out.append(chr(code) if not 0xD800 <= code < 0xE000 else "x")
    return "".join(out)


def check_strings(model: Any, count: int) -> None:
    prompts = PromptTokens(model)
    rng = random.Random(20)
    missing = missing_bytes(model)
    for _ in range(count):
        text = "".join(char for char in random_text(rng) if not missing & set(char.encode()))
        tokens = prompts.tokenize([Part(text)])
        assert b"".join(model.piece(token)[0] for token in tokens) == text.encode(), repr(text)


def test_random_unicode_comes_back_unchanged(model: Any) -> None:
    check_strings(model, EVERYDAY_STRINGS)


@pytest.mark.faults
def test_ten_thousand_random_strings_come_back_unchanged(model: Any) -> None:
    check_strings(model, ALL_STRINGS)


def gpt2_bytes() -> dict[str, int]:
    """The character that stands for each byte in a byte-level vocabulary (openai/gpt-2, encoder.py)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(byte): byte for byte in plain}
    for extra, byte in enumerate(byte for byte in range(256) if byte not in plain):
        table[chr(256 + extra)] = byte
    return table


def test_every_token_of_the_vocabulary_comes_back_unchanged(model: Any) -> None:
    table = gpt2_bytes()
    control = set(model.control_texts())
    assert control
    wrong = []
    for token in range(model.vocabulary):
        text = llama_cpp.llama_vocab_get_text(model.vocab, token).decode()
        if text in control:
            if model.tokenize(text.encode(), special=True) != [token] or model.piece(token)[0]:
                wrong.append(token)
            continue
        piece = model.piece(token)[0]
        if piece != bytes(table[char] for char in text):
            wrong.append(token)
            continue
        try:
            piece.decode()
        except UnicodeDecodeError:
            # Part of a character: it has no text of its own to be tokenised.
            continue
        again = b"".join(model.piece(each)[0] for each in model.tokenize(piece, special=False))
        if again != piece:
            wrong.append(token)
    assert wrong == []


def independent_greedy(prompt: list[int], count: int) -> list[int]:
    """Greedy decoding in the fewest calls: no batch struct, no sampler, an arg max in Python."""
    params = llama_cpp.llama_model_default_params()
    params.use_extra_bufts = True
    params.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(starter_path().encode(), params)
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx, settings.n_batch, settings.n_ubatch = 256, 256, 256
    settings.n_threads = settings.n_threads_batch = 1
    context = llama_cpp.llama_init_from_model(model, settings)
    size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    out: list[int] = []
    tokens = prompt
    while len(out) < count:
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        assert llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(array, len(tokens))) == 0
        logits = ctypes.cast(llama_cpp.llama_get_logits_ith(context, -1), ctypes.POINTER(ctypes.c_float))
        values = logits[:size]
        tokens = [values.index(max(values))]
        out += tokens
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return out


def test_a_greedy_reply_is_that_of_an_independent_loop(model: Any) -> None:
    session = Session("child")
    try:
        settings = LoadSettings(context_tokens=256, batch_tokens=256, threads=1)
        assert isinstance(session.load(starter_path(), settings), ModelInfo)
        session.engine.post(Tokenize(request_id=session.new_id(), parts=STORY))
        prompt = session.wait_for(Tokenized).tokens
        request = Generate(
            request_id=session.new_id(), parts=STORY, sampling=GREEDY, max_tokens=64, ignore_eog=True
        )
        reply = text_of(session.generate(request)[0])
    finally:
        session.engine.close()
    expected = b"".join(model.piece(token)[0] for token in independent_greedy(prompt, 64))
    assert reply == expected.decode("utf-8", "replace")
