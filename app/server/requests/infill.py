"""Prompts whose reply stands between two texts."""

from app.engine.protocol import ModelInfo, Part
from app.server.access.api_error import ApiError


def around_the_gap(info: ModelInfo, before: str, behind: str) -> list[Part]:
    """What asks for the text between the two. Raises `ApiError` for a model that cannot do that."""
    if info.fim_texts is None:
        raise ApiError(
            400,
            "{name} was not taught to fill in the middle, so it knows no suffix.",
            "Put what comes behind into the prompt.",
            param="suffix",
            name=info.name,
        )
    start, end, fill = info.fim_texts
    return [Part(start, True), Part(before), Part(end, True), Part(behind), Part(fill, True)]
