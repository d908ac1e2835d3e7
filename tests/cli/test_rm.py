"""``asimov rm`` and the commands ``delete``: what goes, what stays, and what is refused."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from asimov.journal.keys import Key
from asimov.project.storage.store import Store
from asimov.project.workspace import Workspace
from tests.conftest import snapshot
from tests.refusals import is_clear, refused

PLAIN = "pipeline: command, executable: /bin/sh, arguments: [-c, echo x > out], outputs: {it: out}"
BLUEPRINT = f"""
{{kind: subject, name: s, x: 1}}
---
{{kind: subject, name: t}}
---
{{kind: analysis, event: s, name: a, {PLAIN}}}
---
{{kind: analysis, event: s, name: b, {PLAIN}, needs: [a]}}
---
{{kind: analysis, event: t, name: c, {PLAIN}}}
---
{{kind: projectanalysis, name: all, {PLAIN}, subjects: [t], analyses: [name: c]}}
"""


@pytest.fixture
def applied(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    return project


def states(asimov) -> dict[str, str]:
    rows = json.loads(asimov("status", "--json").out)
    rows = rows["analyses"] if isinstance(rows, dict) else rows
    return {f"{row['subject']}/{row['name']}": row["status"] for row in rows}


def run_to_the_end(asimov) -> None:
    ran = asimov("monitor", "--chain", "--until-idle", "--interval", "0.2")
    assert ran.code == 0, ran


def test_what_others_need_stays_unless_forced(applied, asimov):
    refused(asimov, applied, ["rm", "s/a", "--yes"], "s/b (needs s/a)", "--force")
    refused(asimov, applied, ["rm", "t", "--yes"], "project-analyses/all (needs t/c)")
    ran = asimov("rm", "s/a", "--yes", "--force")
    assert ran.code == 0, ran
    assert "note: s/b needs s/a" in ran.err
    assert "s/a" not in states(asimov)


def test_it_asks_first(applied, asimov):
    ran = refused(asimov, applied, ["rm", "s/b"], "not confirmed: remove 1 analysis", "--yes")
    assert "  s/b (ready)\n" in ran.err
    refused(asimov, applied, ["rm"], "select analyses", code=2)


def test_the_layout_of_the_file_stays(applied, asimov):
    file = applied / "ledger/subjects/s.yaml"
    file.write_text(
        "# ours\nname:  s   # the sun\nx: 1\n\nanalyses:\n# the first\n- name: a # keep\n"
        "  pipeline: command\n\n# the second\n- name: b\n  needs: [a] # because\n"
        "  pipeline: command\n# the third\n- {name: c, pipeline: command}\n# the end\n"
    )
    assert asimov("rm", "s", "b", "--yes").code == 0
    assert file.read_text() == (
        "# ours\nname:  s   # the sun\nx: 1\n\nanalyses:\n# the first\n- name: a # keep\n"
        "  pipeline: command\n\n# the third\n- {name: c, pipeline: command}\n# the end\n"
    )
    assert asimov("rm", "s/*", "--yes").code == 0
    assert file.read_text().startswith("# ours\nname:  s   # the sun\nx: 1\n\n")
    assert "analyses" not in file.read_text()
    assert asimov("event", "show", "s").code == 0


def test_a_whole_subject_goes_by_its_plain_name(applied, asimov):
    ran = asimov("rm", "s", "--yes", "-m", "not needed")
    assert ran.out == (
        "  subject s\n  s/a (ready)\n  s/b (ready)\n"
        "Removed 1 subject with 2 analyses; 'asimov ledger undo' brings it back\n"
    )
    assert not (applied / "ledger/subjects/s.yaml").exists()
    assert states(asimov).keys() == {"t/c", "project-analyses/all"}
    assert "removed  [root]: not needed" in asimov("log", "s", "a").out
    assert "not needed" in asimov("log", "s", "a").out
    assert asimov("status").err == ""  # nobody is warned about what is gone on purpose
    assert asimov("rm", "t/c", "--yes", "--force").code == 0
    for words in (["why", "t/c"], ["production", "show", "t", "c"]):
        refused(asimov, applied, words, "t/c was removed", "'asimov ledger undo 3' brings it back")


def test_production_delete_and_event_delete(applied, asimov):
    assert asimov("production", "delete", "s", "b", "--yes").code == 0
    assert asimov("production", "delete", "project-analyses/all", "-y").code == 0
    assert not (applied / "ledger/analyses/all.yaml").exists()
    assert asimov("event", "delete", "t", "--yes").code == 0
    assert states(asimov).keys() == {"s/a"}
    refused(asimov, applied, ["event", "delete", "ss", "-y"], "did you mean 's'?")


def test_one_with_a_job_stays_until_the_job_is_stopped(project, asimov, blueprint):
    text = "kind: subject\nname: s\nanalyses:\n- {name: long, pipeline: command, executable: "
    assert (
        asimov(
            "apply", "-f", blueprint(text + "/bin/sleep, arguments: ['900'], outputs: {o: o}}\n")
        ).code
        == 0
    )
    assert asimov("manage", "build", "submit").code == 0
    ledger = snapshot(project / "ledger")
    ran = asimov("rm", "s/long", "-y")  # the job starts meanwhile, so more than this may change
    is_clear(ran, "s/long (job 1)", "--stop cancels them first")
    assert snapshot(project / "ledger") == ledger
    assert Workspace.open(project).journal.open_attempts()
    ran = asimov("rm", "s/long", "-y", "--stop")
    assert ran.code == 0, ran
    assert "s/long (running, job 1 is cancelled)" in ran.out
    workspace = Workspace.open(project)
    assert not workspace.journal.open_attempts()
    assert [each.state for each in workspace.journal.attempts(Key("s", "long"))] == ["ended"]


def test_results_stay_and_one_that_is_added_again_starts_fresh(applied, asimov, blueprint):
    run_to_the_end(asimov)
    assert set(states(asimov).values()) == {"uploaded"}
    Workspace.open(applied).review(Key("s", "b"), "good", "approved", "ada")
    ran = asimov("rm", "s/b", "--yes")
    assert "  kept: working/s/b\n" in ran.out
    assert "Kept: 2 folders with what they ran and made\n" in ran.out
    assert (applied / "working/s/b/out").exists()
    assert (applied / "results/s/b/out").exists()

    # Undo brings it back as it was.
    ran = asimov("ledger", "undo", "-m", "a mistake")
    assert "s/b is uploaded again\n" in ran.out
    assert states(asimov)["s/b"] == "uploaded"
    assert "approved" in asimov("review", "status", "s", "b").out

    # To add it again begins a new life.
    assert asimov("rm", "s/b", "--yes").code == 0
    rehearsed = asimov("apply", "-n", "-f", blueprint(BLUEPRINT))
    ran = asimov("apply", "-f", blueprint(BLUEPRINT))
    for said in (rehearsed, ran):
        assert "note: s/b was removed before and starts fresh; it was uploaded; " in said.err
        assert "its run directory is kept as working/s/b.superseded-1; " in said.err
        assert "its results are kept in results/s/b/superseded-1\n" in said.err
    assert states(asimov)["s/b"] == "ready"
    assert (applied / "working/s/b.superseded-1/out").exists()
    assert (applied / "results/s/b/superseded-1/out").exists()
    assert not (applied / "working/s/b").exists()
    assert "approved" not in asimov("review", "status", "s", "b").out
    run_to_the_end(asimov)
    assert (applied / "results/s/b/out").exists()

    # With --results, everything goes for good.
    plan = asimov("rm", "s/b", "--results", "--dry-run").out
    assert "DELETED for good: working/s/b.superseded-1\n" in plan
    assert plan.endswith("Nothing was removed\n")
    assert (applied / "working/s/b").exists()
    assert asimov("rm", "s/b", "--results", "--yes").code == 0
    assert not list((applied / "working/s").glob("b*"))
    assert not (applied / "results/s/b").exists()
    assert not list(Store(applied / "results").objects.unused())
    assert "s/b starts fresh: its files were deleted\n" in asimov("ledger", "undo").out
    assert states(asimov)["s/b"] == "ready"


def test_forgotten_by_hand_and_applied_again_starts_fresh_too(applied, asimov, blueprint):
    workspace = Workspace.open(applied)
    workspace.journal.set_status(Key("t", "c"), "ready", "stuck", "test", None)
    workspace.journal.close()
    Path("ledger/subjects/t.yaml").unlink()
    assert asimov("production", "forget", "t").code == 0
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    assert states(asimov)["t/c"] == "ready"


def test_a_file_that_only_disappeared_comes_back_with_its_states(applied, asimov, blueprint):
    workspace = Workspace.open(applied)
    workspace.journal.set_status(Key("t", "c"), "ready", "stuck", "test", None)
    workspace.journal.close()
    Path("ledger/subjects/t.yaml").unlink()
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    assert states(asimov)["t/c"] == "stuck"
    is_clear(asimov("rm", "t/d", "-y"), "t has no analysis 'd'")


def test_what_was_removed_is_named_with_what_brings_it_back(applied, asimov, blueprint):
    ran = asimov("rm", "s/b", "--yes", "--results")
    assert "'asimov ledger undo' brings back the entries, not what they ran and made" in ran.out
    # The subject, for every command that names it, and as long as it is away.
    assert "brings it back\n" in asimov("rm", "s", "--yes").out
    number = asimov("ledger", "history").out.splitlines()[-2].partition(" ")[0]
    for words in (["status", "s"], ["why", "s/a"], ["rm", "s"], ["mv", "s", "u"], ["log", "s/x"]):
        ran = asimov(*words)
        assert ran.code in {0, 1} and f"asimov ledger undo {number}' brings it back" in ran.err, ran
    asimov("ledger", "undo")
    assert "removed" not in asimov("status", "s/nothing").err
    assert asimov("status", "project-analyses").code == 0
    asimov("rm", "project-analyses/all", "--yes")
    ran = asimov("status", "project-analyses")
    assert ran.out.startswith("No analyses of project-analyses yet; ")


def test_why_it_could_not_be_built_goes_with_it(applied, asimov, blueprint):
    path = blueprint(
        "{kind: analysis, event: t, name: d, pipeline: command, executable: /bin/echo, "
        "arguments: ['{{ meta.nothing }}'], outputs: {x: y}}"
    )
    assert asimov("apply", "-f", path).code == 0

    def known() -> list[tuple[str, ...]]:
        with closing(Workspace.open(applied).journal) as journal:
            assert not journal.rows("SELECT * FROM properties WHERE key LIKE '%refused%'")
            return journal.rows("SELECT subject, name FROM refusals")

    asimov("manage", "build")
    assert known() == [("t", "d")]
    assert "nothing" in asimov("why", "t/d").out
    assert asimov("mv", "t/d", "t/e").code == 0
    assert known() == [("t", "e")]
    assert asimov("rm", "t/e", "--yes").code == 0
    path.write_text(path.read_text().replace("name: d", "name: e"))
    assert asimov("apply", "-f", path).code == 0
    assert known() == [], "it starts fresh"
