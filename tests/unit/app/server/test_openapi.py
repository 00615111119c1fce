"""The server keeps what the OpenAPI document promises, tried with requests that are made from it."""

import pytest

from tests.support.api import Api

CASES = 60


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning", "ignore::DeprecationWarning")
def test_no_request_ends_in_a_servers_error(api: Api) -> None:
    # It takes seconds to load, which no other test needs.
    from tests.support.openapi_cases import try_all

    answers = try_all(api, CASES)
    assert answers.total() >= CASES
    assert answers[200]
    assert answers[400]
    assert set(answers) <= {200, 400, 401, 404}


def test_the_document_names_the_key_and_no_schema_of_the_framework(api: Api) -> None:
    with api.http() as http:
        document = http.get("/openapi.json").json()
    assert document["paths"]["/v1/models"]["get"]["security"] == [{"key": []}]
    assert "security" not in document["paths"]["/health"]["get"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert "422" not in operation["responses"]
