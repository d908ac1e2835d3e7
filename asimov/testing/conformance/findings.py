"""What was found of each contract, and how it passes from the process of a scene to its parent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from asimov.errors import ReportedError
from asimov.testing.conformance.contracts import CONTRACTS


class Finding(msgspec.Struct, frozen=True):
    """What was found of a contract.

    Attributes
    ----------
    contract
        Its name.
    holds
        Whether it holds; None where that can't be told.
    seen
        What was seen, or why nothing can be told, in one line.
    """

    contract: str
    holds: bool | None
    seen: str = ""


class _Line(msgspec.Struct, omit_defaults=True):
    """A line of the file: a finding, what is being done now, or what a later scene is to know."""

    finding: Finding | None = None
    doing: str | None = None
    note: str | None = None


class Findings:
    """Findings of a scene, each in the file as soon as it is made.

    Parameters
    ----------
    path
        The file, one JSON object a line.

    Attributes
    ----------
    made
        What was found, by contract.
    notes
        What a later scene is to know.
    cause
        Why the scene could not come to the contracts of which nothing was found.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made: dict[str, Finding] = {}
        self.notes: set[str] = set()
        self.cause = "the scene has ended before it"

    def holds(self, contract: str, seen: str = "") -> None:
        """Say that a contract holds, unless it was found not to."""
        self._add(contract, True, seen)

    def fails(self, contract: str, seen: str) -> None:
        """Say that a contract does not hold."""
        self._add(contract, False, seen)

    def unknown(self, contract: str, why: str) -> None:
        """Say that it can't be told whether a contract holds, unless something is known of it."""
        self._add(contract, None, why)

    def judge(self, contract: str, holds: object, seen: str) -> None:
        """Say that a contract holds, or that it does not and what was seen."""
        self._add(contract, bool(holds), "" if holds else seen)

    def stop(self, contract: str) -> None:
        """Take what was seen of a contract for the cause that nothing is found of later ones."""
        self.cause = self.made[contract].seen

    @contextmanager
    def judging(self, contract: str) -> Iterator[None]:
        """Take any error in the block for a contract that does not hold."""
        try:
            yield
        except ReportedError as error:
            self.fails(contract, f"{error}" + (f" ({error.hint})" if error.hint else ""))
        except (Exception, SystemExit) as error:
            self.fails(contract, f"{type(error).__name__}: {error}")

    def doing(self, what: str) -> None:
        """Note what is being done, for the case that it is the end of the process."""
        self._write(_Line(doing=what))

    def note(self, what: str) -> None:
        """Note what a later scene is to know."""
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
    """What is in a file of findings.

    Attributes
    ----------
    findings
        By their contracts.
    doing
        What was done last.
    notes
        What a later scene is to know.
    """

    findings: dict[str, Finding]
    doing: str
    notes: set[str]


def read(path: Path) -> SceneResult:
    """Read a file of findings, which may end in the middle of a line."""
    found: dict[str, Finding] = {}
    doing, notes = "", set()
    for text in path.read_bytes().splitlines() if path.exists() else ():
        try:
            line = msgspec.json.decode(text, type=_Line)
        except msgspec.MsgspecError:
            continue  # the process was killed as it wrote
        if line.finding is not None:
            found[line.finding.contract] = line.finding
        doing = line.doing or doing
        notes |= {line.note} if line.note else set()
    return SceneResult(found, doing, notes)
