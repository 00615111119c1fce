"""Adapters on the starter model: what they change, who shares a batch with whom, what is refused."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.engine.llama import lora
from app.engine.protocol import (
    Cancel,
    Delta,
    Failed,
    Finished,
    Generate,
    LoadSettings,
    Lora,
    ModelInfo,
    Part,
    PromptProgress,
)
from converters.gguf.gguf_layout import lay_out
from converters.gguf.gguf_types import F32, TYPE_NAMED, TensorType
from converters.gguf.metadata_writer import encoded, new_metadata
from tests.support.adapters import build_starter_adapters
from tests.support.engines import GREEDY, STORY, EngineKind, Session, starter_path, text_of

SETTINGS = LoadSettings(context_tokens=256, batch_tokens=32, threads=1, sequences=3)

WIDE = 576
"""Of the starter model."""


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two adapters for the starter model."""
    first, second = build_starter_adapters(tmp_path_factory.mktemp("adapters"), 2)
    return str(first), str(second)


@pytest.fixture(scope="module", params=["thread", "child"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    kind: EngineKind = request.param
    session = Session(kind)
    assert isinstance(session.load(starter_path(), SETTINGS), ModelInfo)
    yield session
    session.engine.close()


def ask(session: Session, *loras: Lora, **options: object) -> Generate:
    defaults: dict[str, object] = {"parts": STORY, "sampling": GREEDY, "max_tokens": 12}
    return Generate(request_id=session.new_id(), loras=loras, **{**defaults, **options})  # type: ignore[arg-type] # options of Generate


def reply(session: Session, *loras: Lora, **options: object) -> str:
    """Its prompt is evaluated whole: in other batches the other one of two likely tokens might win."""
    deltas, end = session.generate(ask(session, *loras, reuse_prefix=False, **options))
    assert isinstance(end, Finished), end
    return text_of(deltas)


def test_an_adapter_changes_the_reply_and_none_gives_it_back(
    session: Session, adapters: tuple[str, str]
) -> None:
    plain = reply(session)
    first, second = (reply(session, Lora(path)) for path in adapters)
    assert len({plain, first, second}) == 3
    assert reply(session) == plain
    assert reply(session, Lora(adapters[0], 0.0)) == plain
    assert reply(session, Lora(adapters[0])) == first


def test_the_scale_counts_and_scales_add_up(session: Session, adapters: tuple[str, str]) -> None:
    whole = reply(session, Lora(adapters[0], 1.0))
    assert reply(session, Lora(adapters[0], 0.25), Lora(adapters[0], 0.75)) == whole
    assert reply(session, Lora(adapters[0], 0.1)) != whole


def test_what_was_evaluated_with_other_adapters_is_not_used_again(
    session: Session, adapters: tuple[str, str]
) -> None:
    words = [Part("<|im_start|>user\nName the sea.<|im_end|>\n<|im_start|>assistant\n", True)]
    reused = []
    for loras in ((), (Lora(adapters[0]),), (Lora(adapters[1]),), (Lora(adapters[1]),)):
        _, end = session.generate(ask(session, *loras, parts=words, max_tokens=1))
        assert isinstance(end, Finished)
        reused.append(end.stats.reused_tokens > 0)
    assert reused[1:] == [False, False, True]


def test_replies_with_different_adapters_side_by_side_are_those_of_each_alone(
    session: Session, adapters: tuple[str, str]
) -> None:
    sets: list[tuple[Lora, ...]] = [(), (Lora(adapters[0]),), (Lora(adapters[1], 0.5),)]
    alone = [reply(session, *loras, max_tokens=20) for loras in sets]
    requests = [ask(session, *loras, max_tokens=20, reuse_prefix=False) for loras in sets]
    for request in requests:
        session.engine.post(request)
    texts = {request.request_id: "" for request in requests}
    order: list[int] = []
    left = len(requests)
    while left:
        event = session.engine.next_event()
        assert not isinstance(event, Failed), event
        if isinstance(event, Delta):
            texts[event.request_id] += event.text
        if isinstance(event, Delta | PromptProgress):
            order.append(event.request_id)
        left -= isinstance(event, Finished)
    assert list(texts.values()) == alone
    ends = [len(order) - order[::-1].index(request_id) for request_id in texts]
    starts = [order.index(request_id) for request_id in texts]
    assert max(starts) < min(ends), "one after the other"


def test_a_reply_with_an_adapter_can_be_cancelled(session: Session, adapters: tuple[str, str]) -> None:
    request = ask(session, Lora(adapters[0]), max_tokens=0, ignore_eog=True)
    session.engine.post(request)
    session.wait_for(Delta)
    session.engine.post(Cancel(request_id=request.request_id))
    assert session.wait_for(Finished).reason == "cancelled"


def write_gguf(
    path: Path,
    *,
    values: dict[str, object] | None = None,
    tensors: dict[str, tuple[tuple[int, ...], TensorType]] | None = None,
    alpha: object = 8.0,
) -> str:
    """An adapter's file of zeros that is as wrong as the test wants it."""
    metadata = new_metadata()
    texts = {"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora"}
    for key, value in {**texts, **(values or {})}.items():
        if isinstance(value, int):
            metadata.add_uint32(key, value)
        else:
            metadata.add_string(key, str(value))
    if isinstance(alpha, int):
        metadata.add_uint32("adapter.lora.alpha", alpha)
    elif isinstance(alpha, float):
        metadata.add_float32("adapter.lora.alpha", alpha)
    if tensors is None:
        name = "blk.0.attn_q.weight"
        tensors = {f"{name}.lora_a": ((4, WIDE), F32), f"{name}.lora_b": ((WIDE, 4), F32)}
    layout = lay_out(encoded(metadata), tensors)
    path.write_bytes(layout.header + bytes(layout.bytes - len(layout.header)))
    return str(path)


def test_a_whole_adapter_of_zeros_changes_nothing(session: Session, tmp_path: Path) -> None:
    assert reply(session, Lora(write_gguf(tmp_path / "zero.gguf"))) == reply(session)


Q = "blk.0.attn_q.weight"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": {"general.type": "model"}}, "is not a LoRA adapter"),
        ({"values": {"adapter.type": 3}}, "is not a LoRA adapter"),
        ({"values": {"general.architecture": "qwen2"}}, "is for {found} models"),
        ({"values": {"general.architecture": 7}}, "is for {found} models"),
        ({"values": {"adapter.alora.invocation_tokens": 7}}, "after certain words"),
        ({"alpha": 8}, "damaged"),
        ({"alpha": float("nan")}, "damaged"),
        ({"tensors": {f"{Q}.lora_a": ((4, WIDE), F32)}}, "damaged"),
        ({"tensors": {f"{Q}.lora_a": ((4, WIDE), F32), f"{Q}.lora_b": ((WIDE, 5), F32)}}, "damaged"),
        ({"tensors": {f"{Q}.lora_a": ((600, WIDE), F32), f"{Q}.lora_b": ((WIDE, 600), F32)}}, "damaged"),
        ({"tensors": {Q: ((4, WIDE), F32)}}, "damaged"),
        (
            {
                "tensors": {
                    f"{Q}.lora_a": ((4, WIDE), TYPE_NAMED["I32"]),
                    f"{Q}.lora_b": ((WIDE, 4), F32),
                }
            },
            "damaged",
        ),
        (
            {"tensors": {f"{Q}.lora_a": ((4, WIDE), F32), f"{Q}.lora_b": ((WIDE + 1, 4), F32)}},
            "does not fit this model",
        ),
        (
            {
                "tensors": {
                    "blk.99.attn_q.weight.lora_a": ((4, WIDE), F32),
                    "blk.99.attn_q.weight.lora_b": ((WIDE, 4), F32),
                }
            },
            "does not fit this model",
        ),
    ],
)
def test_a_file_that_is_no_adapter_for_this_model_is_refused_and_costs_nothing(
    session: Session, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    path = write_gguf(tmp_path / "wrong.gguf", **options)  # type: ignore[arg-type] # options of write_gguf
    _, end = session.generate(ask(session, Lora(path)))
    assert isinstance(end, Failed)
    assert message in end.message
    assert end.hint
    assert reply(session, max_tokens=1)


def test_a_file_that_is_cut_short_is_refused(
    session: Session, adapters: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "short.gguf"
    path.write_bytes(Path(adapters[0]).read_bytes()[:-100])
    for wrong in (path, tmp_path / "missing.gguf"):
        _, end = session.generate(ask(session, Lora(str(wrong))))
        assert isinstance(end, Failed)


@pytest.mark.parametrize("session", ["thread"], indirect=True)
def test_an_adapter_larger_than_the_memory_is_refused(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf(tmp_path / "large.gguf")
    monkeypatch.setattr(
        lora, "psutil", SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=1000))
    )
    _, end = session.generate(ask(session, Lora(path)))
    assert isinstance(end, Failed)
    assert "of memory" in end.message


def test_a_scale_without_sense_is_refused(session: Session, adapters: tuple[str, str]) -> None:
    for scale in (float("nan"), float("inf"), 1e9):
        _, end = session.generate(ask(session, Lora(adapters[0], scale)))
        assert isinstance(end, Failed)
        assert end.values["setting"] == "scale of an adapter"
