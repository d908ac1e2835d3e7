from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from asimov.scheduler.htcondor import log_follower
from asimov.scheduler.htcondor.log_follower import LogEvidence, LogFollower
from asimov.scheduler.jobs import Ticket
from asimov.scheduler.languages import event_log_writer as write
from asimov.scheduler.languages.events import Event

WHEN = 1795212134.0


class Store(dict[str, bytes]):
    """Bookmarks in memory."""

    loads = saves = 0

    def load(self) -> dict[str, bytes]:
        self.loads += 1
        return dict(self)

    def save(self, changed: Mapping[str, bytes]) -> None:
        self.saves += 1
        self.update(changed)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "job.log"


def _ticket(*logs: Path, job: int | None = 1, since: float = WHEN, uid: str = "u") -> Ticket:
    return Ticket(uid, job, since, tuple(str(log) for log in logs))


def _started(cluster: int = 1, proc: int = 0, **tags: str) -> list[Event]:
    return [*write.submitted(cluster, proc, WHEN, tags=tags), write.executing(cluster, proc, WHEN)]


def _end(code: int, cluster: int = 1, proc: int = 0) -> Event:
    return write.terminated(cluster, proc, WHEN, exit_code=code)


def _look(book: LogFollower, ticket: Ticket) -> LogEvidence:
    return book.look([ticket])[ticket.uid]


def _code(told: LogEvidence) -> int | None:
    assert told.state is not None
    end = told.state.ending()
    return end.exit_code if end else None


