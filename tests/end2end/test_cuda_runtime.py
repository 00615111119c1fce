"""NVIDIA's libraries for real: fetched from the package index, tried on the card, used by the engine.

Needs an NVIDIA card, the network, and a llama.cpp with run-time back ends (`make vulkan-test` after
`make engine ENGINE_FLAGS=--cuda`).
"""

from pathlib import Path

import pytest

from app.base.children import child_command
from app.cuda.cuda_folder import CudaPlace
from app.cuda.cuda_install import CudaGetter
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings, Part
from models.catalogue.starter import starter_file
from tests.support.nvidia_card import skip_without_nvidia_card


@pytest.mark.cuda
@pytest.mark.timeout(1800)
def test_the_card_answers_with_nvidias_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_nvidia_card()
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    place = CudaPlace(tmp_path / "data" / "cuda")
    assert CudaGetter(place, child_command("kernel_check")).get()
    client = EngineClient(child_command("engine"))
    client.start()
    try:
        devices = client.list_devices().result().devices
        assert any(device.backend == "CUDA" for device in devices)
        starter = starter_file()
        assert starter is not None
        info = client.load(str(starter), LoadSettings(gpu_layers=-1)).future.result()
        assert info.gpu_layers > 0
        reply = client.generate([Part("Once upon a time")], max_tokens=8, ignore_eog=True)
        assert reply.future.result().stats.completion_tokens == 8
    finally:
        client.close()
    assert place.remove() > place.pins.unpacked_bytes
