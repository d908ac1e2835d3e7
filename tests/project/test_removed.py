"""Analyses that the journal knows and the ledger lacks: no command lets them go without a word."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from asimov import cli
from asimov.engine.lease import at_work
from asimov.journal.keys import Key
from asimov.ledger.layout import file_of
from asimov.project.removed import unlisted
from asimov.project.workspace import Workspace

BLUEPRINT = """
{kind: subject, name: s, data: {file: x.csv}}
---
{kind: analysis, event: s, name: a, pipeline: simpletestpipeline}
---
{kind: analysis, event: s, name: b, pipeline: simpletestpipeline, comment: "two words"}
---
{kind: analysis, event: s, name: c, pipeline: simpletestpipeline, needs: [a, b]}
---
{kind: projectanalysis, name: p, pipeline: projecttestpipeline, subjects: [s], analyses: [a]}
"""
#: Of the warning, which stands in front of whatever else is said.
WARNING = "WARNING: {} that the journal knows {} missing from the ledger:"


@pytest.fixture
def ledger(project: Path, asimov: Any, blueprint: Callable[..., Path]) -> Path:
    assert asimov("apply", "-f", blueprint(BLUEPRINT)).code == 0
    return project / "ledger"


def cut(ledger: Path) -> str:
    """Cut the subject's file so that it still parses and lacks c; return the whole text."""
    path = ledger / "subjects" / "s.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("- name: c\n")])
    return text


