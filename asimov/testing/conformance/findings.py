"""Results of a scene, one test run of a pipeline: which contracts hold, passed on in a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from asimov.errors import ReportedError
from asimov.testing.conformance.contracts import CONTRACTS


class Finding(msgspec.Struct, frozen=True):
    """What a scene found out about a contract.

    Attributes
    ----------
    contract
        Its name.
    holds
        Whether it holds; None if that is unknown.
    seen
        What was seen, or why it is unknown, in one line.
    """

    contract: str
    holds: bool | None
    seen: str = ""


class _Line(msgspec.Struct, omit_defaults=True):
    """A line of the file: a finding, the current activity, or a note for later scenes."""

    finding: Finding | None = None
    doing: str | None = None
    note: str | None = None


class Findings:
    """The findings of a scene, each written to the file at once.

    Parameters
    ----------
    path
        The file, with one JSON object per line.

    Attributes
    ----------
    made
        The findings so far, by contract.
    notes
        Notes for later scenes.
    cause
        Why the scene did not reach the remaining contracts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made: dict[str, Finding] = {}
        self.notes: set[str] = set()
        self.cause = "the scene ended before it"

    def holds(self, contract: str, seen: str = "") -> None:
        """Record that a contract holds, unless it is already broken."""
        self._add(contract, True, seen)

    def fails(self, contract: str, seen: str) -> None:
        """Record that a contract is broken."""
        self._add(contract, False, seen)

    def unknown(self, contract: str, why: str) -> None:
        """Record that a contract is unknown, unless there is a finding already."""
        self._add(contract, None, why)

    def judge(self, contract: str, holds: object, seen: str) -> None:
        """Record whether a contract holds, and what was seen if it does not."""
        self._add(contract, bool(holds), "" if holds else seen)

    def stop(self, contract: str) -> None:
        """Name a contract's result as the reason why later contracts can't be checked."""
        self.cause = self.made[contract].seen

    @contextmanager
    def judging(self, contract: str) -> Iterator[None]:
        """Record a contract as broken if the block raises."""
        try:
            yield
        except ReportedError as error:
            self.fails(contract, error.with_hint)
        except (Exception, SystemExit) as error:
            self.fails(contract, f"{type(error).__name__}: {error}")

    def doing(self, what: str) -> None:
        """Record the current activity, in case the process ends during it."""
        self._write(_Line(doing=what))

    def note(self, what: str) -> None:
        """Record a note for later scenes."""
        self.notes.add(what)
        self._write(_Line(note=what))

    def _add(self, contract: str, holds: bool | None, seen: str) -> None:
        assert contract in CONTRACTS, contract
        before = self.made.get(contract)
        if before is not None and (before.holds is False or holds is None):
            return
        self.made[contract] = Finding(contract, holds, " ".join(seen.split()))
        self._write(_Line(self.made[contract]))

    def _write(self, line: _Line) -> None:
        with self.path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


class SceneResult(NamedTuple):
    """The contents of a file of findings.

    Attributes
    ----------
    findings
        The findings by contract.
    doing
        The last activity.
    notes
        Notes for later scenes.
    """

    findings: dict[str, Finding]
    doing: str
    notes: set[str]


def read(path: Path) -> SceneResult:
    """Read a file of findings; it may end in the middle of a line."""
    found: dict[str, Finding] = {}
    doing, notes = "", set()
    for text in path.read_bytes().splitlines() if path.exists() else ():
        try:
            line = msgspec.json.decode(text, type=_Line)
        except msgspec.MsgspecError:
            continue  # the process was killed while writing
        if line.finding is not None:
            found[line.finding.contract] = line.finding
        doing = line.doing or doing
        notes |= {line.note} if line.note else set()
    return SceneResult(found, doing, notes)
