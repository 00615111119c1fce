"""For tests that compute on an NVIDIA card."""

import pytest

from app.telemetry.nvml import NvmlReader


def skip_without_nvidia_card() -> None:
    """Skip the test where NVML shows no card, as `make vulkan-test` runs where there is none, too."""
    if (state := NvmlReader().read().state) in ("no_driver", "no_gpu"):
        pytest.skip(f"there is no NVIDIA card here ({state})")
