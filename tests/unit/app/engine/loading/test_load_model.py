"""Ways to load the real starter model; its own limit is 8,192 tokens."""

import math
from pathlib import Path
from types import SimpleNamespace

import llama_cpp
import pytest

from app.engine.llama.backend import Backend
from app.engine.loading import load_model
from app.engine.planning import paged_memory
from app.engine.protocol import Device, Failed, Finished, Generate, Load, Loaded, LoadSettings, ModelInfo
from converters.build.build_run import run_build
from converters.process.messages import BuildRequest
from models.system.progress import ignore_progress
from tests.support.engines import GREEDY, STORY, Session, starter_path, text_of
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.tiny_models import make_tiny_model


@pytest.fixture(scope="module")
def session() -> Session:
    return Session("thread")


@pytest.fixture(scope="module", autouse=True)
def closed(session: Session):  # type: ignore[no-untyped-def] # a fixture
    yield
    session.engine.close()


def load(session: Session, **settings: object) -> ModelInfo:
    values = {"threads": 1, "batch_tokens": 64, "sequences": 1, **settings}
    info = session.load(starter_path(), LoadSettings(**values))  # type: ignore[arg-type] # its options
    assert isinstance(info, ModelInfo)
    return info


def answer(session: Session, **options: object) -> tuple[str, Finished]:
    request = Generate(
        request_id=session.new_id(),
        sampling=GREEDY,
        **{"parts": STORY, "max_tokens": 16, **options},  # type: ignore[arg-type] # options of Generate
    )
    deltas, end = session.generate(request)
    assert isinstance(end, Finished)
    return text_of(deltas), end


def cache_bytes(session: Session, **settings: object) -> int:
    info = load(session, context_tokens=4096, **settings)
    whole = sum(info.buffers.values())
    small = load(session, context_tokens=256, **settings)
    return whole - sum(small.buffers.values())


def test_a_quantised_cache_takes_less_and_still_answers(session: Session) -> None:
    f16 = cache_bytes(session, kv_type="f16", flash_attention="on")
    q8_0 = cache_bytes(session, kv_type="q8_0", flash_attention="on")
    q4_0 = cache_bytes(session, kv_type="q4_0", flash_attention="on")
    assert q4_0 < q8_0 < f16 * 0.7
    for kv_type in ("f16", "q8_0", "q4_0"):
        info = load(session, context_tokens=512, kv_type=kv_type)
        assert info.kv_type == kv_type
        assert answer(session)[1].stats.completion_tokens == 16


def test_flash_attention_on_and_off_agree(session: Session) -> None:
    texts = set()
    for flash_attention in ("auto", "on", "off"):
        load(session, context_tokens=512, flash_attention=flash_attention)
        texts.add(answer(session, max_tokens=6)[0])
    assert len(texts) == 1


def test_a_context_beyond_the_limit_is_lowered_to_it(session: Session) -> None:
    info = load(session, context_tokens=20_000)
    assert info.context_limit == 8192
    assert info.context_tokens == 8192
    assert "lowered to that" in str(info.notices[0])


def test_yarn_goes_beyond_the_limit_and_is_told(session: Session) -> None:
    info = load(session, context_tokens=12_288, context_stretch=2)
    assert info.context_tokens == 12_288
    assert "by YaRN" in str(info.notices[0])
    # It changes what the model computes: positions are spread over 1.5 times as many.
    stretched, _ = answer(session, max_tokens=48)
    load(session, context_tokens=8192, context_stretch=2)
    plain, _ = answer(session, max_tokens=48)
    load(session, context_tokens=8192)
    assert answer(session, max_tokens=48)[0] == plain
    assert stretched != plain


def test_several_threads_evaluate_prompts(session: Session) -> None:
    info = load(session, context_tokens=512, prompt_threads=2)
    assert (info.plan.threads, info.plan.prompt_threads) == (1, 2)
    assert answer(session)[1].stats.completion_tokens == 16


