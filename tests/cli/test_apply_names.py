"""``asimov apply`` refuses misspelt names wherever asimov or a stock pipeline owns the name."""

from __future__ import annotations

import pytest
import yaml

from tests.refusals import is_clear, state

START = """\
{kind: subject, name: s}
---
{kind: analysis, name: first, subject: s, pipeline: command}
---
{kind: analysis, name: bilby-1, subject: s, pipeline: command}
---
{kind: analysis, name: other, subject: s, pipeline: simpletestpipeline, colour: red}
"""


def one(keys, pipeline="command"):
    return f"{{kind: analysis, name: new, subject: s, pipeline: {pipeline}, {keys}}}"


#: What is wrong, and what is told.
REFUSED = {
    one("need: [first]"): "s/new (command): need: there is no such setting; did you mean 'needs'?",
    one("executible: x"): "executible: there is no such setting; did you mean 'executable'?",
    one("argumnts: [x]"): "argumnts: there is no such setting; did you mean 'arguments'?",
    one("need: [first]", "simpletestpipeline"): "did you mean 'needs'?",
    one("strategy: {argumnts: [[a]]}"): "did you mean 'arguments'?",
    one("imag: x", "container"): "imag: there is no such setting; did you mean 'image'?",
    one("analysis: [first]"): "analysis: there is no such setting; did you mean 'analyses'?",
    one("needs: [frist]"): "s/new needs 'frist', which does not exist; did you mean 'first'?",
    one("needs: [s/frist]"): (
        "s/new needs 's/frist', which does not exist; did you mean 's/first'?"
    ),
    one("needs: [pipline: command]"): (
        "needs 'pipline: command', which does not exist; did you mean"
    ),
    one("needs: [pipeline: comand]"): (
        "needs 'comand', which does not exist; did you mean 'command'?"
    ),
    one("needs: [status: finishd]"): "there is no state 'finishd'; did you mean 'finished'?",
    one("needs: [status: '!cancled']"): "there is no state 'cancled'; did you mean 'cancelled'?",
    one("needs: [review: aproved]"): "there is no review 'aproved'; did you mean 'approved'?",
    one("needs: [{review.status: rejectd, optional: true}]"): "did you mean 'rejected'?",
    one("scheduler: {request memry: 2 GB}"): "scheduler: request memry: there is no such submit "
    "command; did you mean 'request memory'?",
    one("scheduler: {acounting_group: x}", "simpletestpipeline"): "you mean 'accounting group'?",
    "{kind: subject, name: t, repositry: x}": "subject t: repositry: there is no such setting; did",
    "{kind: subject, name: t, analyss: []}": "did you mean 'analyses'?",
    "{kind: subject, name: t, scheduler: {request_cpu: 2}}": "did you mean 'request cpus'?",
    "{kind: subject, name: t, analyses: [{name: a, pipeline: command, need: [b]}]}": "'needs'?",
    "{kind: subject, name: t, argumnts: 2, analyses: [{name: a, pipeline: command}]}": "argumnts: "
    "there is no such setting; did you mean 'arguments' of command?",
    "{kind: projectanalysis, name: p, pipeline: command, subject: [s]}": "subject: a project "
    "analysis needs 'subjects', a list",
    "{kind: projectanalysis, name: p, pipeline: command, subjects: [s], event: s}": "event: a",
    "{kind: configuration, piplines: {}}": "piplines: there is no such setting; did you mean",
    "{kind: configuration, sheduler: {}}": "did you mean 'scheduler'?",
    "{kind: configuration, executible: x}": "did you mean 'executable'?",
    "{kind: configuration, scheduler: {request memry: 1}}": "did you mean 'request memory'?",
    "{kind: configuration, pipelines: {command: {argumnts: []}}}": "pipelines: command: argumnts: "
    "there is no such setting; did you mean 'arguments'?",
    "{kind: configuration, pipelines: {simpletestpipeline: {schedular: {}}}}": "'scheduler'?",
    "{kind: configuration, pipelines: {command: {scheduler: {request disc: 1}}}}": "request disk",
    "{kind: configuration, hooks: {postmonitr: [x]}}": "'postmonitr' is not a kind of hook; did",
}  # fmt: skip

