"""Rebuild a damaged or lost journal from its readable rows and the surviving evidence.

Repair gives no verdict. A job that a scheduler or a log knows becomes an attempt, whose end the
next monitor pass judges as usual. An analysis without any trace is never left in a state in which
it would be submitted, unless its owner says so.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from asimov.configuration import owner
from asimov.engine.repair.decide import UNTRACED, Decision
from asimov.engine.repair.evidence import Evidence, gather
from asimov.engine.repair.rebuild import rebuild
from asimov.errors import EXIT_BUSY, AsimovError
from asimov.journal.database import lacks_log
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.leases import Lease, is_dead
from asimov.journal.migrations import MIGRATIONS
from asimov.journal.salvage import REBUILT, Salvaged, salvage
from asimov.ledger.contents import Contents
from asimov.ledger.store import LedgerFiles
from asimov.project import identity
from asimov.project.layout import Project
from asimov.system.disk import sync_path
from asimov.system.files import DiskFullError, locked, unwritable

#: The suffixes of an SQLite database's files: logs, the index of one, and last the file itself.
_LOGS = ("-wal", "-journal")
_FILES = (*_LOGS, "-shm", "")


@dataclass
class Repaired:
    """What a repair found and did.

    Attributes
    ----------
    damage
        What is wrong with the journal; empty if it is intact and nothing was done.
    aside
        Where the damaged file is kept; None if there was none, or in a dry run.
    salvaged
        The number of rows read from it, by table.
    incomplete
        The tables that lack rows, or may lack some.
    decisions
        The analyses whose state was inferred, or differs from the old journal's.
    evidence
        What schedulers and run directories show; None if they were not consulted.
    """

    damage: list[str] = field(default_factory=list)
    aside: Path | None = None
    salvaged: dict[str, int] = field(default_factory=dict)
    incomplete: set[str] = field(default_factory=set)
    decisions: dict[Key, Decision] = field(default_factory=dict)
    evidence: Evidence | None = None


def repair(
    project: Project,
    *,
    dry_run: bool = False,
    without_scheduler: bool = False,
    ready: bool = False,
) -> Repaired:
    """Rebuild the journal of a project if it is damaged or lost.

    Parameters
    ----------
    project
        The project.
    dry_run
        Whether to report what would be done and change nothing.
    without_scheduler
        Whether to go on if the scheduler is unreachable; unclear analyses are then stuck.
    ready
        Whether analyses without any trace are made ready; otherwise they wait.

    Raises
    ------
    AsimovError
        With the exit code `EXIT_BUSY` if another command is at work. If the journal is from a
        newer asimov, or the new one can't be written.
    SchedulerUnreachableError
        If the scheduler is unreachable: jobs of the project could be missed.
    """
    if dry_run:
        return _repair(project, True, without_scheduler, ready)
    # Commands that change the ledger hold the second one; the lease itself is in the journal.
    with (
        locked(project.state / "work.lock", "asimov ledger repair", wait=False),
        locked(project.state / "ledger.lock", "asimov ledger repair", wait=False),
    ):
        return _repair(project, False, without_scheduler, ready)


def _repair(project: Project, dry_run: bool, without_scheduler: bool, ready: bool) -> Repaired:
    with tempfile.TemporaryDirectory(prefix="asimov-repair-") as folder:
        scratch = Path(folder)
        contents = _contents(project, scratch)
        found = _read(project, contents, scratch)
        _refuse_newer(project, found)
        if not dry_run:
            _refuse_copy(project, found)
        if not found.damage:
            return Repaired(decisions=_release(project, dry_run=dry_run) if ready else {})
        _refuse_busy(found)
        for error in contents.broken.values():
            # Its analyses would have no record, and would count as new once the file is mended.
            raise AsimovError(
                f"the journal can't be rebuilt without this file: {error}",
                hint="correct or restore the file, and run the command again",
            )
        old = {name: rows for name, rows in found.rows.items() if name not in REBUILT}
        result = Repaired(
            damage=found.damage,
            salvaged={name: len(rows) for name, rows in old.items()},
            incomplete=found.incomplete - set(REBUILT),
        )
        new = scratch / "new.db" if dry_run else project.journal.with_name("journal.db.new")
        _forget(new)
        with closing(Journal(new)) as journal, journal.durably():
            for name, rows in old.items():
                for columns in {tuple(row) for row in rows}:
                    journal.write_many(
                        f"INSERT OR REPLACE INTO {name} ({', '.join(columns)}) "
                        f"VALUES ({', '.join('?' * len(columns))})",
                        (list(row.values()) for row in rows),
                    )
            result.evidence = gather(project, contents, found, without_scheduler=without_scheduler)
            result.decisions = rebuild(
                project, contents, journal, result.evidence, found.incomplete, ready=ready
            )
            _note(journal, result)
        if Path(f"{new}-wal").exists():
            # SQLite does not report that a log could not be merged into the file.
            raise DiskFullError(new, "the file is incomplete")
        if not dry_run:
            result.aside = _put_in_place(project.journal, new)
    return result


def _release(project: Project, *, dry_run: bool) -> dict[Key, Decision]:
    """Make analyses ready that an earlier repair set to wait."""
    released = {}
    with closing(Journal(project.journal, reading=dry_run)) as journal:
        for key, record in journal.records().items():
            if (record.status, record.reason) == ("wait", UNTRACED):
                released[key] = Decision("ready", "a person has confirmed it", "wait")
        if not dry_run:
            with journal.transaction():
                for key, made in released.items():
                    journal.set_status(key, "wait", "ready", owner(), made.reason)
    return released


def _contents(project: Project, scratch: Path) -> Contents:
    with closing(Journal(scratch / "none.db", reading=True)) as cache:
        return LedgerFiles(project.ledger, cache).load()


def _read(project: Project, contents: Contents, scratch: Path) -> Salvaged:
    """Read the journal from a copy: opening a damaged file may change it."""
    source = _source(project.journal)
    if source is None or not source.stat().st_size:
        lost = salvage(scratch / "none.db")
        lost.damage = ["it is empty" if source else "it is missing"]
        return lost
    for end in _FILES:
        part = Path(f"{source}{end}")
        # SQLite rebuilds the index from the log.
        if part.exists() and end != "-shm":
            try:
                shutil.copyfile(part, scratch / f"old.db{end}")
            except OSError as error:
                raise unwritable(error, scratch, "can't be copied") from error
    found = salvage(scratch / "old.db", contents.entries)
    if lacks_log(source):
        found.damage.insert(0, "its write-ahead log is missing: the latest changes are lost")
        found.incomplete |= found.rows.keys()
    return found


def _source(journal: Path) -> Path | None:
    """Return the file to read: the journal, or what an interrupted repair has put aside.

    That is the same file under another name. A log under that name alone was taken from the
    journal, which has not been used since.
    """
    if not journal.exists():
        return None
    changed = journal.stat().st_mtime_ns
    for aside in journal.parent.glob("journal.db.damaged-*"):
        if aside.name.endswith(_FILES[:-1]) or not aside.samefile(journal):
            continue
        for end in _LOGS:
            log = Path(f"{aside}{end}")
            taken = log.exists() and not Path(f"{journal}{end}").exists()
            if taken and log.stat().st_ctime_ns >= changed:
                return aside
    return journal


def _refuse_newer(project: Project, found: Salvaged) -> None:
    if len(MIGRATIONS) < found.version < 1000:  # or it is no version at all
        raise AsimovError(
            f"the journal was written by a newer asimov (format {found.version})",
            where=project.journal,
            hint="upgrade asimov",
        )


def _refuse_copy(project: Project, found: Salvaged) -> None:
    """Refuse a project that may be a copy: the jobs found would be the original's."""
    for row in found.rows.get("properties", []):
        if row["key"] == identity.PROPERTY:
            doubt = identity.doubt_of(project, row["value"])
            if doubt is not None:
                raise doubt
            return
    identity.refuse_by_mark(project)