COMMANDS = [
    ("status",), ("status", "--json"), ("monitor",), ("monitor", "--dry-run"), ("log",),
    ("manage", "build", "submit"), ("apply", "-f", "blueprint.yaml"), ("why", "s", "a"),
    ("production", "show", "s", "a"), ("event", "show", "s"), ("ledger", "show", "s", "a"),
    ("report", "status"), ("report", "html"), ("review", "status"),
    ("monitor", "--chain", "--until-idle", "--timeout", "300"), ("stop",),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_warns_once(asimov: Any, ledger: Path, command: tuple[str, ...]) -> None:
    cut(ledger)
    said = asimov(*command)
    assert said.err.count("WARNING") == 1, said
    assert said.err.startswith(WARNING.format("1 analysis", "is"))
    assert "restore ledger/subjects/s.yaml from git or a backup" in said.err
    assert "asimov production forget SUBJECT/NAME" in said.err
    assert "WARNING" not in said.out
    if "--json" in command:
        json.loads(said.out)


#: The other commands that read the ledger, each with arguments.
OTHERS = {
    "logs": ["s/a"], "diff": ["s/a"], "provenance": ["s/a"], "package": ["s/a"], "answer": ["s/a"],
    "rerun": ["--outdated", "--dry-run"], "mv": ["s/a", "s/z", "--dry-run"],
    "rm": ["s/a", "--dry-run"], "clean": ["--dry-run"], "store": ["verify"], "notify": ["list"],
    "cancel": ["s/a", "--yes"],
}  # fmt: skip
#: Commands that do not read the ledger, and those that go on until they are stopped.
_WITHOUT_LEDGER = {"init", "configuration", "project", "vocabulary", "plugins", "completion"}
_LASTING = {"start", "serve", "top"}


def test_the_other_commands_warn_once_too(asimov: Any, ledger: Path) -> None:
    cut(ledger)
    said = {command: asimov(command, *words).err for command, words in OTHERS.items()}
    assert not {command: err for command, err in said.items() if err.count("WARNING") != 1}


def test_no_command_is_left_out() -> None:
    tried = {words[0] for words in COMMANDS} | OTHERS.keys()
    assert tried | _WITHOUT_LEDGER | _LASTING == cli.COMMANDS.keys()


def test_nothing_is_said_while_all_is_there(asimov: Any, ledger: Path) -> None:
    text = cut(ledger)
    assert "s/c" in asimov("status").err
    (ledger / "subjects" / "s.yaml").write_text(text)
    assert asimov("status").err == ""


@pytest.mark.parametrize("command", [("monitor",), ("apply", "-f", "other.yaml")], ids=" ".join)
def test_apply_and_monitor_list_all_with_states_and_jobs(
    asimov: Any, ledger: Path, blueprint: Callable[..., Path], command: tuple[str, ...]
) -> None:
    blueprint("{kind: subject, name: other}", "other.yaml")
    asimov("manage", "build", "submit")
    asimov("production", "set", "s", "c", "--status", "wait")
    # The job of a DAG's node may come before it.
    job = json.loads(asimov("production", "show", "s", "b", "--json").out)["job_id"]
    for path in ledger.glob("*/*.yaml"):
        path.unlink()
    said = asimov(*command).err.splitlines()
    assert said[0] == WARNING.format("4 analyses", "are")
    assert sorted(said[1:5]) == [
        "  project-analyses/p: ready", "  s/a: running, job 1", f"  s/b: running, job {job}",
        "  s/c: wait",
    ]  # fmt: skip
    assert said[5] == (
        "  restore ledger/analyses/p.yaml, ledger/subjects/s.yaml from git or a backup"
    )


def test_a_short_warning_names_the_first(asimov: Any, project: Path) -> None:
    listed = ", ".join(f"{{name: a{n}, pipeline: command}}" for n in range(9))
    (project / "t.yaml").write_text(f"{{kind: subject, name: t, analyses: [{listed}]}}\n")
    asimov("apply", "-f", "t.yaml")
    (project / "ledger/subjects/t.yaml").unlink()
    line = asimov("log").err.splitlines()[0]
    assert line == f"{WARNING.format('9 analyses', 'are')} t/a0, t/a1, t/a2, t/a3, t/a4 and others"


def test_status_and_the_report_show_them_as_the_journal_knows_them(
    asimov: Any, ledger: Path
) -> None:
    before = {row["name"]: row for row in json.loads(asimov("status", "--json").out)}
    cut(ledger)
    for subject in ([], ["s"]):
        rows = {row["name"]: row for row in json.loads(asimov("status", *subject, "--json").out)}
        assert rows["c"].keys() == before["c"].keys()
        assert (rows["c"]["status"], rows["c"]["reason"]) == ("ready", "added by asimov apply")
        assert rows["c"]["waiting_for"] == ["it is missing from ledger/subjects/s.yaml"]
    assert rows.keys() == {"a", "b", "c"}
    assert "it is missing from ledger/subjects/s.yaml" in asimov("status").out
    asimov("report", "html")
    pages = [path.read_text() for path in (ledger.parent / "pages").rglob("*.html")]
    assert any("it is missing from" in page for page in pages)
    (ledger / "subjects" / "s.yaml").unlink()
    assert {row["name"] for row in json.loads(asimov("status", "s", "--json").out)} == set("abc")
    (ledger / "analyses" / "p.yaml").unlink()
    (row,) = json.loads(asimov("status", "project-analyses", "--json").out)
    assert row["name"] == "p"


def test_whoever_names_one_is_told_that_the_journal_knows_it(asimov: Any, ledger: Path) -> None:
    cut(ledger)
    said = asimov("why", "s", "c")
    assert said.code == 1
    assert "s/c is missing from the ledger, but the journal has it as ready" in said.err
    assert "restore ledger/subjects/s.yaml" in said.err
    assert "new -> ready" in asimov("log", "s", "c").out


def test_what_is_applied_again_is_as_it_was(asimov: Any, ledger: Path) -> None:
    asimov("production", "set", "s", "c", "--status", "wait")
    cut(ledger)
    said = asimov("apply", "-f", "blueprint.yaml")
    assert "add    analysis s/c" in said.out
    said = asimov("status", "--json")
    assert said.err == ""
    assert {row["name"]: row["status"] for row in json.loads(said.out)}["c"] == "wait"


def test_what_is_removed_on_purpose_is_forgotten_and_keeps_its_history(
    asimov: Any, ledger: Path
) -> None:
    text = cut(ledger)
    said = asimov("production", "forget", "s", "c", "--reason", "not needed")
    assert said.code == 0
    assert "s/c: forgotten" in said.out
    said = asimov("status")
    assert said.err == ""
    assert "s/c " not in said.out
    log = asimov("log", "s", "c")
    assert "new -> ready" in log.out
    assert "forgotten" in log.out
    assert "not needed" in log.out
    assert "is already forgotten" in asimov("production", "forget", "s", "c").err
    # Once it is back it is as it was, and its next removal is news.
    path = ledger / "subjects" / "s.yaml"
    path.write_text(text)
    assert "s/c " in asimov("status").out
    asimov("monitor")
    cut(ledger)
    assert "s/c" in asimov("status").err
    path.unlink()
    assert asimov("production", "forget", "s").out.count("forgotten") == 3
    assert asimov("status").err == ""


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a"], "s/a is still in the ledger"),
        (["nosuch"], "there is no analysis s/nosuch, now or earlier"),
        (["c", "a"], "s/a is still in the ledger"),
        ([], "there is no analysis of s to forget"),
    ],
)
def test_only_what_is_missing_can_be_forgotten(
    asimov: Any, ledger: Path, names: list[str], words: str
) -> None:
    if names:
        cut(ledger)
    said = asimov("production", "forget", "s", *names)
    assert said.code == 1
    assert words in said.err
    assert not names or "s/c" in asimov("status").err


