import pytest

from models.catalogue.catalogue import catalogue, find, is_r1, near_matches
from models.memory.kv_cache import kv_cache_bytes
from models.quantisation.file_size import weight_share

# Sizes that the usual GGUF repositories publish for Q4_K_M, in GB.
Q4_K_M_GB = {
    "r1-qwen-1.5b": 1.12,
    "r1-qwen-7b": 4.68,
    "r1-llama-8b": 4.92,
    "r1-0528-qwen3-8b": 5.03,
    "r1-qwen-14b": 8.99,
    "r1-qwen-32b": 19.85,
    "r1-llama-70b": 42.52,
}

PARAMETERS = {
    "r1-qwen-1.5b": 1_777_088_000,
    "r1-qwen-7b": 7_615_616_512,
    "r1-llama-8b": 8_030_261_248,
    "r1-0528-qwen3-8b": 8_190_735_360,
    "r1-qwen-14b": 14_770_033_664,
    "r1-qwen-32b": 32_763_876_352,
    "r1-llama-70b": 70_553_706_496,
    "starter": 134_515_008,
}


def test_holds_the_seven_distills_and_the_starter() -> None:
    assert [model.key for model in catalogue()] == list(PARAMETERS)


@pytest.mark.parametrize("key", PARAMETERS)
def test_dimensions_give_the_published_parameter_count(key: str) -> None:
    model = find(key)
    assert model is not None
    assert model.shape.parameters == PARAMETERS[key]


@pytest.mark.parametrize("key", Q4_K_M_GB)
def test_computed_size_is_the_published_one_within_half_a_percent(key: str) -> None:
    model = find(key)
    assert model is not None
    assert model.sizes_bytes["Q4_K_M"] / 1e9 == pytest.approx(Q4_K_M_GB[key], rel=0.006)


def test_r1_models_state_scores_with_their_source() -> None:
    for model in catalogue():
        if model.thinks:
            assert model.scores.aime24 is not None
            assert model.scores_url.startswith("https://")
            assert (model.sampling.temperature, model.sampling.top_p) == (0.6, 0.95)


def test_find_takes_key_name_title_and_repository() -> None:
    by_key = find("r1-qwen-7b")
    assert by_key is not None
    for text in (
        "R1-Qwen-7B",
        "DeepSeek-R1-Distill-Qwen-7B",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
        "R1 Qwen 7B",
    ):
        assert find(text) is by_key
    assert find("r1-qwen-8b") is None


def test_near_matches_suggest_what_was_meant() -> None:
    assert near_matches("r1-qwen7b")[0] == "r1-qwen-7b"
    assert near_matches("llama") == ["r1-llama-8b", "r1-llama-70b"]
    assert near_matches("xyzzy") == []


def test_kv_cache_follows_heads_layers_and_type() -> None:
    model = find("r1-qwen-7b")
    assert model is not None
    assert kv_cache_bytes(model.shape, 16384) == 2 * 28 * 4 * 128 * 16384 * 2
    assert kv_cache_bytes(model.shape, 16384, "q8_0") == kv_cache_bytes(model.shape, 16384) * 17 // 32


def test_the_quick_estimate_of_a_size_is_a_little_more_than_the_computed_one() -> None:
    model = find("r1-qwen-7b")
    assert model is not None
    for kind, size in model.sizes_bytes.items():
        assert size <= model.checkpoint_bytes * weight_share(kind) <= 1.15 * size


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((model.name, model.thinks) for model in catalogue()),
        ("DeepSeek R1 Distill Qwen 7B", True),
        ("deepseek-r1:7b", True),
        ("Llama-3.1-8B", False),
        ("OR1-mini", False),
        ("", False),
    ],
)
def test_r1_models_are_known_by_their_names(name: str, expected: bool) -> None:
    assert is_r1(name) == expected
