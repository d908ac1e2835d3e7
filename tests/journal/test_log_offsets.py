from __future__ import annotations

from pathlib import Path

from asimov.journal.journal import Journal
from asimov.journal.log_offsets import Bookmarks
from asimov.project import layout as projects
from asimov.scheduler.htcondor.log_follower import LogFollower
from asimov.scheduler.jobs import Ticket
from asimov.scheduler.languages import event_log_writer as write

WHEN = 1795212134.0


def test_bookmarks_are_kept_with_paths_that_the_project_can_move_with(project: Path) -> None:
    opened = projects.find()
    bookmarks = Bookmarks(Journal(opened.journal), opened.root)
    inside, outside = str(project / "working/a.log"), "/elsewhere/b.log"
    bookmarks.save({inside: b"1", outside: b"2"})
    assert bookmarks.load() == {inside: b"1", outside: b"2"}
    rows = Journal(opened.journal).rows("SELECT path FROM logs ORDER BY path")
    assert rows == [(outside,), ("working/a.log",)]
    bookmarks.save({inside: b"3", outside: b"", "/never/kept.log": b""})
    assert bookmarks.load() == {inside: b"3"}


def test_a_log_is_read_on_by_the_next_command(project: Path) -> None:
    opened = projects.find()
    log = project / "job.log"
    write.append_events(log, write.submitted(1, 0, WHEN))
    ticket = Ticket("u", 1, WHEN, (str(log),))
    LogFollower(Bookmarks(Journal(opened.journal), opened.root)).look([ticket])
    log.write_text("")
    told = LogFollower(Bookmarks(Journal(opened.journal), opened.root)).look([ticket])["u"]
    assert told.state is not None and told.state.whole
