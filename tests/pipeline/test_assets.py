"""Declared assets: what counts as a declaration, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from asimov.pipeline import Pipeline
from asimov.pipeline.assets import Asset, inputs_of, outputs_of

PSDS = Asset("psds", format="text", description="Power spectral densities.")


class Declares(Pipeline):
    inputs = (PSDS,)
    outputs = (Asset("samples"), Asset("plots", optional=True))


def test_inputs_and_outputs_are_those_of_the_class_or_of_an_instance() -> None:
    assert inputs_of(Declares) == (PSDS,)
    assert [each.name for each in outputs_of(Declares)] == ["samples", "plots"]
    assert inputs_of(object.__new__(Declares)) == (PSDS,)


def test_a_pipeline_that_declares_none_has_none() -> None:
    assert inputs_of(Pipeline) == outputs_of(Pipeline) == ()


@pytest.mark.parametrize(
    "shape", [None, "psds", {"psds": 1}, ["psds", 5], property(lambda self: [PSDS]), 3, lambda: 1]
)
def test_what_published_packages_have_under_the_name_declares_nothing(shape: Any) -> None:
    kind = type("Published", (), {"inputs": shape, "outputs": shape, "required_inputs": ["psds"]})
    assert inputs_of(kind) == outputs_of(kind) == ()


def test_a_list_does_as_well_as_a_tuple() -> None:
    assert inputs_of(type("Listed", (), {"inputs": [PSDS, "text"]})) == (PSDS,)
