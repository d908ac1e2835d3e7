"""The pipeline ``command``: any program, with what it is given and what it should make."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asimov.project import config_file
from asimov.project.workspace import Workspace
from tests.odd_words import as_told, odd_words

UNTIL = ("monitor", "--chain", "--until-idle", "--interval", "0.1", "--timeout", "300")
ECHO = """
import json, os, sys
name = sys.argv[1]
json.dump({"arguments": sys.argv[2:], "environment": dict(os.environ)}, open(name, "w"))
"""


class Runs:
    """A project in which commands are run."""

    def __init__(self, root: Path, asimov: Callable[..., Any]) -> None:
        self.root = root
        self.asimov = asimov
        (root / "echo.py").write_text(ECHO)

    def apply(self, *analyses: dict[str, Any]) -> None:
        documents: list[dict[str, Any]] = [{"kind": "subject", "name": "s"}]
        base = {"kind": "analysis", "event": "s", "name": "a", "pipeline": "command"}
        documents += [{**base, **each} for each in analyses]
        path = self.root / "blueprint.yaml"
        path.write_text("\n---\n".join(json.dumps(each) for each in documents))
        ran = self.asimov("apply", "-f", path)
        assert ran.code == 0, ran

    def finish(self, code: int = 0) -> Any:
        ran = self.asimov(*UNTIL)
        assert ran.code == code, ran
        return ran

    def echoed(self, file: str = "out.json", name: str = "a") -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.root / "working" / "s" / name / file).read_text())
        return told

    def row(self, name: str = "a") -> dict[str, Any]:
        rows = json.loads(self.asimov("status", "--json").out)
        return next(row for row in rows if row["name"] == name)


@pytest.fixture
def runs(project: Path, asimov: Callable[..., Any]) -> Runs:
    return Runs(project, asimov)


def echo(*arguments: object, **settings: Any) -> dict[str, Any]:
    given = ["echo.py", "out.json", *arguments]
    return {
        "executable": sys.executable, "arguments": given, "outputs": {"out": "out.json"}, **settings
    }  # fmt: skip


def test_arguments_reach_the_program_as_they_are_written(runs: Runs) -> None:
    arguments = [
        "plain", "two words", "  ", "it's", 'say "x"', "'quoted'", '"', "100%", "$HOME", "$(id)",
        "$ENV(HOME)", "", "a;b|c&d>e", "back\\slash", "\\n", "tab\there", "é", "-x=1", "#no", "*",
    ]  # fmt: skip
    runs.apply(echo(*arguments))
    runs.finish()
    assert runs.echoed()["arguments"] == arguments


def test_long_arguments_are_no_names_of_files(runs: Runs) -> None:
    arguments = ["1," * 300, "a/" * 3000]
    runs.apply(echo(*arguments))
    runs.finish()
    assert runs.echoed()["arguments"] == arguments


def test_numbers_and_booleans_are_written_as_text(runs: Runs) -> None:
    runs.apply(echo(3, 2.5, True))
    runs.finish()
    assert runs.echoed()["arguments"] == ["3", "2.5", "true"]


def test_the_environment_reaches_the_program_as_it_is_written(runs: Runs) -> None:
    environment = {
        "ONE": "two words", "TWO": "it's \"so\"", "THREE": "50% $X $(id)", "FOUR": "", "FIVE": 5,
        "SIX": "{{ name }}", "SEVEN": "a=b;c",
    }  # fmt: skip
    runs.apply(echo(environment=environment))
    runs.finish()
    found = runs.echoed()["environment"]
    expected = {**environment, "FIVE": "5", "SIX": "a"}
    assert {name: found.get(name) for name in expected} == expected
    assert "PYTEST_CURRENT_TEST" not in found
    assert found["PATH"]


def test_arguments_are_templates_with_the_documented_names(runs: Runs) -> None:
    names = ["{{ config_file }}", "{{ rundir }}", "{{ project_root }}", "{{ name }}"]
    names += ["{{ subject.name }}", "{{ meta.speed }}", "{{ analysis.comment }}"]
    runs.apply(echo(*names, speed=3, comment="two words"))
    runs.finish()
    root = runs.root
    config, rundir = root / "checkouts/s/analyses/a.ini", root / "working/s/a"
    assert runs.echoed()["arguments"] == [
        str(config), str(rundir), str(root), "a", "s", "3", "two words",
    ]  # fmt: skip
    # Without a template the configuration holds the settings.
    assert "speed: 3" in config.read_text()


def test_an_argument_that_names_a_file_of_the_project_is_passed_with_its_whole_path(
    runs: Runs,
) -> None:
    (runs.root / "data").mkdir()
    (runs.root / "data" / "a b.csv").write_text("1\n")
    words = ["data/a b.csv", "data/nosuch.csv", "data", "--in=data/a b.csv", "--in=no=1", "a=data"]
    runs.apply(echo(*words))
    runs.finish()
    path = str(runs.root / "data" / "a b.csv")
    assert runs.echoed()["arguments"] == [path, *words[1:3], f"--in={path}", *words[4:]]


def test_assets_of_what_it_needs_are_there_for_arguments(runs: Runs) -> None:
    needing = echo("{{ assets.out }}", name="b", needs=["a"])
    runs.apply(echo(), needing)
    runs.finish()
    assert runs.echoed(name="b")["arguments"] == [str(runs.root / "working/s/a/out.json")]


def test_words_with_macros_of_the_submit_language_reach_the_program(runs: Runs) -> None:
    given = odd_words(300)
    environment = {f"V{number}": word for number, word in enumerate(given)}
    runs.apply(echo(*given, environment=environment))
    runs.finish()
    told = runs.echoed()
    assert told["arguments"] == as_told(given)
    assert {name: told["environment"][name] for name in environment} == dict(
        zip(environment, as_told(given), strict=True)
    )


def test_processes_run_with_their_numbers_and_make_one_file_each(runs: Runs) -> None:
    many = {
        "executable": sys.executable, "processes": 3,
        "arguments": ["echo.py", "parts/$(Process).json", "$(Process)", "$(Proces)"],
        "outputs": {"parts": "parts/$(Process).json"},
    }  # fmt: skip
    runs.apply(many, echo("{{ assets.parts | join(',') }}", name="b", needs=["a"]))
    runs.finish()
    rundir = runs.root / "working/s/a"
    files = [rundir / "parts" / f"{number}.json" for number in range(3)]
    assert [runs.echoed(f"parts/{n}.json")["arguments"] for n in range(3)] == [
        [str(n), "$(Proces)"] for n in range(3)
    ]
    assert runs.echoed(name="b")["arguments"] == [",".join(map(str, files))]
    assert runs.row()["progress"] == "3/3"
    assert {path.name for path in rundir.glob("job.*.err")} == {f"job.{n}.err" for n in range(3)}


def test_one_process_of_several_that_fails_leaves_it_incomplete(runs: Runs) -> None:
    script = 'if [ "$1" = 1 ]; then exit 4; fi; touch $1.txt'
    runs.apply(
        {
            "executable": "sh", "processes": 3, "arguments": ["-c", script, "sh", "$(Process)"],
            "outputs": {"parts": "$(Process).txt"},
        }
    )  # fmt: skip
    runs.finish(code=3)
    assert "1.txt missing" in runs.row()["reason"]


def test_what_an_earlier_attempt_left_does_not_make_a_later_one_complete(runs: Runs) -> None:
    left = runs.root / "working" / "s" / "a" / "out.json"
    left.parent.mkdir(parents=True)
    left.write_text("{}")
    runs.apply({"executable": "true", "outputs": {"out": "out.json"}})
    runs.finish(code=3)
    assert "out.json missing" in runs.row()["reason"]


#: Settings that can't work, and what is said of them.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"executable": None}, "executable: is missing: it names the program to run"),
    (
        {"executable": "no-such-program"},
        "executable: 'no-such-program' is neither on PATH nor a file of the project",
    ),
    ({"executable": "echo.py"}, "executable: 'echo.py' is not executable"),
    ({"outputs": None}, "outputs: is missing: it names the files that show"),
    ({"input files": ["x" * 300]}, f"input files: [0]: '{'x' * 200}...' (300 characters) does not"),
    (
        {"arguments": ["a", "{{ nosuch }}"]},
        "arguments: [1]: '{{ nosuch }}': 'nosuch' is undefined",
    ),
    (
        {"arguments": ["{{ rundri }}/x"]},
        "arguments: [0]: '{{ rundri }}/x': 'rundri' is undefined; did you mean 'rundir'?",
    ),
    ({"arguments": ["{{ name"]}, "arguments: [0]: '{{ name': unexpected end of template"),
    (
        {"arguments": ["{{ name | nosuch }}"]},
        "arguments: [0]: '{{ name | nosuch }}': No filter named 'nosuch'",
    ),
    ({"arguments": ["a\nb"]}, "arguments: [0]: contains a line break, which a job can't pass on"),
    (
        {"environment": {"A": "{{ nosuch }}"}},
        "environment: A: '{{ nosuch }}': 'nosuch' is undefined",
    ),
    ({"environment": {"A": "b\nc"}}, "environment: A: contains a line break"),
    ({"scheduler": {"queue": 2}}, "scheduler: queue: 'queue' is not a submit command"),
    ({"scheduler": {"include : x": "y"}}, "scheduler: include : x: 'include : x' is not a submit"),
    (
        {"scheduler": {"nice user": "a\nb"}},
        "scheduler: nice user: 'nice_user' contains a line break",
    ),
]


def wrong(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**echo(), **settings}.items() if value is not None}


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_settings_that_can_not_work_are_reported_by_apply_and_refused_by_a_build(
    runs: Runs, settings: dict[str, Any], message: str
) -> None:
    (runs.root / "s.yaml").write_text("{kind: subject, name: s}")
    blueprint = {"kind": "analysis", "event": "s", "name": "a", "pipeline": "command"}
    (runs.root / "a.yaml").write_text(json.dumps({**blueprint, **wrong(settings)}))
    applied = runs.asimov("apply", "-f", "s.yaml", "-f", "a.yaml")
    assert applied.code == 0, applied
    (note,) = applied.err.splitlines()
    assert note.startswith("note: a.yaml:1:")
    assert f"s/a can't be built as it is: {message}" in note
    built = runs.asimov("manage", "build")
    assert built.code == 1
    assert message in built.out
    row = runs.row()
    assert (row["status"], row["job_id"]) == ("ready", None)
    assert message in str(row)
    assert not (runs.root / "working" / "s" / "a").exists()
    # Once it is mended it goes on.
    (runs.root / "a.yaml").write_text(json.dumps({**blueprint, **echo(), "processes": 1}))
    file = runs.root / "ledger" / "subjects" / "s.yaml"
    file.write_text(json.dumps({"name": "s", "analyses": [{"name": "a", "pipeline": "command"}]}))
    mended = runs.asimov("apply", "--update", "-f", "a.yaml")
    assert (mended.code, mended.err) == (0, "")
    runs.finish()
    assert runs.row()["status"] == "uploaded"


#: What only another blueprint can mend.
FINAL: list[tuple[dict[str, Any], str]] = [
    ({"outputs": "out.json"}, "outputs: should be a mapping of product names to files"),
    ({"outputs": {"x": "../x"}}, "outputs: x: is outside the run directory"),
    ({"outputs": {"x": "/etc/x"}}, "outputs: x: is outside the run directory"),
    ({"outputs": {"x": ["a", "b"]}}, "outputs: x: should name a file, not ['a', 'b']"),
    ({"outputs": {"x": "d/" + "x" * 256}}, "outputs: x: has a name of more than 255 bytes"),
    ({"processes": 10**10}, "processes: should be at most 100000"),
    ({"arguments": "a b"}, "arguments: should be a list with one item per argument"),
    ({"environment": ["A"]}, "environment: should be a mapping of variables"),
    ({"processes": 0}, "processes: should be a whole number, at least 1, not 0"),
    ({"processes": "two"}, "processes: should be a whole number, at least 1, not 'two'"),
    (
        {"files": "transfr"},
        "files: should be one of auto, shared, transfer, not 'transfr'; did you",
    ),
    ({"seed": -1}, "seed: should be a whole number of at least 0, not -1"),
]


@pytest.mark.parametrize(("settings", "message"), FINAL)
def test_settings_that_can_never_work_are_refused_by_apply_and_by_a_build(
    runs: Runs, settings: dict[str, Any], message: str
) -> None:
    analysis = {"name": "a", "pipeline": "command", **wrong(settings)}
    text = json.dumps({"kind": "subject", "name": "s", "analyses": [analysis]})
    (runs.root / "s.yaml").write_text(text)
    applied = runs.asimov("apply", "-f", "s.yaml")
    assert applied.code == 1
    assert applied.err.startswith("error: s.yaml:1:")
    assert f"s/a (command): {message}" in applied.err
    file = runs.root / "ledger" / "subjects" / "s.yaml"
    assert not file.exists()
    file.write_text(json.dumps({"name": "s", "analyses": [analysis]}))  # by a person
    built = runs.asimov("manage", "build")
    assert built.code == 1
    assert message in built.out
    assert runs.row()["status"] == "ready"


@pytest.mark.parametrize("name", ["nosuch.ini", f"{'x' * 300}.ini"])
def test_a_template_that_no_file_is_is_reported_by_apply_and_refused_by_a_build(
    runs: Runs, name: str
) -> None:
    runs.apply(*({**echo(), "name": each, "template": name} for each in "ab"))
    (note,) = runs.asimov("apply", "-f", "blueprint.yaml").err.splitlines()
    assert "s/a and 1 more can't be built as it is: template: there is no template" in note
    built = runs.asimov("manage", "build")
    assert built.code == 1 and "s/a: there is no template '" in built.out
    assert (runs.row()["status"], runs.row()["job_id"]) == ("ready", None)
    (runs.root / "templates").mkdir(exist_ok=True)
    (runs.root / "templates" / "nosuch.ini").write_text("x = 1")
    file = runs.root / "ledger" / "subjects" / "s.yaml"
    file.write_text(file.read_text().replace(name, "nosuch.ini"))
    assert runs.asimov("manage", "build").code == 0


def test_apply_reports_the_same_fault_of_many_analyses_once(runs: Runs) -> None:
    many = [{**wrong({"executable": "nosuch"}), "name": f"a{number}"} for number in range(3)]
    runs.apply(*many)
    again = runs.asimov("apply", "-f", "blueprint.yaml")
    (note,) = again.err.splitlines()
    assert "s/a0 and 2 more can't be built as it is: executable: 'nosuch'" in note


def test_apply_sees_what_other_layers_of_the_ledger_say(runs: Runs) -> None:
    (runs.root / "ledger" / "project.yaml").write_text(
        "pipelines: {command: {executable: 'true', outputs: {out: out.json}}}\n"
    )
    (runs.root / "a.yaml").write_text(
        "{kind: subject, name: s, analyses: [{name: a, pipeline: command}]}"
    )
    assert runs.asimov("apply", "-f", "a.yaml").err == ""


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"arguments": ["{{ meta.nosuch }}"]}, "'{{ meta.nosuch }}': there is no setting"),
        ({"arguments": ["{{ 'a\nb' }}"]}, "the argument 'a\\nb' contains a line break, which"),
        ({"environment": {"A": "{{ 'b\nc' }}"}}, "the variable 'A=b\\nc' contains a line break"),
    ],
)
def test_settings_that_can_not_work_once_rendered_are_refused_by_each_build_until_mended(
    runs: Runs, settings: dict[str, Any], told: str
) -> None:
    runs.apply(wrong(settings))
    ran = runs.asimov("manage", "build", "submit")
    assert ran.code == 1
    row = runs.row()
    assert (row["status"], row["job_id"]) == ("ready", None)
    (detail,) = row["waiting_for"]
    assert detail.startswith("can't be built: ")
    assert told in detail
    assert runs.asimov("production", "show", "s", "a", "--json").out.count('"uid"') == 0


def test_names_that_need_not_be_defined_are_no_fault(runs: Runs) -> None:
    arguments = [
        "{{ nosuch | default('x') }}", "{% if other is defined %}{{ other }}{% endif %}y",
        "{% set mine = 1 %}{{ mine }}{% for i in range(2) %}{{ loop.index }}{{ i }}{% endfor %}",
    ]  # fmt: skip
    runs.apply(echo(*arguments))
    runs.finish()
    assert runs.echoed()["arguments"] == ["x", "y", "11021"]


def test_the_names_that_a_setting_may_use_are_those_that_it_is_given(runs: Runs) -> None:
    runs.apply(echo())
    workspace = Workspace.open(runs.root)
    assert config_file.names(workspace.analysis(("s", "a"))).keys() == config_file.NAMES
    workspace.journal.close()


def test_a_program_that_goes_between_build_and_submission_submits_nothing(runs: Runs) -> None:
    program = runs.root / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    runs.apply(wrong({"executable": "program"}))
    assert runs.asimov("manage", "build").code == 0
    program.unlink()
    assert runs.asimov("manage", "submit").code == 1
    (detail,) = runs.row()["waiting_for"]
    assert "'program' is neither on PATH nor a file of the project" in detail
    # It can't be submitted as it was built; once mended, it goes on.
    assert "it has not been built" in runs.asimov("manage", "submit").out
    program.write_text("#!/bin/sh\ntouch out.json\n")
    program.chmod(0o755)
    runs.finish()
    assert runs.row()["status"] == "uploaded"


def test_an_executable_of_the_project_goes_before_one_on_the_path(runs: Runs) -> None:
    (runs.root / "sh").write_text("#!/bin/sh\necho mine > out.txt\n")
    (runs.root / "sh").chmod(0o755)
    runs.apply({"executable": "sh", "outputs": {"out": "out.txt"}})
    runs.finish()
    assert (runs.root / "results/s/a/out.txt").read_text() == "mine\n"


def test_a_program_without_a_folder_is_that_of_the_node_where_files_are_transferred(
    runs: Runs,
) -> None:
    runs.asimov("configuration", "update", "scheduler/type", "htcondor")
    each = {"executable": "sort", "arguments": ["echo.py"], "outputs": {"out": "job.out"}}
    runs.apply({**each, "files": "transfer"}, {**each, "name": "b", "files": "shared"})
    assert runs.asimov("manage", "build").code == 0
    printed = runs.asimov("manage", "submit", "--dry-run").out
    assert 'arguments = "sort ../echo.py"' in printed
    assert f"executable = {shutil.which('sort')}" in printed
    # Where a spooling schedd has 'auto' mean a transfer, the same holds.
    runs.asimov("configuration", "update", "condor/spool", "yes")
    runs.apply({**each, "name": "c"})
    assert runs.asimov("manage", "build").code == 0
    printed = runs.asimov("manage", "submit", "--dry-run").out
    assert printed.count('arguments = "sort ../echo.py"') == 2


def test_a_project_says_how_files_travel_a_pipeline_and_an_analysis_overrule_it(
    runs: Runs,
) -> None:
    runs.asimov("configuration", "update", "scheduler/type", "htcondor")
    own = runs.root / "own.yaml"
    sent = {}
    for project, pipeline, analysis in (
        ("transfer", None, None), ("transfer", "shared", None), ("transfer", "shared", "transfer"),
    ):  # fmt: skip
        section = {"files": pipeline} if pipeline else {"refreshable": False}
        document = {"kind": "configuration", "files": project, "pipelines": {"command": section}}
        own.write_text(json.dumps(document))
        assert runs.asimov("apply", "--update", "-f", own).code == 0
        each = {"executable": "sort", "outputs": {"out": "job.out"}}
        runs.apply({**each, "name": "b", "files": analysis} if analysis else each)
        assert runs.asimov("manage", "build").code == 0
        printed = runs.asimov("manage", "submit", "--dry-run").out
        sent[pipeline, analysis] = "should_transfer_files = YES" in printed
    assert sent == {(None, None): True, ("shared", None): False, ("shared", "transfer"): True}


def test_settings_of_the_scheduler_are_submit_commands(runs: Runs) -> None:
    scheduler = {
        "request memory": "512 MB", "request cpus": 1, "accounting group": "physics.test",
        "+Project": '"x"', "want_io_proxy": True, "type": "local",
    }  # fmt: skip
    runs.apply(echo(scheduler=scheduler))
    ran = runs.asimov("manage", "build")
    ran = runs.asimov("manage", "submit", "--dry-run")
    lines = [line.strip() for line in ran.out.splitlines()]
    for line in (
        "request_memory = 512 MB", "request_cpus = 1", "accounting_group = physics.test",
        '+Project = "x"', "want_io_proxy = true", "queue 1",
    ):  # fmt: skip
        assert line in lines
    assert not any(line.startswith("type") for line in lines)
    assert not (runs.root / "working/s/a").exists()
