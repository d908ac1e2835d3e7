"""Why an analysis is where it is, and what would move it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest

from asimov.engine.lease import watching
from asimov.pipeline import Pipeline
from asimov.scheduler import Gone, NotFound, Observation, Ticket, Unknown
from asimov.scheduler.local import LocalScheduler


def why(lab: Any, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(lab.run("why", "s", name, "--json").out)
    return told


def text(lab: Any, name: str) -> str:
    return str(lab.run("why", "s", name).out)


def test_of_needs_the_first_cause_is_named_however_deep_it_lies(lab: Any) -> None:
    lab.apply("bad, exit code: 1, max resurrections: 0", "b, needs: [bad]", "c, needs: [b]")
    lab.finish(code=3)
    told = why(lab, "c")
    assert told["because"][:2] == ["b is ready", "s/b itself waits: bad is stuck"]
    assert any(line.startswith("s/bad is stuck: job 1 ended with") for line in told["because"])
    assert told["moves"] == ["a person, at s/bad: 'asimov why s/bad'"]


def test_a_need_that_nothing_matches_is_named(lab: Any) -> None:
    lab.apply("a, needs: [season: spring]")
    told = why(lab, "a")
    assert told["because"] == ["nothing matches 'season: spring'"]
    assert told["moves"] == ["an analysis that matches, or different 'needs' in the ledger"]


def test_a_need_that_is_nearly_a_name_is_pointed_out(lab: Any) -> None:
    lab.apply("first", "b, needs: [frst, s/frist, other]", force=True)
    assert why(lab, "b")["because"][3:] == [
        "there is no 'frst'; did you mean 'first'?",
        "there is no 's/frist'; did you mean 's/first'?",
    ]


def test_a_review_that_there_is_not_is_not_asked_for(lab: Any) -> None:
    lab.apply("a", "b, needs: ['review: aproved']", force=True)
    told = why(lab, "b")
    assert told["because"][-1] == "'aproved' is not a review status; did you mean 'approved'?"
    assert told["moves"] == ["another 'review' in the ledger's 'needs'"]


def test_a_need_that_has_not_begun_is_where_to_look_next(lab: Any) -> None:
    lab.apply("a", "b, needs: [a]")
    assert why(lab, "b")["moves"] == ["the end of s/a: 'asimov why s/a'"]


def test_needs_in_a_circle_are_for_the_ledger(lab: Any) -> None:
    lab.apply("a", "b, needs: [a]")
    file = lab.root / "ledger" / "subjects" / "s.yaml"
    file.write_text(file.read_text().replace("- name: a\n", "- name: a\n  needs: [b]\n"))
    assert why(lab, "a")["moves"] == ["different 'needs' in the ledger, without the cycle"]


def test_what_nobody_has_built_or_submitted_says_so(lab: Any) -> None:
    lab.apply("a")
    assert why(lab, "a")["because"] == ["it has not been built"]
    lab.run("manage", "build")
    told = why(lab, "a")
    assert told["because"] == ["it is built and ready to submit"]
    assert "asimov manage submit" in told["moves"][0]


def test_a_limit_that_is_reached_is_named(lab: Any) -> None:
    lab.apply("a, seconds: 1000", "b")
    lab.run("configuration", "update", "monitor/max active", "1")
    lab.run("monitor", "--chain")
    assert why(lab, "b")["because"] == ["1 analysis is active, and [monitor] max active is 1"]


def test_an_idle_job_says_what_it_waits_for(lab: Any) -> None:
    lab.run("configuration", "update", "local/processes", "1")
    job = "pipeline: command, executable: sleep, arguments: [1000], outputs: {x: y}"
    lab.apply(f"a, {job}", f"b, {job}")
    lab.run("monitor", "--chain")
    lab.until("a", lambda answer: getattr(answer, "state", "") == "running")
    assert "job 2 is idle on local" in text(lab, "b")
    assert "[local] processes) are in use" in text(lab, "b")
    assert "asimov start" in text(lab, "b")
    assert why(lab, "b")["moves"][0].startswith("free resources for its job, or a smaller request")


def test_a_job_that_failed_shows_the_end_of_its_error_file(lab: Any) -> None:
    lab.apply(
        "bad, pipeline: command, executable: sh, arguments: [-c, 'echo a broken pipe >&2; exit 3'],"
        " outputs: {x: y}"
    )
    lab.finish(code=3)
    told = why(lab, "bad")
    assert told["status"] == "stuck" and "exit code 3" in told["reason"]
    assert "  a broken pipe" in told["because"]
    assert any("production set s/bad" in line and "restart" in line for line in told["moves"])


def test_a_job_that_failed_without_a_word_says_its_exit_code_and_the_empty_log(lab: Any) -> None:
    lab.apply("bad, pipeline: command, executable: 'false', outputs: {o: job.out}")
    lab.finish(code=3)
    log = lab.rundir("bad") / "job.err"
    assert why(lab, "bad")["because"] == [
        f"its job ended with exit code 1, and its error log is empty: {log}"
    ]
    assert "why:\n  its job ended with exit code 1" in lab.run("why", "s/bad").out


def test_jobs_that_failed_without_a_word_are_counted(lab: Any) -> None:
    lab.apply("bad, pipeline: command, executable: 'false', processes: 2, outputs: {o: job.0.out}")
    lab.finish(code=3)
    (because,) = why(lab, "bad")["because"]
    assert because.startswith("its job ended with exit code 1, and its 2 error logs are empty: ")
    assert because.endswith("job.0.err and others")


def test_a_scheduler_that_can_not_be_asked_is_named_with_since_when(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")

    def unreachable(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        return {ticket.uid: Unknown("the schedd is away") for ticket in tickets}

    monkeypatch.setattr(LocalScheduler, "observe", unreachable)
    lab.run("monitor", code=5)
    told = why(lab, "a")
    assert "can't report on job 1: the schedd is away" in told["because"][0]
    assert told["because"][1].startswith("its state has been unknown for ")
    assert lab.states() == {"a": "running"}


def test_a_job_that_nobody_knows_is_for_a_person(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")

    def lost(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        return {ticket.uid: NotFound(("queue", "history")) for ticket in tickets}

    monkeypatch.setattr(LocalScheduler, "observe", lost)
    told = why(lab, "a")
    assert "no source knows job 1 any more (asked: queue, history)" in told["because"]
    assert "a person who knows what happened to it" in told["moves"][0]


@pytest.mark.parametrize(
    ("status", "moves"), [("wait", "ready"), ("manual", "finished"), ("cancelled", "ready")]
)
def test_what_a_person_has_set_aside_says_how_to_bring_it_back(
    lab: Any, status: str, moves: str
) -> None:
    lab.apply("a")
    lab.run("production", "set", "s", "a", "--status", status)
    (line,) = why(lab, "a")["moves"]
    assert "'asimov production set s/a --status STATE'" in line and moves in line


def test_a_review_a_stop_and_a_restart_say_what_can_be_typed(lab: Any) -> None:
    lab.apply("a")
    lab.run("production", "set", "s/a", "--status", "finished")
    for before, status in ((None, "review"), (None, "restart"), ("stop", "stopped")):
        if before:
            lab.run("production", "set", "s/a", "--status", before)
            lab.run("monitor")
        else:
            lab.run("production", "set", "s/a", "--status", status)
        assert lab.states()["a"] == status
        moves = why(lab, "a")["moves"]
        assert any("'asimov production set s/a --status " in line for line in moves), moves
    assert "'asimov production set s/a --status finished'" in moves[0]
    lab.run("production", "set", "s/a", "--status", "finished")
    assert "can't be combined" in lab.run("status", "--watch", "--json", code=2).err


def test_asking_why_changes_nothing(lab: Any, everything: Any) -> None:
    lab.apply("a, seconds: 1000", "b, needs: [a]")
    lab.run("monitor", "--chain")
    lab.wait_for("a", "node.err")
    before, journal = everything(lab.root), lab.dump()
    for name in "ab":
        text(lab, name)
    assert (everything(lab.root), lab.dump()) == (before, journal)


def test_a_name_that_is_misspelt_gets_the_nearest(lab: Any) -> None:
    lab.apply("alpha")
    assert "did you mean 'alpha'?" in lab.run("why", "s", "alhpa", code=1).err
    assert "did you mean 's'?" in lab.run("why", "ss", "alpha", code=1).err


def test_what_the_last_pass_could_not_find_out_is_not_told_once_the_scheduler_answers(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")

    def unreachable(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        return {ticket.uid: Unknown("the schedd is away") for ticket in tickets}

    with monkeypatch.context() as patched:
        patched.setattr(LocalScheduler, "observe", unreachable)
        lab.run("monitor", code=5)
    lab.until("a", lambda answer: getattr(answer, "state", "") == "running")
    told = why(lab, "a")
    assert told["because"][0].startswith("job 1 is running on local")
    assert not any("away" in line for line in told["because"])


def test_an_earlier_failure_does_not_explain_a_later_one(lab: Any) -> None:
    job = "pipeline: command, arguments: [-c, 'echo a broken pipe >&2; exit 3'], outputs: {x: y}"
    lab.apply(f"bad, executable: sh, {job}")
    lab.finish(code=3)
    lab.run("production", "set", "s", "bad", "--status", "ready")
    lab.run("production", "set", "s", "bad", "--status", "stuck", "--reason", "by hand")
    told = why(lab, "bad")
    assert told["reason"] == "by hand"
    assert told["because"] == []


def test_who_watches_already_is_not_told_to_start(lab: Any) -> None:
    lab.apply("a, seconds: 1000")
    lab.run("monitor", "--chain")
    assert any("asimov start" in line for line in why(lab, "a")["moves"])
    with watching(lab.open(), "a test"):
        assert not any("asimov start" in line for line in why(lab, "a")["moves"])


def test_what_a_pipeline_prints_is_no_part_of_the_answer(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loud(self: Pipeline, *arguments: Any) -> None:
        print("{garbage")
        made(self, *arguments)

    made = Pipeline.__init__
    monkeypatch.setattr(Pipeline, "__init__", loud)
    lab.apply("a")
    assert why(lab, "a")["because"] == ["it has not been built"]


def test_a_job_on_hold_says_its_reason_once_and_what_can_be_typed(lab: Any) -> None:
    lab.apply("a, pipeline: command, executable: bad.sh, outputs: {x: y}", "b, status: wait")
    script = lab.root / "bad.sh"
    script.write_text("#!/no/such/shell\n")
    script.chmod(0o755)
    lab.run("monitor", "--chain")
    lab.until("a", lambda answer: getattr(answer, "state", "") == "held")
    told = why(lab, "a")
    assert sum("No such file" in line for line in told["because"]) == 1
    assert told["moves"][0].startswith("'asimov production set s/a --status restart'")
    assert why(lab, "b")["because"] == ["it waits until a person makes it ready"]


def test_of_a_job_that_was_removed_from_hold_the_reason_is_not_the_last_word(lab: Any) -> None:
    lab.apply("a, pipeline: command, executable: sleep, outputs: {x: y}, scheduler: {hold: true}")
    lab.run("monitor", "--chain")
    lab.run("monitor")
    assert lab.states() == {"a": "stuck"}
    workspace = lab.open()
    with closing(workspace.journal):
        workspace.scheduler().remove(1, "by hand")
    lab.until("a", lambda answer: isinstance(answer, Gone))
    lab.run("monitor")
    assert any("job 1 was removed" in line for line in why(lab, "a")["because"])
    lab.run("production", "set", "s", "a", "--status", "restart")
    assert why(lab, "a")["moves"][0] == "the next pass of 'asimov monitor'"
