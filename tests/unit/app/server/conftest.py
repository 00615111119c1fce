"""One engine and one server for all tests of the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.engine.client.client import EngineClient
from tests.support.api import Api, loaded_engine, served


@pytest.fixture(scope="session")
def api_engine() -> Iterator[EngineClient]:
    with loaded_engine() as client:
        yield client


@pytest.fixture(scope="session")
def api(api_engine: EngineClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home: Path = tmp_path_factory.mktemp("api")
    with served(api_engine, home) as running:
        yield running