def _refuse_busy(found: Salvaged) -> None:
    for row in found.rows.get("lease", []):
        held = Lease(**{name: value for name, value in row.items() if name != "name"})
        if not is_dead(held):
            busy = AsimovError(
                f"another asimov process is using this project ({held})",
                hint="wait for it to end, or stop it; 'asimov stop' stops the background monitor",
            )
            busy.exit_code = EXIT_BUSY
            raise busy


def _forget(new: Path) -> None:
    """Remove the files of an interrupted repair."""
    for end in _FILES:
        Path(f"{new}{end}").unlink(missing_ok=True)


def _note(journal: Journal, result: Repaired) -> None:
    lines = [*result.damage]
    lines += [f"{name}: {count} rows were read" for name, count in result.salvaged.items()]
    if result.incomplete:
        lines.append(f"rows are or may be missing from: {', '.join(sorted(result.incomplete))}")
    reason = f"the journal was rebuilt; {len(result.decisions)} states were inferred"
    journal.note(Key("", ""), "repair", "repair", reason, "\n".join(lines))


def _put_in_place(journal: Path, new: Path) -> Path | None:
    """Put the new journal in place of the old one, which is kept under another name.

    Whenever this is interrupted, there is a journal: the old one or the new one.
    """
    aside = _source(journal)
    try:
        if aside == journal:
            when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            aside = _free(journal.with_name(f"journal.db.damaged-{when}"))
            for end in _FILES:
                if Path(f"{journal}{end}").exists():
                    _second_name(Path(f"{journal}{end}"), Path(f"{aside}{end}"))
        # SQLite would use a log of the old journal with the new one. The old journal without its
        # log is out of date; an index without a log makes every command refuse it.
        index, logs = Path(f"{journal}-shm"), [Path(f"{journal}{end}") for end in _LOGS]
        if any(log.exists() for log in logs):
            index.touch()
        sync_path(journal.parent)
        for log in logs:
            log.unlink(missing_ok=True)
        new.replace(journal)
        index.unlink(missing_ok=True)
        sync_path(journal.parent)
    except OSError as error:
        raise AsimovError(
            f"can't take the place of the old journal: {error.strerror}",
            where=new,
            hint="correct the cause and run the command again; the old journal is kept",
        ) from error
    return aside


def _free(path: Path) -> Path:
    number, free = 1, path
    while any(Path(f"{free}{end}").exists() for end in _FILES):
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _second_name(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except OSError:  # a file system without links
        shutil.copy2(path, other)
