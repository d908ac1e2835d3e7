"""Analyses that ask a person, and what becomes of the answers."""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import pytest

from asimov.engine import lease
from asimov.engine.questions import answering
from asimov.engine.questions.answering import answer
from asimov.errors import AsimovError
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.pipeline.questions import Question
from asimov.project.facts import Facts
from asimov.settings import BaseSettings, Setting


class Cut(BaseSettings):
    level: Annotated[float, Setting("Where the noise begins, in V.", ge=0)]
    method: Annotated[Literal["linear", "cubic"], Setting("How to interpolate.")] = "linear"
    max_steps: Annotated[int, Setting("How many steps.")] = 10


class Start(BaseSettings):
    go: Annotated[bool, Setting("Whether to start.")] = True


CUT = Question("cut", "Where does the noise begin?\nLook at spectrum.txt.", Cut)
START = Question("start", "May it start?", Start)


@pytest.fixture
def steps(lab, simple):
    """Register a pipeline of two jobs, with a question between them, or before them too."""

    class Steps(simple):
        name = "steps"

        @property
        def first(self) -> Path:
            return Path(self.production.rundir, "first.txt")

        def questions(self):
            early = [START] if self.production.meta.get("careful") else []
            return early + ([CUT] if self.first.exists() else [])

        def build_dag(self, dryrun: bool = False) -> None:
            super().build_dag(dryrun)
            script = Path(self.production.rundir, "node.sh")
            cut = CUT.answered(self.production.meta)
            if cut is None:
                script.write_text("echo spectrum > first.txt\n")
            else:
                said = f"{cut.level} {cut.method} {cut.max_steps}"
                script.write_text(f"(cat first.txt; echo {said}) > result.txt\n")

    lab.register("steps", Steps)
    return lab


def row(lab, name="a"):
    return lab.rows()[name]


def test_a_job_s_end_may_lead_to_a_question_and_its_answer_to_the_next_job(steps):
    steps.apply("a, pipeline: steps", "b, needs: [a]")
    ran = steps.finish(code=3)
    assert "some ask a question: 'asimov why --state asking' shows it" in ran.out
    found = row(steps)
    assert found["status"] == "asking"
    assert found["waiting_for"] == ["an answer: Where does the noise begin?"]
    assert found["reason"] == "Where does the noise begin?"
    question = found["question"]
    assert (question["name"], question["text"]) == ("cut", CUT.text)
    assert question["fields"][0] == {
        "setting": "level", "kind": "a number of at least 0", "default": "required",
        "description": "Where the noise begins, in V.",
    }  # fmt: skip
    schema = question["schema"]["$defs"]["answers.Cut"]
    assert schema["required"] == ["level"]
    assert schema["properties"]["method"]["enum"] == ["cubic", "linear"]
    why = steps.run("why", "s/a").out
    assert "Where does the noise begin?\n  Look at spectrum.txt.\n" in why
    assert "level (a number of at least 0, required): Where the noise begins, in V." in why
    assert "answers: asimov answer s/a level=..." in why
    assert row(steps, "b")["waiting_for"] == ["s/a"] or row(steps, "b")["status"] == "ready"
    steps.run("answer", "s/a", "level=2.5", "max steps=3")
    assert steps.states()["a"] == "ready"
    steps.finish()
    assert (steps.rundir("a") / "result.txt").read_text() == "spectrum\n2.5 linear 3\n"
    assert steps.states() == {"a": "uploaded", "b": "uploaded"}
    assert [each.number for each in steps.attempts("a")] == [1, 2]
    log = steps.run("log", "s/a").out
    assert "answered 'cut': {level: 2.5, max steps: 3}" in log
    assert row(steps)["question"] is None
    assert row(steps)["outdated"] == []


def test_a_pipeline_may_ask_before_it_starts_and_a_dry_run_asks_nothing(steps):
    steps.apply("a, pipeline: steps, careful: true")
    assert "s/a: would ask: May it start?" in steps.run("manage", "build", "--dry-run").out
    assert steps.states()["a"] == "ready"
    steps.run("manage", "build", "submit")
    assert (steps.states()["a"], steps.attempts("a")) == ("asking", [])
    steps.run("answer", "s/a", "go=true")
    steps.finish(code=3)
    assert row(steps)["question"]["name"] == "cut"


def test_the_ledger_may_answer_beforehand_and_wrong_answers_are_not_built_on(steps):
    steps.apply("a, pipeline: steps, answers: {cut: {level: 1}}")
    steps.finish()
    assert (steps.rundir("a") / "result.txt").read_text().endswith("1.0 linear 10\n")


def test_a_wrong_answer_in_the_ledger_is_named(steps):
    steps.apply("a, pipeline: steps, careful: true, answers: {start: {go: perhaps}}")
    ran = steps.run("manage", "build", code=1)
    assert "answers: start: go: should be true or false, not 'perhaps'" in ran.out + ran.err
    assert steps.states()["a"] == "ready"


