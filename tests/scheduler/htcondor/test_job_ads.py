"""What the ads of one cluster say about it."""

from __future__ import annotations

from typing import Any

import pytest

from asimov.errors import AsimovError
from asimov.scheduler.htcondor import spooling
from asimov.scheduler.htcondor.job_ads import gone, present
from asimov.scheduler.observations import JobState

#: A job whose input is not there yet, as HTCondor 25 shows it.
SPOOLING: dict[str, Any] = {
    "ClusterId": 1, "ProcId": 0, "JobStatus": 5, "HoldReasonCode": 16,
    "HoldReason": "Spooling input data files", "EnteredCurrentStatus": 1000, "AsimovSpool": True,
}  # fmt: skip


def test_a_job_that_gets_its_input_is_held_only_if_that_takes_long() -> None:
    at_first, later = present([SPOOLING], 1001.0), present([SPOOLING], 2000.0)
    assert at_first and later
    assert (at_first.state, at_first.held, at_first.lacks_input) == (JobState.IDLE, (), True)
    assert (later.state, later.code, later.lacks_input) == (JobState.HELD, 16, True)


def test_a_job_that_something_else_spools_may_still_get_its_input() -> None:
    other = present([{**SPOOLING, "AsimovSpool": False}], 1001.0)
    assert other and not other.lacks_input


def test_output_waits_in_the_queue_until_it_was_retrieved() -> None:
    ended = {**SPOOLING, "JobStatus": 4, "ExitCode": 0}
    assert gone([ended], "queue").waiting
    assert not gone([{**ended, "StageOutFinish": 1100}], "queue").waiting
    assert not gone([ended], "history").waiting
    assert not gone([{**ended, "AsimovSpool": False}], "queue").waiting


def test_spool_is_yes_no_or_auto() -> None:
    assert [spooling.mode_of(each) for each in ("yes", "No", "auto", None)] == [
        True, False, None, False
    ]  # fmt: skip
    with pytest.raises(AsimovError, match="should be yes, no, auto, not 'maybe'"):
        spooling.mode_of("maybe")
