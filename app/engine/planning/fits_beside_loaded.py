"""Tell whether a model fits beside those that are in memory. Pure."""

from app.engine.planning.file_shape import HOST_USABLE_FRACTION, ModelShape
from app.engine.planning.load_need import LoadNeed
from app.engine.planning.load_plan import Room, demand_of, plan_load
from app.engine.planning.rope_scaling import RopeScaling
from app.engine.protocol import LoadSettings


def fits_beside(
    asked: LoadSettings,
    shape: ModelShape | None,
    rope: RopeScaling,
    room: Room,
    draft: ModelShape | None = None,
) -> bool:
    """Tell whether the model finds all the room it wants in what is free now, without giving anything up.

    A file that does not tell its shape gets the whole machine.
    """
    if shape is None:
        return False
    plan = plan_load(asked, shape, rope, room, draft)
    models = LoadNeed(shape, room.devices, draft)
    layers = plan.settings.gpu_layers
    demand = demand_of(plan.settings)
    if room.devices:
        if asked.gpu_layers < 0 and layers < models.layers:
            return False
        if asked.gpu_layers > 0 and models.layers_that_fit(demand) < min(layers, models.layers):
            return False
    need = models.need(demand, layers).ram
    return not plan.was_lowered and need.total <= room.ram_bytes * HOST_USABLE_FRACTION