@pytest.fixture
def asking(steps):
    steps.apply("a, pipeline: steps", "b")
    steps.finish(code=3)
    return steps


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["level=-1"], "level: should be a number of at least 0, not -1"),
        (["level=much"], "level: should be a number of at least 0, not 'much'"),
        (["level=nan"], "write digits, such as 12 or 1.5"),
        (["method=cubic"], "level: is missing: it should be a number of at least 0"),
        (["level=1", "method=cubik"], ", not 'cubik'; did you mean 'cubic'?"),
        (["level=1", "metod=cubic"], "metod: is not part of the question; did you mean 'method'?"),
        (["level"], "'level' is not an answer: write KEY=VALUE"),
        (["=1"], "'=1' is not an answer: write KEY=VALUE"),
        (["level=[1"], "the answer level:"),
        (["-f", "none.yaml"], "none.yaml: can't be read: No such file"),
        (
            ["-f", "list.yaml"],
            "list.yaml: should contain the answers, one line 'NAME: VALUE' for each",
        ),
    ],
)
def test_answers_that_can_not_be_meant_are_refused_and_change_nothing(asking, answers, said):
    (asking.root / "list.yaml").write_text("[1]\n")
    before = asking.dump()
    ran = asking.run("answer", "s/a", *answers, code=1)
    assert said in ran.err
    assert asking.states()["a"] == "asking"
    assert [line for line in asking.dump() if "properties" not in line] == [
        line for line in before if "properties" not in line
    ]


def test_the_question_is_shown_and_answers_may_come_from_a_file(asking):
    shown = asking.run("answer", "s/a").out
    assert shown.startswith("Where does the noise begin?\nLook at spectrum.txt.\n")
    assert "method (one of 'cubic', 'linear', by default \"linear\"): How to interpolate." in shown
    assert shown.endswith("to answer: asimov answer s/a level=...\n")
    assert json.loads(asking.run("answer", "s/a", "--json").out)["name"] == "cut"
    (asking.root / "cut.yaml").write_text("level: 1\nmethod: cubic\n")
    asking.run("answer", "s/a", "-f", asking.root / "cut.yaml", "level=4")
    asking.finish()
    assert (asking.rundir("a") / "result.txt").read_text().endswith("4.0 cubic 10\n")


def test_a_question_is_answered_once(asking):
    asking.run("answer", "s/a", "level=1")
    said = asking.run("answer", "s/a", "level=2", code=1).err
    assert "s/a is not waiting for an answer: it is ready, and 'cut' was answered by " in said
    assert ": {level: 1}" in said
    assert "asimov production set s/a --status restart" in said
    asking.finish()
    assert (asking.rundir("a") / "result.txt").read_text().endswith("1.0 linear 10\n")
    assert "it is uploaded" in asking.run("answer", "s/a", "level=2", code=1).err
    assert (
        "s/b is not waiting for an answer: it is uploaded"
        in asking.run("answer", "s/b", "x=1", code=1).err
    )


def test_a_restart_asks_again(asking):
    asking.run("answer", "s/a", "level=1")
    asking.finish()
    asking.run("production", "set", "s/a", "--status", "restart")
    asking.finish(code=3)
    assert row(asking)["question"]["name"] == "cut"
    asking.run("answer", "s/a", "level=7")
    asking.finish()
    assert (asking.rundir("a") / "result.txt").read_text().endswith("7.0 linear 10\n")


@pytest.mark.parametrize("state", [None, "wait", "manual", "stuck", "uploaded", "restart"])
def test_the_advice_to_be_asked_again_works_in_every_state(asking, state):
    asking.run("answer", "s/a", "level=1")
    if state == "uploaded":
        asking.finish()
    elif state == "restart":
        asking.run("production", "set", "s/a", "--status", "stuck")
    if state in {"wait", "manual", "stuck", "restart"}:
        asking.run("production", "set", "s/a", "--status", state)
    hint = asking.run("answer", "s/a", "level=2", code=1).err.splitlines()[1]
    commands = re.findall(r"asimov (production set s/a --status \w+)", hint)
    assert commands or "starts it over" in hint
    for command in commands:
        asking.run(*command.split())
    asking.finish(code=3)
    assert row(asking)["question"]["name"] == "cut"
    asking.run("answer", "s/a", "level=3")


def test_an_answer_that_the_ledger_gives_too_late_is_noted(asking):
    asking.run("answer", "s/a", "level=2", "method=cubic")
    late = (
        "kind: analysis\nname: a\nsubject: s\npipeline: steps\n"
        "answers: {cut: {level: 9, method: cubic, max_steps: 3}}\n"
    )
    (asking.root / "late.yaml").write_text(late)
    for more in (["--dry-run"], []):
        said = asking.run("apply", "-f", asking.root / "late.yaml", "-U", *more).err
        expected = (
            "late.yaml:5:17: s/a: answers: cut: level: 9 has no effect, as 2 was answered; "
            "a restart forgets what was answered\n"
        )
        assert (said.count("has no effect"), expected in said) == (1, True), said
    shown = asking.run("ledger", "show", "s", "a").out
    assert re.search(r"answers: cut: level +2 +# answered by \w+", shown)
    assert re.search(r"answers: cut: max_steps +3 +# subjects/s.yaml: a", shown)
    asking.finish()
    asking.run("production", "set", "s/a", "--status", "restart")
    asking.finish()
    assert (asking.rundir("a") / "result.txt").read_text().endswith("9.0 cubic 3\n")


