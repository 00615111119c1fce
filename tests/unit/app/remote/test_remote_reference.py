"""Commands name a model of a server elsewhere."""

import pytest

from app.remote.remote_reference import elsewhere_model
from app.remote.remote_server import ElsewhereError, ElsewhereModel, ElsewhereServer

MODELS = (
    ElsewhereModel(id="org/Big-Model"),
    ElsewhereModel(id="C:\\models\\small.gguf", context_tokens=4096),
)
SERVER = ElsewhereServer(id="s1", name="Studio", url="http://10.0.0.2:8000/api", agreed=True, models=MODELS)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Studio/org/Big-Model", "elsewhere://s1/org/Big-Model"),
        ("studio/ORG/big-model", "elsewhere://s1/org/Big-Model"),
        ("10.0.0.2:8000/small", "elsewhere://s1/C:\\models\\small.gguf"),
        ("elsewhere://s1/org/Big-Model", "elsewhere://s1/org/Big-Model"),
    ],
)
def test_a_model_is_named_by_its_server(text: str, path: str) -> None:
    found = elsewhere_model([SERVER], text)
    assert found is not None
    assert found.path == path
    assert found.backend == "10.0.0.2:8000"


@pytest.mark.parametrize("text", ["", "starter", "r1-qwen-7b/Q4_K_M", "/models/a.gguf", "Studio"])
def test_what_names_no_server_is_a_model_of_this_computer(text: str) -> None:
    nameless = ElsewhereServer(id="s2", name="", url="http://10.0.0.3", agreed=True)
    assert elsewhere_model([SERVER, nameless], text) is None


def test_an_unknown_model_is_told_with_what_there_is() -> None:
    with pytest.raises(ElsewhereError, match="has no model other") as caught:
        elsewhere_model([SERVER], "Studio/other")
    assert "org/Big-Model, small" in caught.value.hint_text()


def test_nothing_is_sent_where_the_user_was_not_asked() -> None:
    unasked = ElsewhereServer(id="s1", name="Studio", url="http://10.0.0.2:8000", models=MODELS)
    with pytest.raises(ElsewhereError, match="Nothing may be sent"):
        elsewhere_model([unasked], "Studio/small")
