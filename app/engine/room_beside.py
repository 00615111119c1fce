"""Whether a model fits beside those that are in memory. Pure."""

from app.engine.load_plan import Room, demand_of, plan_load
from app.engine.messages import LoadSettings
from app.engine.offload import HOST_USABLE_FRACTION, ModelShape, layers_that_fit
from app.engine.rope_scaling import RopeScaling


def fits_beside(asked: LoadSettings, shape: ModelShape | None, rope: RopeScaling, room: Room) -> bool:
    """Whether it finds all the room it wants in what is free now, without giving anything up.

    A file that does not tell its shape gets the whole machine.
    """
    if shape is None:
        return False
    plan = plan_load(asked, shape, rope, room)
    layers = plan.settings.gpu_layers
    whole = len(shape.layer_bytes) + 1
    demand = demand_of(plan.settings)
    if room.devices:
        if asked.gpu_layers < 0 and layers < whole:
            return False
        if asked.gpu_layers > 0 and layers_that_fit(shape, demand, room.devices) < min(layers, whole):
            return False
    need = shape.need(demand, min(layers, whole), cards=max(1, len(room.devices))).ram
    return not plan.was_lowered and need.total <= room.ram_bytes * HOST_USABLE_FRACTION
