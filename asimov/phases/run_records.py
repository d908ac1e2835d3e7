"""Files in the folder ``runs``: which phase each run has reached, and with which settings."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from asimov.phases.runs import form_run_string
from asimov.system.files import write_atomically

#: The folder of records in the working directory.
RECORDS = Path("runs")


@dataclass(frozen=True)
class RunRecord:
    """How far a run is.

    Attributes
    ----------
    digest
        Of what its results depend on.
    phase
        The phase that it has come to; None once it is complete.
    artifacts
        The artifacts of a complete run by name, relative to the working directory.
    empty
        The names of those that were empty from the beginning; None where that is not known.
    """

    digest: str
    phase: str | None = None
    artifacts: dict[str, str] = field(default_factory=dict)
    empty: list[str] | None = None


def record_of(folder: Path, run: int) -> RunRecord | None:
    """Return the record of a run in a run directory; None if there is none."""
    try:
        return RunRecord(**json.loads(file_of(folder, run).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def is_complete(record: RunRecord | None, digest: str, folder: Path = Path()) -> bool:
    """Return whether a run is complete for these settings, and its artifacts are there.

    Those that a crash of the machine has emptied, because they were not on disk, are not.
    """
    if record is None or record.phase is not None or record.digest != digest:
        return False
    # What is not known is believed: older records do not say it.
    empty = record.artifacts if record.empty is None else record.empty
    return all(
        (folder / path).exists() and (name in empty or not is_empty(folder / path))
        for name, path in record.artifacts.items()
    )


def is_empty(path: Path) -> bool:
    """Return whether an artifact is a file without content or a folder without files."""
    try:
        return not (any(path.iterdir()) if path.is_dir() else path.stat().st_size)
    except OSError:  # a folder that this user can't look into
        return False


def file_of(folder: Path, run: int) -> Path:
    """Return the file of a run's record in a run directory."""
    return folder / RECORDS / f"{form_run_string(run)}.json"


def write_record(run: int, record: RunRecord) -> None:
    """Write the record of a run in the working directory."""
    write_atomically(file_of(Path(), run), json.dumps(asdict(record)) + "\n")
