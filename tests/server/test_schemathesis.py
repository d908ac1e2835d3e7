"""Requests that schemathesis makes of the OpenAPI document: each answer is as the document says."""

from __future__ import annotations

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.searching import LONGER
from tests.server.conftest import made, new_key

CHECKS = [
    *(not_a_server_error, content_type_conformance, response_schema_conformance),
    *(status_code_conformance, negative_data_rejection),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return made(tmp_path_factory.mktemp("schemathesis") / "project")


def test_answers_are_as_the_document_says(root, serve):
    key = new_key(root, "fuzz", rate=1_000_000)
    service = serve(root)
    headers = {"Authorization": f"Bearer {key}"}
    document = schemathesis.openapi.from_url(f"{service.address}/openapi.json", headers=headers)
    for found in document.get_all_operations():
        operation = found.ok()
        if not operation.path.endswith("/stream"):  # it has no end
            check(operation, headers, GenerationMode.POSITIVE)
            if operation.body or operation.query:  # something can be wrong
                check(operation, headers, GenerationMode.NEGATIVE)
    assert service.process.poll() is None


def check(operation, headers, mode):
    """Make requests of one operation, right or wrong ones."""

    @hypothesis.settings(
        max_examples=round(LONGER), deadline=None, database=None, derandomize=True,
        phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(operation.as_strategy(generation_mode=mode), strategies.booleans())
    def requests(case, known):
        if known and case.path_parameters:  # an analysis and a file that there are
            there = {"subject": "s", "name": "first", "file": "folder/y.txt"}
            case.path_parameters = {each: there[each] for each in case.path_parameters}
        case.call_and_validate(headers=headers, checks=CHECKS)

    requests()
