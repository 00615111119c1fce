"""Five thousand requests that are made from the API's own OpenAPI document."""

import os
from pathlib import Path

import pytest

from tests.support.api import loaded_engine, served

CASES = int(os.environ.get("STILLROOM_OPENAPI_CASES", "5000"))


@pytest.mark.faults
@pytest.mark.timeout(7200)
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning", "ignore::DeprecationWarning")
def test_no_request_of_thousands_ends_in_a_servers_error(tmp_path: Path) -> None:
    from tests.support.openapi_cases import try_all

    with loaded_engine() as client, served(client, tmp_path) as api:
        answers = try_all(api, CASES)
        assert answers.total() >= CASES
        assert client.state.phase == "loaded"
    print(f"\n{answers.total()} requests: {dict(sorted(answers.items()))}")
