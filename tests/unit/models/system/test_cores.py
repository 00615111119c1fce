"""Cores are counted once: on Linux that reads some files a core."""

import psutil
import pytest

from models.system.cores import physical_cores, usable_cores


def test_the_processor_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = physical_cores()
    asked: list[bool] = []
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: asked.append(logical) or 1)
    assert {physical_cores() for _ in range(3)} == {counted}
    assert asked == []
    assert 1 <= counted <= usable_cores()