#: What is as a person wants it, and what is noted.
ACCEPTED = {
    one("needs: [bilby-2]"): "",  # it is yet to come
    one("needs: [later]"): "",
    one("stats: 1, speed: 2, data: 3"): "'stats' is kept as a setting of your own; did you mean "
    "'status'?",
    one("scheduler: {request generation memory: 1, +MyOwn: 2, retry_until: x}"): "",
    one("needs: [{colour: red}]"): "",
    "{kind: subject, name: t, priors: {}, data: 1}": "",
    "{kind: configuration, likelihood: {}, quality: high}": "",
    "{kind: subject, name: t, argmts: 2, analyses: [{name: a, pipeline: command}]}":
    "'argmts' is kept as a setting of your own; did you mean 'arguments' of command?",
}  # fmt: skip


@pytest.fixture
def started(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(START)).code == 0
    return project


def test_a_misspelt_name_is_refused_with_its_place_and_nothing_changes(started, asimov, blueprint):
    file = blueprint("")
    for text, told in REFUSED.items():
        file.write_text(text)
        before = state(started)
        ran = asimov("apply", "-f", file)
        is_clear(ran, f"{file}:1:", told, "--force")
        assert state(started) == before, text


def test_force_takes_every_one_of_them_with_a_note(started, asimov, blueprint):
    for text, told in REFUSED.items():
        ran = asimov("apply", "-f", blueprint(text), "--force", "--dry-run")
        assert ran.code == 0, ran
        assert ran.err.startswith("note: "), ran
        assert told in ran.err


def test_a_name_of_ones_own_is_kept_with_a_note_at_most(started, asimov, blueprint):
    for text, told in ACCEPTED.items():
        ran = asimov("apply", "-f", blueprint(text), "--dry-run")
        assert ran.code == 0, ran
        assert (told in ran.err) if told else "did you mean" not in ran.err, ran


def test_a_state_to_begin_in_that_is_misspelt_is_named(started, asimov, blueprint):
    ran = asimov("apply", "-f", blueprint(one("status: redy")))
    is_clear(ran, "an analysis can't begin as 'redy'; did you mean 'ready'?")


def test_what_a_published_pipeline_reads_is_not_refused(started, quick_shell, blueprint, tmp_path):
    code = "from asimov.pipelines.testing import SimpleTestPipeline\n\n\n"
    code += "class Odd(SimpleTestPipeline):\n    name = 'odd'\n    read = 'schedule'\n"
    described = tmp_path / "packages" / "odd_names-1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-names\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[asimov.pipelines]\nodd = odd_names:Odd\n")
    (described.parent / "odd_names.py").write_text(code)
    theirs = (
        "{kind: subject, name: t, schedule: 1,\n analyses: [{name: a, pipeline: odd, schedule: 2}]}"
    )

    def apply(text):
        command = f"asimov apply -n -f {blueprint(text)}"
        return quick_shell(command, cwd=started, PYTHONPATH=str(described.parent))

    assert apply(theirs).code == 0
    # Of another pipeline it is a slip.
    is_clear(apply(one("schedule: 1")), "did you mean 'scheduler'?")


def test_a_change_of_settings_is_looked_at_as_well(started, asimov, blueprint):
    text = "{kind: analysis, name: first, subject: s, pipeline: command, need: [other]}"
    ran = asimov("apply", "-f", blueprint(text), "--update")
    is_clear(ran, "s/first (command): need: there is no such setting")
    document = yaml.safe_load((started / "ledger/subjects/s.yaml").read_text())
    assert "need" not in document["analyses"][0]
