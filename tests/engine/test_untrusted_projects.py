"""A project that somebody else has made runs nothing while it is built, whatever is in it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from asimov.errors import AsimovError
from asimov.project.git.repository import EventRepo
from asimov.rendering.access import reads
from asimov.scheduler.htcondor import HTCondor
from asimov.scheduler.jobs import JobDescription, submit_command, submit_commands
from tests.lab import Lab

#: Each of them ran a program, or printed what it should not, before there was a sandbox.
PAYLOADS = """
{{ cycler.__init__.__globals__.os.system('touch CANARY') }}
{{ joiner.__init__.__globals__.os.system('touch CANARY') }}
{{ namespace.__init__.__globals__.os.system('touch CANARY') }}
{{ lipsum.__globals__['os'].system('touch CANARY') }}
{{ lipsum|attr('__globals__')|attr('get')('os')|attr('system')('touch CANARY') }}
{{ self.__init__.__globals__.__builtins__.__import__('os').system('touch CANARY') }}
{{ self._TemplateReference__context.environment }}
{{ pipeline.__class__.__init__.__globals__['__builtins__']['open']('CANARY', 'w') }}
{{ pipeline.scheduler.submit('job.sub') }}
{{ production.workspace.journal }}
{{ production.set_meta('a', 1) }}
{{ production.meta.update({'a': 1}) }}
{{ production.make_config('CANARY') }}
{{ production.event.repository.add_file('/etc/passwd', 'CANARY') }}
{{ subject.workspace.project.config.write }}
{{ config.read('/etc/passwd') }}
{{ config.set('a', 'b', 'c') }}
{{ config._sections }}
{{ ''.__class__.__mro__[1].__subclasses__() }}
{{ ''['__class__'] }}
{{ [''] | map('attr', '__class__') | list }}
{{ '{0.__class__.__init__.__globals__}'.format(pipeline) }}
{{ '{a.__class__}'.format_map({'a': 1}) }}
{{ ''.join.__self__.__class__ }}
{{ (1).__class__ }}
{% for x in [1] %}{{ loop.__class__ }}{% endfor %}
{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}
{% macro n() %}{{ caller._environment }}{% endmacro %}{% call n() %}{% endcall %}
{% set x %}a{% endset %}{{ x.__class__ }}
{{ nosuch.__init__.__globals__ }}
{{ range(3).__class__ }}
{% include '/etc/passwd' %}
{% import '/etc/passwd' as p %}
""".strip().splitlines()

#: What is rendered of the pipeline `command`, and how it is told.
SETTINGS = {"argument": "arguments[0]", "environment": "environment: A"}


def test_known_ways_out_are_closed_each_in_one_line(lab: Lab) -> None:
    """Through the commands, as templates of both dialects and as arguments."""
    (lab.root / "templates").mkdir(exist_ok=True)
    analyses = []
    for number, payload in enumerate(PAYLOADS):
        for kind, text in (("jinja", payload), ("liquid", "{% assign x = 1 %}" + payload)):
            (lab.root / "templates" / f"{kind}{number}.ini").write_text(f"\n{text}")
            analyses.append(f"{kind}{number}, template: {kind}{number}.ini")
        given = "pipeline: command, executable: sh, outputs: {o: o}"
        analyses.append(f"argument{number}, {given}, arguments: [{json.dumps(payload)}]")
        analyses.append(f"environment{number}, {given}, environment: {{A: {json.dumps(payload)}}}")
    lab.apply(*analyses)
    before = {path for path in lab.root.rglob("*") if ".git" not in path.parts}
    refused: dict[str, str] = {}
    # Nothing can be built, so a submission has nothing to render.
    for *command, code in (["build", "--dry-run", 1], ["build", 1], ["submit", "--dry-run", 0]):
        ran = lab.run("manage", *command, code=code)
        assert "Traceback" not in ran.out + ran.err
        told = dict(each.split(": ", 1) for each in ran.out.splitlines() if each.startswith("s/"))
        for number, payload in enumerate(PAYLOADS):
            if command[0] == "build":
                for kind in ("jinja", "liquid"):
                    assert f"{kind}{number}.ini" in told[f"s/{kind}{number}"], (payload, ran.out)
        refused |= told
    # All of it is refused by the build, as is what the objects that it is rendered with lead to.
    for number, payload in enumerate(PAYLOADS):
        for kind, setting in (("argument", "arguments"), ("environment", "environment")):
            name = f"{kind}{number}"
            assert f"subjects/s.yaml: {name}: {setting}" in refused[f"s/{name}"], payload
    made = {path for path in lab.root.rglob("*") if ".git" not in path.parts} - before
    assert not [path for path in made if "CANARY" in path.name or path.is_relative_to("jinja")]
    assert not Path("CANARY").exists()


@pytest.mark.parametrize("wanted", ["../secret.ini", "{0}/secret.ini", "linked.ini"])
def test_a_blueprint_names_no_template_from_elsewhere(lab: Any, wanted: str) -> None:
    secret = lab.root.parent / "secret.ini"
    secret.write_text("secret")
    (lab.root / "linked.ini").symlink_to(secret)
    lab.apply(f"a, template: '{wanted.format(lab.root.parent)}'")
    told = lab.run("manage", "build", code=1).out
    assert "is outside the project" in told, told
    assert "templating/directory" in told
    assert not lab.config("a").exists()
    lab.run("configuration", "update", "templating/directory", str(lab.root.parent))
    lab.run("manage", "build")
    assert lab.config("a").read_text() == "secret"


# --- templates of published packages that a project has copied

COPIED = """
{%- if production.event.repository -%}
{%- assign repo_dir = production.event.repository.directory -%}
{%- endif -%}
{%- assign data = production.meta['data'] -%}
{%- assign ifos = production.meta['interferometers'] %}
files = {% if data['data files'].size > 0 %}some{% else %}None{% endif %}
channels = { {% for ifo in ifos %}{{ifo}}:{{data['channels'][ifo]}},{% endfor %} }
psds = {{ production.psds }} {{ production.get_psds() }} {{ production.quality }}
prior = {{ pipeline.get_prior_interface() }} {{ production.priors }} {{ production.priors.default }}
mass = {{ production.priors['mass 1'].minimum }} {{ production.priors.get('x', 3) }}
user = {{ config['general']['webroot'] }} {{ config.get('general', 'rundir_default') }}
frame = {{ production.reference_frame }} {{ production.rundir }} {{ production.category }}
event = {{ production.event.name }} {{ production.subject.meta['event time'] }} {{ subject }}
work = {{ production.event.work_dir }} {{ production.event.webdir }} {{ production.job_id }}
label = {{ production.name + ".npz" }} {{ production.get_meta('event time') }} {{ production }}
review = {{ production.review.status }} {{ production.status }} {{ production.finished }}
found = {{ production.event.repository.find_prods(production.name, production.category) }}
needs = {{ production.dependencies }} {{ production._previous_assets() }} {{ production.comment }}
all = {{ production.event.productions }} {{ pipeline.name }} {{ production.pipeline.category }}
"""

EVENT = """
kind: event
name: s
interferometers: [H1, L1]
event time: 1126259462.4
data: {channels: {H1: a, L1: b}, segment length: 4}
priors: {default: P, mass 1: {minimum: 1, maximum: 2}}
psds: {H1: a.dat}
---
{kind: analysis, event: s, name: a, pipeline: published, comment: c}
---
{kind: analysis, event: s, name: b, pipeline: published, comment: c, template: copied}
"""


def test_a_copy_in_a_project_renders_as_the_package_s_template_does(lab: Any, simple: Any) -> None:
    package = lab.root.parent / "package"
    package.mkdir()
    (package / "published.ini").write_text(COPIED)
    (lab.root / "templates").mkdir(exist_ok=True)
    (lab.root / "templates" / "copied.ini").write_text(COPIED)
    template = {"config_template": str(package / "published.ini")}
    lab.register("published", type("Published", (simple,), template))
    (lab.root / "b.yaml").write_text(EVENT)
    lab.run("apply", "-f", "b.yaml")
    lab.run("manage", "build")
    names = {"a.npz": "b.npz", "s/a>": "s/b>", "/s/a ": "/s/b ", "/a.ini": "/b.ini"}
    expected = lab.config("a").read_text()
    first, sign, rest = expected.partition("\nall = ")
    for old, new in names.items():
        first = first.replace(old, new)
    assert lab.config("b").read_text() == first + sign + rest
    assert "mass = 1 3\n" in first


def test_a_package_opens_a_method_to_templates_of_projects(lab: Any, simple: Any) -> None:
    given = {"flags": lambda self, *of: list(of), "for_templates": reads("flags")}
    lab.register("open", type("Open", (simple,), given))
    (lab.root / "t.ini").write_text("{{ pipeline.flags('x', 2) }} {{ pipeline.dag_file.name }}")
    lab.apply("a, pipeline: open, template: t.ini")
    lab.run("manage", "build")
    assert lab.config("a").read_text() == "['x', 2] a.dag"


def test_reading_makes_no_folder_and_fetches_nothing(lab: Any) -> None:
    (lab.root / "t.ini").write_text("{{ production.event.work_dir }}")
    lab.apply("a, template: t.ini")
    lab.run("manage", "build")
    assert lab.config("a").read_text() == str(lab.root / "working" / "s")
    assert not (lab.root / "working" / "s").exists()


# --- other languages that settings reach

STRANGE = [
    "include : /bin/touch CANARY |",
    "include\t: /bin/touch CANARY |",
    "x\nqueue",
    "x = 1\nexecutable",
    "queue",
    "if",
    "x y\tz",
    "",
    "$(x)",
    "a=b",
    "#a",
]


@pytest.mark.parametrize("key", STRANGE)
def test_a_setting_of_the_scheduler_is_one_command(key: str) -> None:
    with pytest.raises(AsimovError, match="is not a submit command") as raised:
        submit_command(key)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("value", ["1\nqueue 3", "1\rqueue", "1\n", "1\\", "a\u2028b", "1\x0bq"])
def test_the_value_of_a_submit_command_stays_on_its_line(value: str) -> None:
    fault = "ends with a backslash" if value.endswith("\\") else "contains a line break"
    with pytest.raises(AsimovError, match=f"'request_memory' {fault}"):
        submit_commands({"request memory": value})


@pytest.mark.parametrize("value", [["60"], ("60",), {"a": 1}])
def test_a_list_is_not_taken_for_the_text_of_a_submit_command(value: object) -> None:
    with pytest.raises(AsimovError, match="the submit command arguments should be text, not"):
        JobDescription("/bin/sleep", arguments=value).commands()


def test_submit_commands_are_named_as_before() -> None:
    given = {"request memory": "1 GB", "+Own": '"x"', "My.Own": 1, "cpus": 2, "gone": None}
    assert submit_commands(given) == {
        "request_memory": "1 GB", "+Own": '"x"', "My.Own": "1", "request_cpus": "2",
    }  # fmt: skip


@pytest.mark.parametrize("pipeline", ["command", "simpletestpipeline"])
@pytest.mark.parametrize(
    "entry",
    [
        {"include : /bin/touch CANARY |": "x"},
        {"request memory": "1\nqueue"},
        {"requirements": "1\nqueue"},
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_no_submit_file_is_written_with_them(
    lab: Lab, pipeline: str, entry: dict[str, str], when: str
) -> None:
    """Written into the ledger by hand, before it is built or after."""
    rest = "executable: sh, outputs: {o: o}" if pipeline == "command" else "seconds: 0"
    lab.apply(f"a, pipeline: {pipeline}, {rest}")
    if when == "after":
        lab.run("manage", "build")
    lab.write_by_hand("a", scheduler=entry)
    # The pipeline 'command' is refused when it is built, and the request whatever the pipeline.
    at_build = pipeline == "command" or "request memory" in entry
    if when == "before":
        lab.run("manage", "build", code=int(at_build))
        lab.run("manage", "submit", code=int(not at_build))
    else:
        assert "have changed since it was built" in lab.run("manage", "submit").out
    assert not list(lab.root.rglob("*.sub"))
    assert not list((lab.root / ".asimov" / "local").rglob("*.db"))
    assert not Path("CANARY").exists()


@pytest.mark.parametrize("force", [False, True])
def test_a_request_that_is_more_than_that_does_not_reach_the_ledger(lab: Lab, force: bool) -> None:
    path = lab.root / "b.yaml"
    path.write_text(
        "{kind: subject, name: s}\n---\n{kind: analysis, event: s, name: a, pipeline: "
        'simpletestpipeline, scheduler: {"request memory": "1\\nqueue"}}\n'
    )
    ran = lab.run("apply", "-f", path, *["--force"] * force, code=1)
    assert "scheduler: request memory: should be a size" in ran.err
    assert not lab.rows()


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c touch% CANARY", "--upload-pack=touch CANARY", "-cx", "fd::17", "::x", "ftp://h/x",
     "EXT::sh"],
)  # fmt: skip
def test_a_repository_s_address_runs_no_program(tmp_path: Path, url: str) -> None:
    repository = EventRepo(tmp_path / "clone", url=url)
    with pytest.raises(AsimovError, match="is not the address of a repository"):
        repository.ensure()
    assert not (tmp_path / "clone").exists()


def test_no_monitor_that_a_repository_names_is_asked(tmp_path: Path) -> None:
    repository = EventRepo(tmp_path / "s", tmp_path)
    _ = repository.repository
    canary = tmp_path / "CANARY"
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {canary}\n")
    script.chmod(0o755)
    with repository.repository.config_writer() as config:
        config.set_value("core", "fsmonitor", str(script))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.ini").write_text("x")
    assert repository.commit([tmp_path / "s" / "a.ini"], "one")
    assert not canary.exists()


def test_no_hook_of_a_repository_runs(tmp_path: Path) -> None:
    repository = EventRepo(tmp_path / "s", tmp_path)
    hooks = Path(repository.repository.git_dir) / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-commit", "post-index-change", "pre-commit", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/CANARY\n")
        (hooks / name).chmod(0o755)
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.ini").write_text("x")
    assert repository.commit([tmp_path / "s" / "a.ini"], "one")
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.parametrize(
    "place", ["templates/shared", ".", "..", "/", "ledger", ".asimov", "results", "{other}"]
)
def test_a_repository_is_no_part_of_the_project_nor_a_folder_of_other_files(
    lab: Lab, tmp_path: Path, place: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").touch()
    (lab.root / "templates" / "shared").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", lab.root / "templates" / "shared"], check=True)
    (lab.root / "t.yaml").write_text(
        f"{{kind: subject, name: t, repository: '{place.format(other=other)}'}}\n---\n"
        "{kind: analysis, event: t, name: b, pipeline: simpletestpipeline}\n"
    )
    lab.run("apply", "-f", "t.yaml")
    ran = lab.run("manage", "build", code=1)
    assert "can't be the repository of a subject" in ran.out
    assert lab.states() == {"b": "ready"}
    assert not (other / ".git").exists()
    assert not (lab.root / "ledger" / ".git").exists()


def test_a_report_shows_what_people_wrote_as_text(lab: Lab) -> None:
    evil = "</td><script>evil()</script>"
    review = json.dumps({"status": "approved", "messages": [{"message": evil, "by": evil}]})
    labels = json.dumps({"by": evil})
    lab.apply(
        f"a, comment: {json.dumps(evil)}, review: {review}, labels: {labels}",
        "b, needs: [a]",
    )
    lab.write_by_hand("a", labels={evil: evil, "by": evil})  # a blueprint may not name one so
    lab.run("report", "html")
    pages = list((lab.root / "pages").rglob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text()
        assert "<script>evil" not in text, page
    shown = {page.name for page in pages if "&lt;script&gt;evil()" in page.read_text()}
    assert shown == {"index.html", "subject-s.html", "analysis-s!a.html"}


@pytest.mark.parametrize("command", ["arguments", "My.Attribute", "requirements"])
def test_no_line_break_reaches_htcondor_s_own_language(tmp_path: Path, command: str) -> None:
    canary = tmp_path / "CANARY"
    job = JobDescription("/bin/true", **{command: f"1\ninclude : /bin/touch {canary} |"})
    with pytest.raises(AsimovError, match=f"{command!r} contains a line break"):
        HTCondor().submit(job)
    dag = tmp_path / "a.dag"
    dag.write_text(f"JOB a {tmp_path}/a.sub\n")
    (tmp_path / "a.sub").write_text("executable = /bin/true\nqueue\n")
    with pytest.raises(AsimovError, match=f"{command!r} contains a line break"):
        HTCondor().submit_dag(dag, **{command: f"1\ninclude : /bin/touch {canary} |"})
    assert not canary.exists()