class Opened:
    """Counts what is opened, and how many bytes are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        real = open

        def counting(path: Any, *args: Any, **kwargs: Any) -> Any:
            self.paths.append(str(path))
            return real(path, *args, **kwargs)

        monkeypatch.setattr("builtins.open", counting)


def test_a_log_that_has_not_changed_is_not_opened_again(log, monkeypatch):
    write.append_events(log, _started())
    book = LogFollower(None)
    opened = Opened(monkeypatch)
    for _ in range(3):
        assert _code(_look(book, _ticket(log))) is None
    assert opened.paths == [str(log)]
    write.append_events(log, [_end(3)])
    assert _code(_look(book, _ticket(log))) == 3


def test_a_log_is_read_on_from_where_it_was_read_to(log):
    write.append_events(log, _started())
    book = LogFollower(None)
    _look(book, _ticket(log))
    with log.open("r+b") as stream:  # what was read is not read again, but for its last bytes
        stream.write(b"999")
    write.append_events(log, [_end(3)])
    told = _look(book, _ticket(log))
    assert _code(told) == 3 and told.state is not None and told.state.whole


def test_half_an_event_is_taken_when_it_is_whole(log):
    text = "".join(map(write.event_text, [*_started(), _end(2)])).encode()
    book = LogFollower(None)
    for size in range(1, len(text)):
        log.write_bytes(text[:size])
        told = _look(book, _ticket(log))
        assert told.state is None or told.state.ending() is None
    log.write_bytes(text)
    assert _code(_look(book, _ticket(log))) == 2


def test_bookmarks_are_kept_for_the_next_process_and_loaded_once(log, monkeypatch):
    store = Store()
    write.append_events(log, _started())
    book = LogFollower(store)
    assert store.loads == 0
    book.look([])
    assert store.loads == 0
    for _ in range(3):
        _look(book, _ticket(log))
    assert (store.loads, store.saves, list(store)) == (1, 1, [str(log)])
    with log.open("r+b") as stream:
        stream.write(b"999")
    write.append_events(log, [_end(3)])
    told = _look(LogFollower(store), _ticket(log))
    assert _code(told) == 3 and told.state is not None and told.state.whole
    assert store[str(log)] == b""  # the job has ended: there is nothing to go on with


@pytest.mark.parametrize("damage", [b"p", b"z", b"zgarbage", b"pgarbage", b"?", b"p\x90"])
def test_a_bookmark_that_can_not_be_read_is_dropped(log, damage):
    write.append_events(log, [*_started(), _end(3)])
    assert _code(_look(LogFollower(Store({str(log): damage})), _ticket(log))) == 3


def test_a_log_that_was_cut_short_or_rewritten_is_read_again(log):
    write.append_events(log, _started())
    book = LogFollower(None)
    _look(book, _ticket(log))
    log.write_text("")
    assert _code(_look(book, _ticket(log))) is None
    write.append_events(log, [write.held(1, 0, WHEN + 1, "a reason " * 90, code=1)])
    told = _look(book, _ticket(log))
    assert told.state is not None and told.state.whole  # its beginning is remembered
    present = told.state.present(1)
    assert present is not None and present.code == 1
    size = log.stat().st_size
    log.write_text(write.event_text(_end(4)) + "x" * size)  # longer than before, and another
    assert _code(_look(book, _ticket(log))) == 4


@pytest.mark.parametrize("name", ["job.log.old", "job.log.1"])
@pytest.mark.parametrize("new", [True, False])
def test_what_was_written_before_a_log_was_rotated_is_read(log, name, new):
    write.append_events(log, _started() + _started(proc=1))
    book = LogFollower(None)
    _look(book, _ticket(log))
    write.append_events(log, [_end(5, proc=1)])
    log.rename(log.with_name(name))
    if new:
        write.append_events(log, [_end(0)])
    told = _look(book, _ticket(log))
    assert (_code(told), told.doubt is None) == ((5, True) if new else (None, False))
    write.append_events(log, [_end(0)])
    assert _code(_look(book, _ticket(log))) == 5


def test_of_a_log_that_vanished_what_was_read_is_known(log):
    store = Store()
    write.append_events(log, _started())
    book = LogFollower(store)
    assert _look(book, _ticket(log)).doubt is None
    log.unlink()
    for again in (book, LogFollower(store)):
        told = _look(again, _ticket(log))
        assert told.state is not None and told.state.ending() is None
        assert told.doubt == f"event log {log}: No such file or directory"
    assert _look(LogFollower(None), _ticket(log)) == LogEvidence()  # one that never was there
    write.append_events(log, [_end(1)])
    assert _code(_look(book, _ticket(log))) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_can_not_be_read_leaves_a_doubt(log):
    write.append_events(log, _started())
    log.chmod(0)
    told = _look(LogFollower(None), _ticket(log))
    assert told == LogEvidence(doubt=f"event log {log}: Permission denied", unread=True)


def test_an_error_of_the_disk_leaves_a_doubt_and_is_tried_again(log, monkeypatch):
    write.append_events(log, [*_started(), _end(0)])
    book = LogFollower(None)
    with monkeypatch.context() as patch:

        def broken(*args: Any, **kwargs: Any) -> Any:
            raise OSError(5, "Input/output error")

        patch.setattr("builtins.open", broken)
        told = LogEvidence(doubt=f"event log {log}: Input/output error", unread=True)
        assert _look(book, _ticket(log)) == told
    told = _look(book, _ticket(log))
    assert _code(told) == 0 and told.doubt is None


def test_folders_and_pipes_are_no_logs(tmp_path):
    (tmp_path / "a.log").mkdir()
    os.mkfifo(tmp_path / "b.log")
    assert (
        _look(LogFollower(None), _ticket(tmp_path / "a.log", tmp_path / "b.log")) == LogEvidence()
    )


def test_a_file_that_is_no_event_log_is_not_read_again_and_again(log, monkeypatch):
    log.write_bytes(b"progress 1 %\n" * 300_000)
    book = LogFollower(None)
    assert _look(book, _ticket(log)) == LogEvidence()
    with log.open("ab") as stream:
        stream.write(b"\n")
    read = 0
    split = log_follower.split_events

    def counting(data: bytes) -> Any:
        nonlocal read
        read += len(data)
        return split(data)

    monkeypatch.setattr(log_follower, "split_events", counting)
    write.append_events(log, [*_started(), _end(6)])
    assert _code(_look(book, _ticket(log))) == 6
    assert read < (1 << 20) + (1 << 17)


def test_events_across_blocks_are_whole(log):
    events = [event for n in range(9_000) for event in _started(proc=n)]
    write.append_events(log, events)
    assert log.stat().st_size > 1 << 20
    told = _look(LogFollower(None), _ticket(log))
    assert told.state is not None
    present = told.state.present(1)
    assert present is not None and present.progress is not None
    assert present.progress.running == 9_000


def test_a_job_whose_number_is_not_known_is_found_by_its_tag(tmp_path, log):
    nodes = tmp_path / "nodes.log"
    write.append_events(log, [*_started(4, AsimovUID="u"), *_started(6, AsimovUID="u")])
    write.append_events(log, _started(9, AsimovUID="other"))
    write.append_events(nodes, _started(8, AsimovUID="u", DAGManJobId="6"))
    book = LogFollower(None)
    ticket = _ticket(nodes, log, job=None)
    told = _look(book, ticket)
    assert told.cluster == 6 and told.state is not None and told.state.whole
    assert told.state.present(6) is not None
    write.append_events(log, [_end(2, 6)])
    assert _code(_look(book, ticket)) == 2
    assert _code(_look(book, _ticket(nodes, log, job=6))) == 2


def test_a_cluster_of_the_same_number_from_long_ago_is_another(log):
    write.append_events(log, [*_started(AsimovUID="u"), _end(0)])
    assert _look(LogFollower(None), _ticket(log, since=WHEN + 7200)) == LogEvidence()
    assert _look(LogFollower(None), _ticket(log, job=None, since=WHEN + 7200)) == LogEvidence()
    assert _code(_look(LogFollower(None), _ticket(log, since=WHEN + 1800))) == 0


def test_one_log_of_many_jobs_serves_all_of_them(log, monkeypatch):
    for cluster in range(1, 21):
        write.append_events(log, [*_started(cluster), _end(cluster % 3, cluster)])
    opened = Opened(monkeypatch)
    tickets = [_ticket(log, job=cluster, uid=str(cluster)) for cluster in range(1, 21)]
    told = LogFollower(None).look(tickets)
    assert [_code(told[str(cluster)]) for cluster in range(1, 21)] == [n % 3 for n in range(1, 21)]
    assert len(opened.paths) == 1


def test_processes_with_logs_of_their_own_end_together(tmp_path):
    logs = [tmp_path / f"{proc}.log" for proc in range(3)]
    book = LogFollower(None)
    for proc, log in enumerate(logs):
        write.append_events(log, _started(proc=proc))
        write.append_events(log, [_end(proc, proc=proc)])
        told = _look(book, _ticket(*logs))
    assert _code(told) == 1 and told.state is not None
    assert told.state.whole and not told.state.sure
    book.expect(1, 4)
    told = _look(book, _ticket(*logs))
    assert told.state is not None and told.state.ending() is None


def test_of_a_dag_only_the_log_of_its_own_job_is_looked_at(tmp_path, monkeypatch):
    nodes, own = tmp_path / "a_node.log", tmp_path / "x.dag.dagman.log"
    write.append_events(nodes, _started(8, AsimovUID="u", DAGManJobId="1"))
    write.append_events(own, _started(1, AsimovUID="u"))
    opened = Opened(monkeypatch)
    book = LogFollower(None)
    assert _look(book, _ticket(nodes, own)).cluster == 1
    assert opened.paths == [str(own)]
    own.unlink()
    told = _look(book, _ticket(nodes, own))
    assert opened.paths == [str(own), str(nodes)]
    assert told.doubt is not None and told.state is not None


def test_one_file_is_open_at_a_time(tmp_path, monkeypatch):
    tickets = []
    for number in range(1, 200):
        path = tmp_path / f"{number}.log"
        write.append_events(path, _started(number))
        tickets.append(_ticket(path, job=number, uid=str(number)))
    most = 0
    split = log_follower.split_events

    def counting(data: bytes) -> Any:
        nonlocal most
        most = max(most, len(os.listdir("/proc/self/fd")))  # noqa: PTH208
        return split(data)

    monkeypatch.setattr(log_follower, "split_events", counting)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    LogFollower(None).look(tickets)
    assert most <= before + 1


def test_logs_that_nobody_asks_about_are_forgotten(tmp_path):
    book = LogFollower(None)
    for number in range(1, 1500):
        path = tmp_path / f"{number}.log"
        path.touch()
        _look(book, _ticket(path, job=number, uid=str(number)))
    assert len(book._logs) < 1100


def test_the_bookmark_of_many_processes_is_small(log):
    store = Store()
    write.append_events(log, [e for n in range(10_000) for e in write.submitted(1, n, WHEN + n)])
    write.append_events(log, [write.executing(1, n, WHEN + 2 * n) for n in range(10_000)])
    write.append_events(log, [_end(n % 2, proc=n) for n in range(0, 10_000, 2)])
    _look(LogFollower(store), _ticket(log))
    assert 0 < len(store[str(log)]) < 40_000
    told = _look(LogFollower(store), _ticket(log))
    assert told.state is not None and len(told.state.phases) == 10_000


def test_an_earlier_attempt_with_the_same_number_in_the_same_log_is_another_job(log):
    write.append_events(log, [*_started(AsimovUID="earlier", TotalSubmitProcs="1"), _end(3)])
    book, ticket = LogFollower(None), _ticket(log)
    assert _look(book, ticket) == LogEvidence()
    write.append_events(log, _started(AsimovUID="u", TotalSubmitProcs="1"))
    for told in (_look(book, ticket), _look(LogFollower(None), ticket)):
        assert told.state is not None and told.state.present(1) is not None
    write.append_events(log, [_end(0)])
    for told in (_look(book, ticket), _look(LogFollower(None), ticket)):
        assert told.state is not None and told.state.sure
        assert _code(told) == 0
