"""Golden runs with chosen answers, for tests of what is done with them."""

from app.bench.drift.golden import Circumstances, GoldenAnswer, GoldenRun
from app.engine.protocol import LoadSettings

HERE = Circumstances(
    sha256="ab" * 32,
    quantisation="Q4_K_M",
    stillroom_version="0.1.0",
    llama_cpp_version="0.3.36",
    system_info="AVX2",
    backend="CPU",
    gpus=[],
    gpu_driver="",
    processor="Made-up CPU",
    settings=LoadSettings(threads=4),
)


def answer(
    tokens: list[int],
    logprobs: list[float] | None = None,
    text: str = "a b c",
    number: int = 1,
    speed: float = 50.0,
) -> GoldenAnswer:
    return GoldenAnswer(
        id=f"golden-{number}",
        question="?",
        text=text,
        tokens=tokens,
        logprobs=logprobs or [-0.5] * len(tokens),
        prompt_tok_per_s=10 * speed,
        decode_tok_per_s=speed + number / 10,
    )


def run(run_id: str, answers: list[GoldenAnswer], at: str, here: Circumstances = HERE) -> GoldenRun:
    return GoldenRun(
        id=run_id,
        baseline_id="base",
        started_at=at,
        path="/m.gguf",
        name="M",
        circumstances=here,
        answers=answers,
    )


def several(speed: float = 50.0, text: str = "a b c") -> list[GoldenAnswer]:
    return [answer([1, 2, 3], number=number, speed=speed, text=text) for number in range(1, 9)]


BASE = run("base", several(), "2026-11-01T10:00:00Z")