def test_nothing_is_forgotten_while_a_pass_may_still_submit_it(ledger: Path) -> None:
    workspace = Workspace.open()
    command = [sys.executable, "-m", "asimov", "production", "forget", "s", "c"]
    with closing(workspace.journal), at_work(workspace, "a pass"):
        cut(ledger)
        forgetting = subprocess.Popen(command)
        with pytest.raises(subprocess.TimeoutExpired):
            forgetting.wait(1.5)
        workspace.journal.intend(Key("s", "c"), "c-1", "run", "local")
    assert forgetting.wait(300) == 1
    workspace = Workspace.open(reading=True)
    with closing(workspace.journal):
        assert [str(each.key) for each in unlisted(workspace)] == ["s/c"]


def test_what_has_a_job_or_can_not_be_read_is_not_forgotten(asimov: Any, ledger: Path) -> None:
    asimov("manage", "build", "submit")
    path = ledger / "subjects" / "s.yaml"
    text = path.read_text()
    path.write_text("name: s\nanalyses: [")
    said = asimov("production", "forget", "s", "a")
    assert said.code == 1
    assert "WARNING" not in said.err
    assert "s.yaml:" in said.err
    path.write_text(text[: text.index("analyses:")])
    said = asimov("production", "forget", "s", "a")
    assert said.code == 1
    assert "s/a has a job that may still be running" in said.err