def test_what_is_cancelled_is_not_advised_to_ask_again(asking):
    asking.run("answer", "s/a", "level=1")
    asking.run("cancel", "s/a", "--yes")
    assert "production set" not in asking.run("answer", "s/a", "level=2", code=1).err


def test_a_restart_withdraws_an_open_question(asking):
    asking.run("production", "set", "s/a", "--status", "restart")
    asking.run("monitor")
    assert (
        "s/a is not waiting for an answer: it is ready"
        in asking.run("answer", "s/a", "level=1", code=1).err
    )
    asking.finish(code=3)
    assert asking.states()["a"] == "asking"


def test_a_person_may_set_it_aside_or_have_it_ask_again(asking):
    asking.run("production", "set", "s/a", "--status", "wait")
    assert "it is wait" in asking.run("answer", "s/a", "level=1", code=1).err
    asking.run("production", "set", "s/a", "--status", "ready")
    asking.run("monitor", "--chain")
    assert asking.states()["a"] == "asking"
    assert len(asking.attempts("a")) == 1


def killed(lab, where, what):
    """Answer in a process that is killed where it calls a function."""
    child = os.fork()
    if child == 0:
        try:
            setattr(where, what, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            answer(lab.open(), Key("s", "a"), {"level": 1})
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_an_answer_is_recorded_whole_or_not_at_all(asking):
    for where, what in ((Facts, "answer"), (Journal, "note"), (Journal, "set_status")):
        killed(asking, where, what)
        assert asking.states()["a"] == "asking"
        assert asking.run("answer", "s/a").code == 0, "it is still asked"
    killed(asking, lease, "give_back")  # after the commit
    assert asking.states()["a"] == "ready"
    asking.finish()
    assert (asking.rundir("a") / "result.txt").read_text().endswith("1.0 linear 10\n")
    assert len(asking.attempts("a")) == 2


def test_an_answer_waits_for_no_pass_and_is_not_lost_by_what_a_pass_writes(asking):
    key = Key("s", "a")
    monitor = asking.open()
    with closing(monitor.journal), lease.at_work(monitor, "a pass that takes hours"):
        analysis = monitor.analysis(key)
        asking.run("answer", "s/a", "level=1")
        assert asking.states()["a"] == "ready"
        analysis.meta["label"] = "written by a hook"
        monitor.keep(analysis)
        assert not monitor.move(key, "cancelled", "person", "it is seen to have been answered")
    asking.finish()
    assert (asking.rundir("a") / "result.txt").read_text().endswith("1.0 linear 10\n")
    assert asking.open().settings(key)["label"] == "written by a hook"


@pytest.fixture
def at_once(asking, monkeypatch):
    """Answer, and do something else just before that is recorded."""

    def at_once(something, said):
        respell = answering.respelled

        def later(*given):
            monkeypatch.setattr(answering, "respelled", respell)
            something()
            return respell(*given)

        monkeypatch.setattr(answering, "respelled", later)
        with (
            closing((workspace := asking.open()).journal),
            pytest.raises(AsimovError, match=said),
        ):
            answer(workspace, Key("s", "a"), {"level": 1})

    return at_once


def test_of_two_answers_at_once_one_is_taken(asking, at_once):
    at_once(lambda: asking.run("answer", "s/a", "level=2"), "'cut': it was answered meanwhile")
    asking.finish()
    assert (asking.rundir("a") / "result.txt").read_text().endswith("2.0 linear 10\n")


def test_what_was_cancelled_meanwhile_is_not_answered(asking, at_once):
    at_once(lambda: asking.run("cancel", "s/a", "-y"), "'cut': it was moved meanwhile")
    assert asking.states()["a"] == "cancelled"
    assert "answered" not in asking.run("log", "s/a").out


@pytest.mark.parametrize("answer", ["no list", [1], 3])
def test_what_is_no_list_of_questions_makes_the_analysis_stuck(lab, simple, answer):
    class Odd(simple):
        def questions(self):
            return answer

    lab.register("odd", Odd)
    lab.apply("a, pipeline: odd")
    lab.run("monitor", "--chain")
    assert lab.states()["a"] == "stuck"
    assert "questions should return a list of Question" in lab.reason("a")


def test_a_job_that_failed_is_not_asked_about(lab, simple):
    class Asks(simple):
        def questions(self):
            return [CUT] if Path(self.production.rundir, "node.sh").exists() else []

    lab.register("asks", Asks)
    lab.apply("a, pipeline: asks, exit code: 3")
    lab.finish(code=3)
    assert lab.states()["a"] == "stuck"


def test_a_question_that_is_no_longer_asked_is_not_answered(asking, simple):
    asking.register("steps", simple)
    said = asking.run("answer", "s/a", "level=1", code=1).err
    assert "the pipeline of s/a no longer asks 'cut'" in said
    assert asking.states()["a"] == "asking"
