from __future__ import annotations

from itertools import permutations

import msgspec

from asimov.scheduler.htcondor.cluster_state import ClusterState
from asimov.scheduler.languages import event_log_writer as write
from asimov.scheduler.languages.event_log import read_events
from asimov.scheduler.languages.events import Event, EventType
from asimov.scheduler.observations import JobState, Progress

WHEN = 1795212134.0


def _state(*events: Event) -> ClusterState:
    state = ClusterState()
    for event in events:
        state.take(event)
    return state


def _job(*numbers: int) -> list[Event]:
    return [Event(number, 1, 0, WHEN + after) for after, number in enumerate(numbers)]


def _is(*events: Event) -> JobState | None:
    present = _state(*events).present(1)
    return present.state if present else None


def test_each_event_moves_a_process():
    assert ClusterState().present(1) is None
    assert _is(*_job(0)) is JobState.IDLE
    assert _is(*_job(0, 1)) is JobState.RUNNING
    for again in (4, 7, 24):  # evicted, shadow exception, reconnection failed
        assert _is(*_job(0, 1, again)) is JobState.IDLE
    assert _is(*_job(0, 12)) is JobState.HELD
    assert _is(*_job(0, 12, 13)) is JobState.IDLE
    assert _is(*_job(0, 12, 13, 1)) is JobState.RUNNING
    assert _is(*_job(0, 1, 6, 999)) is JobState.RUNNING


def test_the_youngest_event_stands_in_whatever_order_and_however_often():
    events = _job(1, 4, 1, 12)
    for order in permutations(events):
        assert _is(*_job(0), *order, *order) is JobState.HELD, order


def test_an_eviction_told_after_the_hold_of_the_same_second_does_not_release():
    hold = write.held(1, 0, WHEN, "no", code=6)
    assert _is(hold, write.evicted(1, 0, WHEN, "why")) is JobState.HELD
    assert _is(hold, write.evicted(1, 0, WHEN + 9, "why")) is JobState.IDLE  # ran in between


def test_the_first_ending_of_a_process_stands():
    done, gone = write.terminated(1, 0, WHEN, exit_code=7), write.aborted(1, 0, WHEN, "x")
    for events, code, removed in (((done, gone), 7, False), ((gone, done), None, True)):
        end = _state(*events, write.executing(1, 0, WHEN + 5)).ending()
        assert end is not None and (end.exit_code, end.removed) == (code, removed)


def test_a_process_that_is_requeued_when_it_terminates_has_not_ended():
    lines = (
        "(1) Job terminated and was requeued",
        "(1) Normal termination (return value 3)",
    )
    requeued = Event(EventType.EVICTED, 1, 0, WHEN, "Job was evicted.", lines)
    assert _state(write.executing(1, 0, WHEN), requeued).ending() is None


def test_a_cluster_made_bit_by_bit_ends_when_it_is_closed():
    made = Event(EventType.CLUSTER_SUBMIT, 1, -1, WHEN)
    closed = Event(EventType.CLUSTER_REMOVE, 1, -1, WHEN)
    done = write.terminated(1, 0, WHEN, exit_code=0)
    state = _state(made, done)
    assert state.ending() is None and state.present(1) is None and not state.whole
    state.take(closed)
    assert state.ending() is not None and state.sure
    assert _state(closed, made, done).sure


def test_a_process_that_was_not_seen_has_not_ended():
    second = write.terminated(1, 1, WHEN, exit_code=0)
    assert _state(second).ending() is None
    first = write.terminated(1, 0, WHEN, exit_code=0)
    state = _state(second, first)
    assert state.ending() is not None and not state.whole  # there may have been a third
    state.expect(3)
    assert state.ending() is None and not state.sure


def test_how_many_processes_there_are_and_whose_is_told_by_event_028():
    tags = {"AsimovUID": "u", "TotalSubmitProcs": "2", "DAGManJobId": "7", "RequestMemory": "64"}
    [submit, _] = write.submitted(1, 0, WHEN, tags=tags)
    lines = tuple(f"{name} = {value}" for name, value in {**tags, "AsimovUID": '"u"'}.items())
    told = Event(EventType.JOB_AD_INFORMATION, 1, 0, WHEN, "", lines)
    state = _state(submit, told, write.terminated(1, 0, WHEN, exit_code=0))
    assert (state.uid, state.dag, state.total, state.memory_requested_mb) == ("u", 7, 2, 64)
    assert state.ending() is None


def test_a_held_process_says_why_and_since_when():
    state = _state(
        write.executing(1, 0, WHEN),
        write.held(1, 1, WHEN + 1, "no such", code=12, subcode=2),
    )
    present = state.present(1)
    assert present is not None and present.state is JobState.RUNNING
    assert (present.reason, present.code) == ("no such", 12)
    assert present.progress == Progress(2, running=1, held=1)
    [held] = present.held
    assert (held.process, held.code, held.subcode, held.since) == (1, 12, 2, WHEN + 1)
    state.take(write.released(1, 1, WHEN + 2, "again"))
    present = state.present(1)
    assert present is not None and present.held == () and present.code is None


def test_memory_and_time_are_told(tmp_path):
    lines = (
        "(1) Normal termination (return value 0)",
        "\tUsr 0 00:01:00, Sys 0 00:00:02  -  Total Remote Usage",
        "\t   Memory (MB)          :       33       64       128",
    )
    ending = Event(EventType.TERMINATED, 1, 0, WHEN, "Job terminated.", lines)
    write.append_events(tmp_path / "log", [ending])
    state = _state(*read_events(tmp_path / "log")[0])
    assert (state.cpu_seconds, state.memory_mb, state.memory_requested_mb) == (62.0, 33.0, 64.0)


def test_a_state_is_the_same_when_it_was_kept_and_read_again():
    events = [write.executing(1, n, WHEN) for n in range(40)]
    events += [write.terminated(1, n, WHEN, exit_code=n % 3) for n in range(0, 40, 2)]
    state = _state(*events, write.held(1, 1, WHEN + 1, "x", code=3))
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=ClusterState)
    assert kept == state and kept.present(1) == state.present(1)


def test_processes_with_logs_of_their_own_are_put_together():
    first = _state(*write.submitted(1, 0, WHEN), write.terminated(1, 0, WHEN, exit_code=0))
    second = _state(*write.submitted(1, 1, WHEN), write.held(1, 1, WHEN, "x", code=3))
    for both in (first.merge(second), second.merge(first)):
        assert both.ending() is None and both.whole
        present = both.present(1)
        assert present is not None and present.progress == Progress(2, done=1, held=1)
        assert present.code == 3
    second.take(write.terminated(1, 1, WHEN, exit_code=4))
    for both in (first.merge(second), second.merge(first)):
        end = both.ending()
        assert end is not None and (end.exit_code, end.progress.total) == (4, 2)
    assert first.ending() is not None  # merging leaves both as they were


def test_a_damaged_process_number_takes_no_memory_and_ends_nothing():
    state = _state(write.terminated(1, 0, WHEN, exit_code=0))
    state.take(write.executing(1, 2_000_000_000, WHEN))
    assert len(state.phases) == 1 and state.ending() is None


def test_the_state_of_many_processes_is_small():
    state = ClusterState()
    for proc in range(10_000):
        state.take(write.submitted(1, proc, WHEN)[0])
        state.take(write.held(1, proc, WHEN, "x" * 2_000, code=3))
    assert len(msgspec.msgpack.encode(state)) < 100_000
    present = state.present(1)
    assert present is not None and present.progress == Progress(10_000, held=10_000)
    assert len(present.held) == 50
