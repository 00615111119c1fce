"""The memory estimate against what llama.cpp allocated, for every model that a test loads."""

from pathlib import Path

from app.engine.planning.file_shape import shape_from_summary
from app.engine.planning.load_plan import demand_of
from app.engine.protocol import ModelInfo
from app.machine.measurements import measured_load
from converters.gguf.gguf_reader import inspect

WITHIN = 0.05


def assert_estimated(info: ModelInfo) -> float:
    """The estimate lies within five percent of llama.cpp's own figures; gives how far off it is."""
    shape = shape_from_summary(inspect(Path(info.path)))
    assert shape is not None
    estimated = shape.need(demand_of(info.plan), info.gpu_layers)
    load = measured_load(info)
    off = 0.0
    for ours, theirs in ((estimated.ram.total, load.ram_bytes), (estimated.device.total, load.device_bytes)):
        if theirs:
            off = max(off, abs(ours / theirs - 1))
        assert abs(ours - theirs) <= WITHIN * theirs, (ours, theirs, info.plan, info.buffers)
    return off
