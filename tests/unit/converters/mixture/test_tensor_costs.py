"""The costs of tensors: what is estimated of layers that were not measured, and the file that keeps them."""

from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from converters.mixture.tensor_costs import (
    CostsFile,
    TensorCost,
    TensorCosts,
    kind_and_layer,
    total,
    with_estimates,
)
from models.system.errors import StillroomError
from models.system.notices import NoticeInbox


def cost(divergence: float, error: float = 0.5, *, estimated: bool = False) -> TensorCost:
    return TensorCost(
        shape=(4, 256),
        errors={"Q4_K": error, "Q8_0": error / 100},
        measured_with="Q4_K",
        divergence=divergence,
        estimated=estimated,
    )


def costs(tensors: dict[str, TensorCost]) -> TensorCosts:
    return TensorCosts(
        belongs_to="these",
        text="a text",
        frame_bytes=1000,
        architecture="qwen2",
        layers=3,
        heads=4,
        kv_heads=2,
        tensors=tensors,
    )


def test_the_cost_of_a_type_follows_its_error() -> None:
    assert cost(0.02).cost("Q4_K") == pytest.approx(0.02)
    assert cost(0.02).cost("Q8_0") == pytest.approx(0.0002)
    assert cost(0.02, error=0.0).cost("Q8_0") == 0


def test_a_type_that_was_measured_costs_what_was_measured() -> None:
    both = structs.replace(cost(0.02), divergences={"Q4_K": 0.02, "Q8_0": 0.001})
    assert both.cost("Q8_0") == 0.001


def test_a_layer_between_two_is_estimated_by_both() -> None:
    filled = with_estimates(
        {
            "blk.0.ffn_up.weight": cost(0.01),
            "blk.1.ffn_up.weight": cost(0.0, error=1.0, estimated=True),
            "blk.2.ffn_up.weight": cost(0.04),
            "blk.3.ffn_up.weight": cost(0.0, estimated=True),
        }
    )
    # The geometric mean of both, for an error twice as large.
    assert filled["blk.1.ffn_up.weight"].divergence == pytest.approx(0.04)
    assert filled["blk.3.ffn_up.weight"].divergence == pytest.approx(0.04)
    assert filled["blk.0.ffn_up.weight"] == cost(0.01)


def test_tensors_are_told_apart_by_kind_and_layer() -> None:
    assert kind_and_layer("blk.17.attn_q.weight") == ("attn_q.weight", 17)
    assert kind_and_layer("output.weight") == ("output.weight", -1)


def test_parts_add_up() -> None:
    parts = {"a": cost(0.01), "b": cost(0.02)}
    assert total(parts, {"a": "Q4_K", "b": "Q8_0"}) == pytest.approx(0.0102)


def test_roundings_do_less_the_fewer_layers_are_behind() -> None:
    found = costs({})
    assert found.rounding_from(3) == 0
    found.rounding = {0: 0.0003, 20: 0.0001, 10: 0.0002}
    assert found.rounding_from(-1) == found.rounding_from(0) == 0.0003
    assert found.rounding_from(15) == pytest.approx(0.00015)
    assert found.rounding_from(21) == 0.0001


def test_what_is_kept_is_read_again_for_the_same_model_only(tmp_path: Path) -> None:
    kept = costs({"blk.0.ffn_up.weight": cost(0.01)})
    kept.rounding = {0: 0.0003}
    path = tmp_path / "tensors.costs"
    CostsFile(path, "these").keep(kept)
    assert CostsFile(path, "these").read() == kept
    assert CostsFile(path, "others").read() is None
    assert CostsFile(tmp_path / "none.costs", "these").read() is None


def test_a_damaged_file_is_set_aside_and_told_of(tmp_path: Path) -> None:
    path = tmp_path / "tensors.costs"
    CostsFile(path, "these").keep(costs({}))
    path.write_bytes(path.read_bytes()[:-20])
    told: list[StillroomError] = []
    with closing(NoticeInbox()) as inbox:
        inbox.observe(told.append)
        assert CostsFile(path, "these").read() is None
    assert [notice.hint for notice in told] == [
        "What the types cost is measured again when a build needs it."
    ]
    assert not path.exists()
