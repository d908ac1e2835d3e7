"""The record of an attempt as a file: read after a crash, completed and stored at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from asimov.engine.provenance.record import (
    FILE,
    Layer,
    Provenance,
    as_text,
    last_run_of,
    read,
    write_quickly,
)
from asimov.errors import AsimovError, ReportedError
from asimov.journal.provenance import ProvenanceRecords
from asimov.journal.records import Attempt
from asimov.plugins.methods import guarded
from asimov.plugins.requirements import Assets
from asimov.project.analysis import Analysis
from asimov.project.storage.assets import described, is_gone
from asimov.project.workspace import workspace_of
from asimov.system import clock, reading

#: How the text of every record begins.
_BEGINNING = b'{\n  "format": '


def recover(records: ProvenanceRecords, uid: str, rundir: Path) -> bool:
    """Record what an attempt runs with, from its run directory; return whether that was possible.

    For an attempt whose job was submitted by a process that was killed before it could record it.
    """
    try:
        data: dict[str, Any] = msgspec.json.decode(reading.contents(rundir / FILE))
        if data["uid"] != uid or read(records, uid) is not None:
            return False
        layers = [Layer(each["source"], records.part(each["settings"])) for each in data["layers"]]
        software = {prefix: records.part(each) for prefix, each in data["software"].items()}
        plain = {**data, "layers": msgspec.to_builtins(layers), "software": software}
        found = msgspec.convert(plain, Provenance)
    except (OSError, AsimovError, msgspec.MsgspecError, ValueError, KeyError, TypeError):
        return False  # it was never written, or half of it, or by something else
    records.keep({uid: found})
    return True


def complete(analysis: Analysis, made: Assets, attempts: Sequence[Attempt]) -> None:
    """Complete the record in the run directory with how the last attempt ended.

    Parameters
    ----------
    analysis
        The analysis.
    made
        Its products.
    attempts
        All its attempts, the oldest first.
    """
    workspace = workspace_of(analysis)
    run = last_run_of(workspace.journal, attempts)
    path = os.path.join(analysis.rundir, FILE)
    if run is None or not os.path.isdir(analysis.rundir) or _is_foreign(path):
        return
    attempt, found = run
    records = ProvenanceRecords(workspace.journal)
    parts = records.parts([*(each.digest for each in found.layers), *found.software.values()])
    layers = [(each.source, parts.get(each.digest) or {}) for each in found.layers]
    software = {prefix: parts.get(digest) or [] for prefix, digest in found.software.items()}
    # The same text each time: a pass that was cut short stores it again.
    end = {
        "ended": clock.iso(attempt.ended) if attempt.ended else None,
        "exit_code": attempt.exit_code,
        "evidence": attempt.evidence,
        "job": attempt.job_id,
    }
    assets: dict[str, Any] = {}
    with suppress(ReportedError):
        if made.are_plain and not is_gone(analysis.rundir):
            assets = described(made.found, analysis.rundir)
        else:
            with guarded(analysis, "collect_assets"):
                assets = described(analysis.assets, analysis.rundir)
    # One that is stored stays as it is, even if the analysis has another name by now.
    text = _stored(analysis, found.uid) or as_text(found, layers, software, end, assets)
    with suppress(OSError):
        write_quickly(path, text)


def _stored(analysis: Analysis, uid: str) -> str:
    """Return the record of an attempt as the store has it; empty if it has none."""
    results = workspace_of(analysis).store
    with suppress(OSError, AsimovError, ValueError):
        text = reading.contents("/".join((str(results.root), *analysis.key, FILE))).decode()
        if FILE in results.manifest(*analysis.key) and json.loads(text).get("uid") == uid:
            return text
    return ""


def _is_foreign(path: str) -> bool:
    """Return whether a file of the record's name is something that a job has written."""
    try:
        start = reading.contents(path)[: len(_BEGINNING)].rstrip(b"\0")
    except FileNotFoundError:
        return False
    except (OSError, AsimovError):
        return True
    # A kill may have left a part of the record, and a power cut nothing of it or zeros.
    return start != _BEGINNING[: len(start)]


def store(analysis: Analysis) -> bool:
    """Store the record beside products that a pipeline has stored; return whether it has any.

    A pipeline of asimov stores the record itself; others store in their own way.
    """
    path = Path(analysis.rundir, FILE)
    results = workspace_of(analysis).store
    manifest = results.manifest(*analysis.key)
    if manifest and FILE not in manifest and path.is_file():
        results.add_file(*analysis.key, path)
    return bool(manifest)
