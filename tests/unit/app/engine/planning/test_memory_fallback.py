import msgspec

from app.engine.planning.file_shape import SMALLEST_CONTEXT_TOKENS
from app.engine.planning.memory_fallback import Stage, next_step, processor_only, steps
from app.engine.protocol import LoadSettings

LAYERS = 29

AUTOMATIC = LoadSettings()
ON_CARD = LoadSettings(
    context_tokens=16384, gpu_layers=29, threads=8, prompt_threads=8, batch_tokens=512, kv_type="f16"
)


def test_a_cache_that_does_not_fit_costs_context_then_precision_then_layers() -> None:
    ladder = [step.plan for step in steps(ON_CARD, AUTOMATIC, "context", LAYERS)]
    assert [(plan.context_tokens, plan.kv_type, plan.gpu_layers) for plan in ladder] == [
        (8192, "f16", 29),
        (4096, "f16", 29),
        (4096, "q8_0", 29),
        (4096, "q8_0", 21),
        (4096, "q8_0", 13),
        (4096, "q8_0", 5),
        (4096, "q8_0", 0),
        (4096, "q4_0", 0),
    ]


def test_the_model_that_guesses_ahead_goes_first_at_every_stage() -> None:
    plan = msgspec.structs.replace(ON_CARD, draft_path="/models/small.gguf", sequences=4)
    for step in (next_step(plan, plan, "weights", LAYERS), next_step(plan, AUTOMATIC, "decode", LAYERS)):
        assert step is not None
        assert step.plan == msgspec.structs.replace(plan, draft_path="")
        assert "small.gguf" in str(step.notice)


def test_a_copy_of_the_weights_is_given_up_at_every_stage() -> None:
    plan = LoadSettings(context_tokens=16384, gpu_layers=0, sequences=4, kv_type="f16", weights="copied")
    stages: tuple[Stage, ...] = ("weights", "context", "decode")
    for stage in stages:
        step = next_step(plan, AUTOMATIC, stage, LAYERS)
        assert step is not None
        assert step.plan == msgspec.structs.replace(plan, weights="mapped")
    fixed = next_step(plan, LoadSettings(weights="copied"), "decode", LAYERS)
    assert fixed is not None
    assert (fixed.plan.sequences, fixed.plan.weights) == (2, "copied")


def test_large_steps_go_before_replies_side_by_side() -> None:
    plan = msgspec.structs.replace(ON_CARD, batch_tokens=1024, sequences=4)
    step = next_step(plan, AUTOMATIC, "context", LAYERS)
    assert step is not None
    assert step.plan == msgspec.structs.replace(plan, batch_tokens=512)
    assert "1,024" in str(step.notice) or "1024" in str(step.notice)
    fixed = next_step(plan, LoadSettings(batch_tokens=1024), "context", LAYERS)
    assert fixed is not None
    assert fixed.plan == msgspec.structs.replace(plan, sequences=2)
    at_last = [
        step.plan.batch_tokens for step in steps(plan, LoadSettings(batch_tokens=1024), "context", LAYERS)
    ]
    assert at_last[0] == 1024
    assert at_last[-1] == 512


def test_replies_side_by_side_go_first() -> None:
    plan = LoadSettings(context_tokens=16384, gpu_layers=29, sequences=4, kv_type="f16")
    step = next_step(plan, AUTOMATIC, "decode", LAYERS)
    assert step is not None
    assert step.plan.sequences == 2
    assert "there are 2 at once" in str(step.notice)
    step = next_step(step.plan, AUTOMATIC, "decode", LAYERS)
    assert step is not None
    assert step.plan.sequences == 1
    assert step.plan.context_tokens == 16384
    fixed = next_step(plan, LoadSettings(sequences=4), "decode", LAYERS)
    assert fixed is not None
    assert (fixed.plan.sequences, fixed.plan.context_tokens) == (4, 8192)


def test_weights_that_do_not_fit_cost_layers_only() -> None:
    ladder = [step.plan for step in steps(ON_CARD, AUTOMATIC, "weights", LAYERS)]
    assert [plan.gpu_layers for plan in ladder] == [21, 13, 5, 0]
    assert {(plan.context_tokens, plan.kv_type) for plan in ladder} == {(16384, "f16")}


def test_what_the_user_fixed_is_given_up_last() -> None:
    asked = LoadSettings(context_tokens=16384, kv_type="f16")
    ladder = [step.plan for step in steps(ON_CARD, asked, "decode", LAYERS)]
    assert [plan.gpu_layers for plan in ladder[:4]] == [21, 13, 5, 0]
    assert [(plan.context_tokens, plan.kv_type) for plan in ladder[4:]] == [
        (8192, "f16"),
        (4096, "f16"),
        (4096, "q8_0"),
        (4096, "q4_0"),
    ]


def test_an_odd_context_falls_to_the_next_power_of_two() -> None:
    plan = LoadSettings(context_tokens=20000, gpu_layers=0, kv_type="f16")
    step = next_step(plan, AUTOMATIC, "context", LAYERS)
    assert step is not None
    assert step.plan.context_tokens == 16384
    assert str(step.notice) == (
        "Memory is too short for a context of 20,000 tokens, so it was lowered to 16,384."
    )


def test_a_small_context_is_never_made_larger() -> None:
    plan = LoadSettings(context_tokens=2048, gpu_layers=0, kv_type="q4_0")
    assert list(steps(plan, AUTOMATIC, "context", LAYERS)) == []


def test_without_flash_attention_the_cache_keeps_its_type() -> None:
    plan = LoadSettings(
        context_tokens=SMALLEST_CONTEXT_TOKENS, gpu_layers=0, kv_type="f16", flash_attention="off"
    )
    assert next_step(plan, LoadSettings(flash_attention="off"), "context", LAYERS) is None


def test_attention_that_the_engine_chose_goes_first() -> None:
    plan = LoadSettings(context_tokens=4096, gpu_layers=0, kv_type="f16", sequences=4, flash_attention="off")
    step = next_step(plan, AUTOMATIC, "context", LAYERS)
    assert step is not None
    assert step.plan == msgspec.structs.replace(plan, flash_attention="on")
    assert "long chats are slower" in str(step.notice)


def test_on_the_processor_nothing_helps_against_too_large_weights() -> None:
    plan = LoadSettings(context_tokens=4096, gpu_layers=0, kv_type="f16")
    assert next_step(plan, AUTOMATIC, "weights", LAYERS) is None


def test_the_ladder_ends_also_where_the_layers_are_unknown() -> None:
    plan = LoadSettings(context_tokens=4096, gpu_layers=10_000, kv_type="q4_0")
    ladder = [step.plan.gpu_layers for step in steps(plan, AUTOMATIC, "weights", 0)]
    assert ladder[0] == 5000
    assert ladder[-1] == 0


def test_every_step_says_what_it_gives_up() -> None:
    notices = [str(step.notice) for step in steps(ON_CARD, AUTOMATIC, "decode", LAYERS)]
    assert len(set(notices)) == len(notices)
    assert "29 layers, so it takes 21" in notices[3]
    assert "runs on the processor" in notices[6]


def test_a_card_that_fails_otherwise_is_left_out() -> None:
    step = processor_only(ON_CARD)
    assert step is not None
    assert step.plan.gpu_layers == 0
    assert processor_only(step.plan) is None
