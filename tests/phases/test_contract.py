"""What an author of phases imports: results, schemas, messages, names of runs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import asimov.phases
from asimov.errors import AsimovError
from asimov.phases import (
    ArtifactSchema,
    PhaseLike,
    PhaseResult,
    Pipeline,
    ResultSchema,
    StatusMessage,
    form_run_string,
    generate_assets,
    start_pipeline,
)


@pytest.mark.parametrize(
    ("published", "parameters"),
    [
        (PhaseLike, "name incoming_schema outgoing_schema"),
        (PhaseResult, "artifacts successful run_number metadata"),
        (PhaseResult.invalid_result, "run_number"),
        (ResultSchema, "json_string json_file"),
        (ArtifactSchema, "extension data"),
        (Pipeline, "phases active workspace_path trace_path"),
        (Pipeline.run, "self run_list msg_queue seed"),
        (PhaseLike.run, "self payload workspace_path msg_queue rng"),
        (PhaseLike.create_shared_data, "self workspace_path handles"),
        (PhaseLike.construct_artifact, "self payload workspace_path"),
        (StatusMessage, "phase increment total run"),
        (start_pipeline, "pipeline run_min run_max n_procs disable_display runs_to_skip seed"),
        (generate_assets, "pipeline"),
    ],
)
def test_names_and_order_of_parameters_are_the_published_ones(published, parameters):
    assert list(inspect.signature(published).parameters) == parameters.split()


def test_all_names_are_in_one_place():
    assert {each for each in asimov.phases.__all__ if not hasattr(asimov.phases, each)} == set()


def test_importing_loads_nothing_heavy():
    program = (
        "import sys, asimov.phases\n"
        "print([m for m in ('numpy', 'rich', 'yaml', 'msgspec', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_names_of_runs_have_four_digits_or_more():
    assert [form_run_string(run) for run in (7, 12345)] == ["run_0007", "run_12345"]


def test_a_result_knows_its_first_artifact():
    result = PhaseResult({"a": Path("1"), "b": Path("2")}, True, 3)
    assert result.artifact_path == Path("1")
    assert result.metadata == {}
    invalid = PhaseResult.invalid_result(3)
    assert (invalid.artifacts, invalid.successful, invalid.run_number) == ({}, False, 3)
    assert invalid.artifact_path is None


def test_a_schema_is_read_from_text_or_a_file(tmp_path):
    text = '{"cloud": {"extension": ".h5", "data": {"event": {"x": "array"}}}}'
    (tmp_path / "schema.json").write_text(text)
    schema = ResultSchema(text)
    assert schema == ResultSchema(json_file=tmp_path / "schema.json")
    assert schema.artifacts == {"cloud": ArtifactSchema(".h5", {"event": {"x": "array"}})}
    assert ResultSchema().artifacts is None
    assert schema != ResultSchema()
    assert ResultSchema("{}") != ResultSchema()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"cloud": {"exetension": ".h5", "data": {}}}', "'cloud' has no 'extension'"),
        ('{"cloud": {"extension": ".h5"}}', "'cloud' has no 'data'"),
        ('{"cloud": ".h5"}', "'cloud' should be an object"),
        ("[]", "should be a JSON object"),
        ('{"cloud": \n{,}}', "a schema:2:2: is not valid JSON"),
    ],
)
def test_a_schema_that_lacks_something_is_refused_with_the_artifact(text, said):
    with pytest.raises(AsimovError) as refused:
        ResultSchema(text)
    assert said in str(refused.value)
    if "exetension" in text:
        assert refused.value.hint == "is 'exetension' misspelt?"
