"""Expected errors are of two kinds: those of one analysis, and those that end the command."""

from __future__ import annotations

import pytest

from asimov.errors import AsimovError, FatalError, Place, ReportedError
from asimov.journal.database import JournalError
from asimov.journal.leases import LeaseLostError
from asimov.system.files import DiskFullError


@pytest.mark.parametrize("kind", [JournalError, LeaseLostError, DiskFullError])
def test_what_contains_the_fault_of_an_analysis_does_not_contain_what_ends_the_command(
    kind: type[Exception],
) -> None:
    assert issubclass(kind, FatalError)
    assert not issubclass(kind, AsimovError)


@pytest.mark.parametrize("kind", [AsimovError, FatalError])
def test_an_error_says_where_and_what_and_keeps_its_hint(kind: type[ReportedError]) -> None:
    error = kind("is empty", where=Place("a.yaml", 3, 1), hint="write something")
    assert str(error) == "a.yaml:3:1: is empty"
    assert (error.message, error.hint, error.exit_code) == ("is empty", "write something", 1)
