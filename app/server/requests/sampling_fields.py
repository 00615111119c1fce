"""Read the sampling fields that several APIs' requests have in common, with the range of each number."""

from typing import Annotated

from pydantic import Field

from app.engine.protocol import ModelInfo
from app.server.access.api_error import ApiError
from app.server.requests.request_fields import ApiModel

Seed = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]


class SamplingFields(ApiModel):
    """The sampling parameters; those left out are as the user has set them in Stillroom."""

    temperature: Annotated[float, Field(ge=0.0, le=5.0)] | None = None
    top_p: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2.0, le=2.0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2.0, le=2.0)] | None = None
    repeat_penalty: Annotated[float, Field(ge=0.01, le=10.0)] | None = None
    seed: Seed | None = None

    def sampling(self, choice: int = 0) -> dict[str, object]:
        """The fields of `Sampling` that are given; each of several choices has a seed of its own."""
        return {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "min_p": self.min_p,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "repeat_penalty": self.repeat_penalty,
            "seed": None if self.seed is None else (self.seed + choice) % 2**32,
        }


def logit_bias(given: dict[str, float] | None, info: ModelInfo) -> dict[int, float] | None:
    """The biases by token. Raises `ApiError`."""
    if given is None:
        return None
    found = {int(token): bias for token, bias in given.items()}
    if any(token >= info.vocabulary for token in found):
        raise ApiError(
            400,
            "The model's vocabulary has {count} tokens, and logit_bias names one beyond them.",
            param="logit_bias",
            count=info.vocabulary,
        )
    return found
