"""Requests that schemathesis makes of the OpenAPI document: each answer is as the document says."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies

from tests.searching import LONGER
from tests.server.conftest import made, new_key


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return made(tmp_path_factory.mktemp("schemathesis") / "project")


def test_answers_are_as_the_document_says(root, serve):
    import schemathesis  # takes long to import
    from schemathesis import GenerationMode

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
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    kept = [
        not_a_server_error, checks.content_type_conformance, checks.response_schema_conformance,
        checks.status_code_conformance, checks.negative_data_rejection,
    ]  # fmt: skip

    @hypothesis.settings(
        max_examples=round(LONGER), deadline=None, database=None, derandomize=True,
        phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(operation.as_strategy(generation_mode=mode), strategies.booleans())
    def requests(case, known):
        if known and case.path_parameters:  # an analysis and a file that there are
            there = {"subject": "s", "name": "first", "file": "folder/y.txt"}
            case.path_parameters = {each: there[each] for each in case.path_parameters}
        case.call_and_validate(headers=headers, checks=kept, timeout=120)

    requests()