def test_the_plan_is_told_before_the_file_is_read(session: Session) -> None:
    info = load(session)
    assert info.plan.context_tokens == 8192
    assert info.planned == info.plan
    assert info.asked.context_tokens == 0


@pytest.mark.parametrize("sequences", [1, 3, 8])
def test_rows_of_logits_are_asked_for_in_sixteens(
    session: Session, monkeypatch: pytest.MonkeyPatch, sequences: int
) -> None:
    """Other numbers leave half a cache line before what llama.cpp computes: a fifth of a prompt's speed."""
    asked: list[int] = []
    make = llama_cpp.llama_init_from_model

    def noting(model: object, params: llama_cpp.llama_context_params) -> object:
        asked.append(params.n_outputs_max)
        return make(model, params)

    monkeypatch.setattr(llama_cpp, "llama_init_from_model", noting)
    load(session, context_tokens=256, sequences=sequences)
    assert asked
    assert all(rows % 16 == 0 and rows >= sequences for rows in asked)


def test_what_a_driver_has_moved_to_ram_is_given_up_step_by_step_and_told(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is a stand-in by the name of the memory that llama.cpp says it took: it computes nothing."""
    listed = Backend.local_devices
    card = Device(
        name="CPU_Mapped",
        description="a full card",
        backend="CUDA",
        kind="gpu",
        memory_total_bytes=8 << 30,
        memory_free_bytes=60 << 20,
    )
    monkeypatch.setattr(Backend, "local_devices", lambda backend: [(0, card), *listed(backend)])
    settings = LoadSettings(
        gpu_layers=1000, context_tokens=512, kv_type="f16", threads=1, batch_tokens=64, sequences=1
    )

    def placed() -> ModelInfo:
        # What is where is not estimated: nothing is on a card.
        session.engine.post(Load(request_id=session.new_id(), path=starter_path(), settings=settings))
        return session.wait_for(Loaded).info

    fast = placed()
    assert fast.gpu_layers == fast.layers + 1
    monkeypatch.setattr(load_model, "driver_pages", lambda: True)
    # However busy this computer is: first whatever it takes is fast, then nothing.
    monkeypatch.setattr(paged_memory, "CERTAINLY_FAST_S", math.inf)
    assert placed().gpu_layers == fast.gpu_layers
    monkeypatch.setattr(paged_memory, "CERTAINLY_FAST_S", 0.0)
    slow = placed()
    assert slow.gpu_layers == 0
    said = [str(notice) for notice in slow.notices]
    assert "The graphics card has too little memory for 31 layers, so it takes 23." in said
    assert answer(session)[1].stats.completion_tokens == 16


def test_weights_that_do_not_fit_are_not_copied(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux would end a process that copies more than there is."""
    request = BuildRequest(
        source=make_tiny_model("llama", tmp_path), types=["Q4_K_M"], out_dir=tmp_path, name="tiny"
    )
    (built,) = run_build(request, ignore_progress, None)
    asked = LoadSettings(threads=1, context_tokens=256, sequences=1)
    fitting = session.load(built.path, asked)
    assert isinstance(fitting, ModelInfo)
    if not any("REPACK" in name for name in fitting.buffers):
        pytest.skip("llama.cpp leaves weights as they are on this processor")
    monkeypatch.setattr(
        load_model, "psutil", SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=1 << 20))
    )
    paged = session.load(built.path, asked)
    assert isinstance(paged, ModelInfo)
    assert not any("REPACK" in name for name in paged.buffers)
    assert any("read from the disk" in notice.message for notice in paged.notices)


def test_an_unknown_architecture_is_told_by_its_name(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "strange.gguf"
    write_tiny_gguf(file, architecture="qwen9moe")
    failed = session.load(str(file), LoadSettings())
    assert isinstance(failed, Failed)
    assert "of the architecture “{architecture}”, which this llama.cpp does not know" in failed.message
    assert failed.values["architecture"] == "qwen9moe"
