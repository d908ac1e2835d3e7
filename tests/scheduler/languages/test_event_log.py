from __future__ import annotations

from pathlib import Path

import pytest

from asimov.scheduler.languages import event_log_writer as write
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.languages.events import Event
from tests.scheduler.event_logs import ending, tagged_clusters

DATA = Path(__file__).parent / "data" / "htcondor-25.log"
WHEN = 1795212134.0


def test_a_log_of_htcondor_is_read_to_its_end():
    events, offset = read_events(DATA)
    assert offset == DATA.stat().st_size and len(events) == 54
    assert {event.number for event in events} == {0, 1, 4, 5, 6, 9, 12, 13, 21, 28}
    assert tagged_clusters(events, "AsimovUID", "u1") == {1, 2, 3}


def test_endings_in_a_log_of_htcondor():
    events, _ = read_events(DATA)
    ends = {cluster: ending(events, cluster) for cluster in (1, 9, 10, 11, 99)}
    assert ends[10] is None and ends[99] is None  # held, and never there
    assert ends[1] is not None and (ends[1].exit_code, ends[1].progress.total) == (3, 2)
    assert ends[9] is not None and ends[9].removed and ends[9].exit_code is None
    assert ends[9].reason == "via condor_rm (by user condor-dev)"
    assert ends[11] is not None and (ends[11].exit_code, ends[11].signal) == (None, 9)
    held = next(event for event in events if event.cluster == 10 and event.number == 12)
    assert (held.code, held.reason) == (
        6,
        "Failed to execute '/bin/nonexist': (errno=2: 'No such file or directory')",
    )


def test_an_event_that_is_still_written_is_left_for_the_next_call(tmp_path):
    whole = DATA.read_bytes()
    log = tmp_path / "log"
    expected, _ = read_events(DATA)
    found: list[Event] = []
    offset = 0
    for size in range(0, len(whole) + 97, 97):
        log.write_bytes(whole[:size])
        events, offset = read_events(log, offset)
        found += events
    assert found == expected


def test_text_between_events_and_missing_files_are_no_error(tmp_path):
    log = tmp_path / "log"
    assert read_events(log) == ([], 0)
    first = write.event_text(write.executing(1, 0, WHEN))
    torn = "000 (001.000.000) 2026-11-20 22:02:13 Job subm"
    log.write_text(f"garbage\n...\n{torn}\n{first}more\n{first}")
    assert [event.number for event in read_events(log)[0]] == [1, 1]
    log.write_text(first)
    assert len(read_events(log, 10_000)[0]) == 1  # replaced by a shorter one


def test_repeated_events_and_unfinished_clusters():
    done = write.terminated(1, 0, WHEN, exit_code=0)
    started = write.executing(1, 1, WHEN)
    assert ending([done, done, started], 1) is None
    assert ending([done], 1, processes=2) is None
    end = ending([done, done, started, write.aborted(1, 1, WHEN, "why")], 1)
    assert end is not None and end.removed and end.exit_code is None and end.reason == "why"


def _written() -> list[Event]:
    return [
        *write.submitted(5, 0, WHEN, "a note", {"AsimovUID": 'a"b'}),
        write.executing(5, 0, WHEN),
        write.evicted(5, 0, WHEN, "why"),
        write.held(5, 0, WHEN, "no\nsuch", code=6, subcode=2),
        write.released(5, 0, WHEN, "again"),
        write.terminated(5, 0, WHEN, exit_code=None, signal=9, user_seconds=3700),
        write.terminated(5, 1, WHEN, exit_code=3),
        write.aborted(5, 2, WHEN, "gone"),
        write.post_script_terminated(5, 0, WHEN, node="A", exit_code=1),
    ]


def test_what_is_written_is_read_again(tmp_path):
    write.append_events(tmp_path / "log", _written())
    events, _ = read_events(tmp_path / "log")
    assert [event.number for event in events] == [0, 28, 1, 4, 12, 13, 5, 5, 9, 16]
    assert all(event.time == WHEN for event in events)
    assert events[1].attributes["AsimovUID"] == 'a"b'
    assert (events[4].reason, events[4].code) == ("no such", 6)
    assert (events[6].signal, events[6].cpu_seconds, events[7].exit_code) == (9, 3700.0, 3)
    assert (events[9].node, events[9].exit_code) == ("A", 1)


def test_htcondor_reads_what_is_written(tmp_path):
    htcondor2 = pytest.importorskip("htcondor2")
    write.append_events(tmp_path / "log", _written())
    found = list(htcondor2.JobEventLog(str(tmp_path / "log")).events(stop_after=0))
    assert [int(event.type) for event in found] == [0, 28, 1, 4, 12, 13, 5, 5, 9, 16]
    assert found[0]["LogNotes"] == "a note" and found[1]["AsimovUID"] == 'a"b'
    assert found[4]["HoldReasonCode"] == 6 and found[6]["TerminatedBySignal"] == 9
    assert found[7]["ReturnValue"] == 3 and found[8]["Reason"] == "gone"
    assert found[9]["DAGNodeName"] == "A"
