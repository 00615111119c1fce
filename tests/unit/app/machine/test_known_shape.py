"""The shape of a model before it is built: as its checkpoint, its file and the catalogue tell it."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from app.base.children import child_command
from app.base.errors import StillroomError
from app.machine.known_shape import dimensions_of
from converters.build.build_client import build
from converters.process.messages import BuildRequest
from models.catalogue.catalogue import find
from models.catalogue.reference import CatalogueReference, CheckpointReference, GgufReference, HubReference
from tests.support.make_quality_reference import MODEL
from tests.support.tiny_models import make_tiny_model


def test_a_checkpoint_and_its_file_tell_the_same(tmp_path: Path) -> None:
    folder = make_tiny_model(MODEL, tmp_path)
    built = build(BuildRequest(folder, ["Q8_0"], tmp_path, "m"), child_command("build"))
    of_folder = dimensions_of(CheckpointReference(folder))
    of_file = dimensions_of(GgufReference(built.outputs[0].path))
    # A file does not say whether it has biases, which are small.
    biased = msgspec.structs.replace(of_file.dimensions, attention_bias=of_folder.dimensions.attention_bias)
    assert replace(of_file, name=of_folder.name, dimensions=biased) == of_folder


def test_the_catalogue_knows_its_models() -> None:
    model = find("r1-qwen-7b")
    assert model is not None
    assert dimensions_of(CatalogueReference(model)).dimensions == model.shape


def test_of_a_repository_that_was_not_looked_at_nothing_is_known() -> None:
    with pytest.raises(StillroomError, match="The shape of owner/name is not known yet"):
        dimensions_of(HubReference("owner/name"))


def test_a_damaged_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(StillroomError, match=r"config\.json"):
        dimensions_of(CheckpointReference(tmp_path))
