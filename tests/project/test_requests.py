"""Where a pipeline may name the job that it has submitted, and which name counts."""

from __future__ import annotations

from typing import Any

import pytest

from asimov.project.requests import Requests


@pytest.mark.parametrize("meta", [{"job id": "12"}, {"scheduler": {"job id": 12, "cpus": 1}}])
def test_a_job_written_among_the_settings_is_moved_out_of_them(meta: dict[str, Any]) -> None:
    requests = Requests()
    requests.collect(meta)
    assert "job id" not in {**meta, **meta.get("scheduler", {})}
    assert requests.take_job(None) == 12


def test_a_job_that_is_set_goes_before_one_that_is_returned() -> None:
    requests = Requests()
    requests.job_id = 7
    assert requests.take_job("8") == 7
    assert requests.take_job("8") == 8  # once


def test_a_number_that_is_none_does_not_hide_one_that_is_returned() -> None:
    requests = Requests()
    requests.job_id = 0
    assert requests.take_job(8) == 8


def test_what_was_asked_before_a_call_does_not_count() -> None:
    requests = Requests()
    requests.status, requests.job_id = "complete", 3
    meta: dict[str, Any] = {"job id": 5}
    requests.begin(meta)
    assert (requests.take_status(), requests.take_job(None), meta) == (None, None, {})


def test_a_state_is_taken_once() -> None:
    requests = Requests()
    requests.status = "stuck"
    assert [requests.take_status(), requests.take_status()] == ["stuck", None]