def test_a_monitor_that_goes_on_tells_of_a_ledger_that_is_cut_meanwhile(
    asimov: Any, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asimov.engine import watch

    real = watch.run_pass
    passes: list[int] = []

    def pass_and_cut(*arguments: Any, **named: Any) -> Any:
        passes.append(1)
        if len(passes) == 1:
            cut(ledger)
        return real(*arguments, **named)

    monkeypatch.setattr(watch, "run_pass", pass_and_cut)
    said = asimov("monitor", "--watch", "--interval", "0.1", "--timeout", "2")
    assert len(passes) > 2
    assert said.out.count("WARNING") == 1
    assert "  s/c: ready" in said.out


def test_no_analysis_goes_missing_without_a_warning_wherever_a_file_is_cut(
    asimov: Any, ledger: Path
) -> None:
    """Every ledger file cut behind every line, and within it."""
    known = {("s", "a"), ("s", "b"), ("s", "c"), ("project-analyses", "p")}
    for path in sorted(ledger.glob("*/*.yaml")):
        text = path.read_text()
        ends = {n for n, sign in enumerate(text) if sign == "\n"}
        for end in sorted({0, *ends, *(n + 1 for n in ends), *range(3, len(text), 11)}):
            path.write_text(text[:end])
            with closing((opened := Workspace.open(ledger.parent)).journal):
                there = set(opened.contents.entries)
                broken = {key for key in known if file_of(key) in opened.contents.broken}
                missing = {record.key for record in unlisted(opened)}
                assert there | broken | missing == known, (path, end)
                assert not missing & (there | broken)
            said = asimov("status") if end in ends else None
            assert said is None or said.err or there == known
        path.write_text(text)


def test_the_comparison_asks_the_journal_nothing_while_all_is_there(ledger: Path) -> None:
    with closing((opened := Workspace.open(ledger.parent)).journal):
        assert unlisted(opened) == []
        statements: list[str] = []
        opened.journal._db.set_trace_callback(statements.append)
        unlisted(opened)
        assert statements == []  # what is in memory is enough


def test_yaml_that_is_cut_may_well_parse(ledger: Path) -> None:
    cut(ledger)
    assert len(yaml.safe_load((ledger / "subjects" / "s.yaml").read_text())["analyses"]) == 2


WITH_SETTINGS = """
{kind: configuration, y: 1}
---
{kind: subject, name: s, x: 1}
---
{kind: analysis, event: s, name: a, pipeline: command, executable: /bin/true}
"""
#: Commands that open the ledger, in various ways.
OPENING = (
    ["status"], ["why", "s/b"], ["log"], ["monitor"], ["event", "show"], ["ledger", "show"],
    ["ledger", "history"], ["review", "status"], ["manage", "build", "--dry-run"],
    ["report", "status"], ["clean", "--dry-run"], ["rerun", "--outdated", "--dry-run"],
    ["store", "verify"], ["manage", "results"], ["mv", "s/b", "s/c", "--dry-run"],
    ["rm", "s/b", "--dry-run"], ["ledger", "undo", "--dry-run"],
)  # fmt: skip


def test_files_and_keys_that_disappear_are_reported_by_every_command(project, asimov, blueprint):
    asimov("apply", "-f", blueprint(WITH_SETTINGS))
    subject, settings = project / "ledger/subjects/s.yaml", project / "ledger/project.yaml"
    kept, kept_settings = subject.read_text(), settings.read_text()
    subject.write_text("name: s\nx: 1\n")  # without its key analyses
    for command in OPENING:
        ran = asimov(*command)
        assert "WARNING: 1 analysis that the journal knows is missing" in ran.err, (command, ran)
    subject.write_text(kept)
    subject.parent.rename(project / "elsewhere")
    assert "missing from the ledger: s/a\n" in asimov("status").err
    (project / "elsewhere").rename(subject.parent)

    settings.write_text("# nothing\n")
    for command in OPENING:
        ran = asimov(*command)
        said = "WARNING: ledger/project.yaml is empty; change 1 of the ledger's history left"
        assert said in ran.err, (command, ran)
    settings.write_text("kind: configuration\n")
    assert asimov("status").err == ""
    settings.unlink()
    for command in OPENING:
        ran = asimov(*command)
        assert (ran.code, "error: ledger/project.yaml: is missing" in ran.err) == (1, True), ran
    settings.write_text(kept_settings)
    assert asimov("status").err == ""


@pytest.mark.parametrize("left", [None, "", "name: [s"])
def test_a_monitor_is_not_done_while_unfinished_analyses_are_missing(
    asimov: Any, ledger: Path, left: str | None
) -> None:
    path = ledger / "subjects" / "s.yaml"
    (ledger / "analyses" / "p.yaml").unlink()
    assert asimov("production", "forget", "project-analyses", "p").code == 0
    if left is None:
        path.unlink()
    else:
        path.write_text(left)
    ran = asimov("monitor", "--until-idle", "--timeout", "300")
    assert ran.code == 3, ran
    assert "there are no analyses in the ledger\n" in ran.out
    if left is None:
        assert "some are missing from the ledger: 'asimov status' shows them\n" in ran.out
        assert asimov("production", "forget", "s").code == 0
        assert asimov("monitor", "--until-idle", "--timeout", "300").code == 0


def test_finished_analyses_that_are_missing_hold_up_no_script(asimov: Any, ledger: Path) -> None:
    for name, state in (("a", "wait"), ("b", "wait"), ("c", "cancelled")):
        assert asimov("production", "set", "s", name, "--status", state).code == 0
    (ledger / "analyses" / "p.yaml").unlink()
    assert asimov("production", "forget", "project-analyses", "p").code == 0
    cut(ledger)
    assert asimov("monitor", "--until-idle", "--timeout", "300").code == 0


def test_nobody_is_advised_to_delete_an_emptied_file(asimov: Any, ledger: Path) -> None:
    (ledger / "subjects" / "s.yaml").write_text("")
    said = asimov("status").err
    assert "ledger/subjects/s.yaml: is empty" in said
    assert "restore it from git or a backup ('asimov ledger history' lists what" in said
    shown = asimov("ledger", "history", "--diff").out
    assert "name: b" in shown
