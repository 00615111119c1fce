"""LangChain and the `llm` tool, unmodified, against the real server and the real model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.api import KEY, MODEL, Api


@pytest.mark.filterwarnings("ignore::DeprecationWarning:langchain_core", "ignore::UserWarning:pydantic")
def test_langchain_asks_streams_and_binds(api: Api) -> None:
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(
        model=MODEL, base_url=f"{api.url}/v1", api_key=KEY, temperature=0, max_tokens=8, max_retries=0
    )
    answer = chat.invoke("Name three colours.")
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] == 8
    pieces = [piece.content for piece in chat.stream("Name three colours.")]
    assert "".join(str(piece) for piece in pieces) == answer.content
    schema = {
        "title": "Answer",
        "type": "object",
        "properties": {"yes": {"type": "boolean"}},
        "required": ["yes"],
        "additionalProperties": False,
    }
    bound = chat.model_copy(update={"max_tokens": 40}).with_structured_output(schema, method="json_schema")
    assert isinstance(bound.invoke("Is water wet?")["yes"], bool)


def test_the_llm_tool_asks_through_its_own_settings_file(api: Api, tmp_path: Path) -> None:
    model = {
        "model_id": "stillroom",
        "model_name": MODEL,
        "api_base": f"{api.url}/v1",
        "api_key_name": "stillroom",
        "can_stream": True,
    }
    (tmp_path / "extra-openai-models.yaml").write_text(yaml.safe_dump([model]))
    (tmp_path / "keys.json").write_text(f'{{"stillroom": "{KEY}"}}')
    done = subprocess.run(
        [sys.executable, "-m", "llm", "-m", "stillroom", "-n", "-o", "max_tokens", "8", "Hello"],
        env=os.environ | {"LLM_USER_PATH": str(tmp_path), "LLM_LOAD_PLUGINS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
