from pathlib import Path

import pytest

from models.catalogue.starter import starter_file
from tests.support.checkpoints import rebuild_starter
from tests.support.make_reference import STARTER_FOLDER
from tests.support.tiny_models import TINY_MODELS, make_tiny_model


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The small checkpoints, by key; not to be changed."""
    parent = tmp_path_factory.mktemp("checkpoints")
    return {key: make_tiny_model(key, parent) for key in TINY_MODELS}


@pytest.fixture(scope="session")
def starter_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter model's checkpoint; not to be changed."""
    starter = starter_file()
    if starter is None:
        pytest.skip("the starter extra is not installed")
    return rebuild_starter(starter, tmp_path_factory.mktemp("starter") / STARTER_FOLDER)
