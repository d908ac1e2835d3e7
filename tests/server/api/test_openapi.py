"""The OpenAPI document."""

from __future__ import annotations

from asimov.server.api.openapi import document
from asimov.server.app import ROUTES


def test_a_public_validator_accepts_the_document():
    from openapi_spec_validator import validate  # takes long to import

    validate(document(ROUTES))


def test_every_route_is_in_the_document():
    paths = document(ROUTES)["paths"]
    for each in ROUTES:
        operation = paths[each.path.replace(":path", "")][each.method.lower()]
        assert operation["operationId"] == each.name
        assert {one["name"] for one in operation["parameters"]} >= {one.name for one in each.query}


def test_names_of_operations_are_unique():
    assert len({each.name for each in ROUTES}) == len(ROUTES)
