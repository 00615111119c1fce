from app.engine.planning.rope_scaling import RopeScaling, Yarn, rope_scaling

R1_0528_QWEN3_8B = {
    # As its config.json says: https://huggingface.co/deepseek-ai/DeepSeek-R1-0528-Qwen3-8B
    "context_length": 131072,
    "rope.freq_base": 1000000.0,
    "rope.scaling.type": "yarn",
    "rope.scaling.factor": 4.0,
    "rope.scaling.original_context_length": 32768,
}


def test_a_plain_model_reaches_as_far_as_it_was_trained() -> None:
    plain = rope_scaling({"context_length": 8192, "rope.freq_base": 10000.0})
    assert plain.limit_tokens == 8192
    assert plain.can_stretch
    assert plain.yarn_for(8192) is None


def test_a_plain_model_is_stretched_from_its_trained_length() -> None:
    plain = rope_scaling({"context_length": 8192, "rope.freq_base": 10000.0})
    assert plain.yarn_for(16384) == Yarn(8192, 2.0)


def test_yarn_of_the_file_reaches_its_scaled_limit_by_itself() -> None:
    scaled = rope_scaling(R1_0528_QWEN3_8B)
    assert scaled.limit_tokens == 131072
    assert scaled.yarn_for(131072) is None
    assert scaled.yarn_for(262144) == Yarn(32768, 8.0)


def test_a_file_that_tells_the_length_before_scaling_reaches_further() -> None:
    unscaled_length = rope_scaling({**R1_0528_QWEN3_8B, "context_length": 32768})
    assert unscaled_length.limit_tokens == 131072


def test_positions_that_are_scaled_otherwise_are_not_stretched() -> None:
    linear = rope_scaling({**R1_0528_QWEN3_8B, "rope.scaling.type": "linear"})
    assert not linear.can_stretch
    assert linear.yarn_for(262144) is None
    dimensions = rope_scaling({"context_length": 4096, "rope.freq_base": 1.0, "rope.dimension_sections": 8})
    assert not dimensions.can_stretch
    assert not rope_scaling({"context_length": 1024}).can_stretch
    assert not RopeScaling(0).can_stretch


def test_numbers_without_bounds_are_none() -> None:
    for factor in (float("inf"), float("nan"), 1e38, -1.0):
        scaled = rope_scaling({**R1_0528_QWEN3_8B, "rope.scaling.factor": factor})
        assert scaled.limit_tokens == 131072
    assert rope_scaling({**R1_0528_QWEN3_8B, "context_length": 2**63}).limit_tokens == 131072
