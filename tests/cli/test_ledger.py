"""``asimov ledger``."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from asimov.project.workspace import Workspace
from tests.refusals import refused, state

TEXT = (
    "kind: configuration\nq: {a: 1, b: 1, c: 1, d: 1, e: 1}\npipelines: {command: {q: {b: 2}}}\n"
    "---\nkind: subject\nname: s\nq: {c: 3}\nanalyses:\n- {name: a, pipeline: command, q: {d: 4}}\n"
)


def apply(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(TEXT)).code == 0
    workspace = Workspace.open(project)
    workspace.journal.set_facts(("s", ""), {"f": 5})
    workspace.journal.set_facts(("s", "a"), {"q": {"e": 6}})
    workspace.journal.close()


def test_show_says_of_every_value_where_it_is_from(project, asimov, blueprint):
    apply(project, asimov, blueprint)
    before = state(project)
    assert asimov("ledger", "show", "s", "a").out.splitlines() == [
        "s/a (command)",
        "  q: a  1  # project.yaml",
        "  q: b  2  # project.yaml: pipelines: command",
        "  q: c  3  # subjects/s.yaml",
        "  q: d  4  # subjects/s.yaml: a",
        "  q: e  6  # written by pipelines to a",
        "  f     5  # written by pipelines to s",
    ]
    (told,) = json.loads(asimov("ledger", "show", "--json").out)
    assert told["settings"] == {"q": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 6}, "f": 5}
    assert told["from"]["q: e"] == "written by pipelines to a"
    assert state(project) == before


def test_a_typo(project, asimov, blueprint):
    apply(project, asimov, blueprint)
    refused(asimov, project, ["ledger", "show", "ss"], "no subject 'ss'; did you mean 's'?")
    refused(asimov, project, ["ledger", "show", "s", "aa"], "no analysis 'aa'; did you mean 'a'?")


def test_the_schema_is_printed_anywhere_and_names_every_kind(tmp_path, asimov, monkeypatch):
    monkeypatch.chdir(tmp_path)
    schema = json.loads(asimov("ledger", "schema").out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    shapes = [schema["$defs"][each["$ref"].rpartition("/")[2]] for each in schema["anyOf"]]
    kinds = {kind for shape in shapes for kind in shape["properties"]["kind"]["enum"]}
    assert kinds == {
        "subject", "event", "analysis", "projectanalysis", "analysisbundle", "configuration",
        "postprocessing",
    }  # fmt: skip
    assert all("kind" in shape["required"] for shape in shapes)


def test_the_examples_have_the_shape_that_the_schema_describes(asimov):
    schema = json.loads(asimov("ledger", "schema").out)
    files = Path(__file__).parents[2].glob("ledger-examples/*/blueprints/*.yaml")
    documents = [d for file in files for d in yaml.safe_load_all(file.read_text())]
    assert len(documents) > 20
    shapes = {}
    for each in schema["anyOf"]:
        shape = schema["$defs"][each["$ref"].rpartition("/")[2]]
        shapes.update(dict.fromkeys(shape["properties"]["kind"]["enum"], shape))
    types = {"string": str, "array": list, "object": dict, "boolean": bool, "null": type(None)}
    for document in documents:
        shape = shapes[document["kind"]]
        assert set(shape["required"]) <= set(document)
        for key, value in document.items():
            wanted = shape["properties"].get(key, {})
            options = [each["type"] for each in wanted.get("anyOf", [wanted]) if "type" in each]
            assert not options or isinstance(value, tuple(types[each] for each in options))


# --- repair


def test_a_lost_journal_is_an_error_of_every_command_that_needs_it(project, asimov, blueprint):
    apply(project, asimov, blueprint)
    (project / ".asimov" / "journal.db").unlink()
    for command in (["status"], ["monitor", "--chain"], ["manage", "build"], ["log"]):
        ran = asimov(*command)
        assert ran.code == 1
        assert ran.err.startswith(f"error: {project}/.asimov/journal.db: the project's journal is")
        assert "asimov ledger repair" in ran.err
        assert len(ran.err.splitlines()) == 2
    assert not (project / ".asimov" / "journal.db").exists()
    told = asimov("ledger", "repair", "--dry-run")
    assert told.code == 0
    assert "  s/a: wait: the journal was lost, and nothing shows that it ever ran" in told.out
    assert "what pipelines wrote to analyses and subjects" in told.out
    assert told.out.endswith("Nothing was changed\n")
    assert not (project / ".asimov" / "journal.db").exists()
    assert asimov("ledger", "repair", "--ready").code == 0
    assert [row["status"] for row in json.loads(asimov("status", "--json").out)] == ["ready"]


def test_a_project_from_before_that_was_noted_goes_on_and_misses_its_journal(
    project, asimov, blueprint
):
    conf = project / ".asimov" / "asimov.conf"
    text = conf.read_text()
    assert "journal = .asimov/journal.db\n" in text
    conf.write_text(text.replace("journal = .asimov/journal.db\n", ""))
    (project / ".asimov" / "journal.db").unlink()
    assert asimov("status").code == 0  # nobody has worked in it yet
    apply(project, asimov, blueprint)
    assert asimov("status").code == 0
    (project / ".asimov" / "journal.db").unlink()
    assert "journal is missing" in asimov("status").err


def test_a_copy_without_the_programs_own_folder_is_told_what_to_do(project, asimov, blueprint):
    apply(project, asimov, blueprint)
    (project / ".asimov").rename(project.parent / "away")
    ran = asimov("status")
    assert ran.code == 1
    assert "there is a ledger here, but no project" in ran.err
    assert "asimov init NAME" in ran.err
    assert asimov("init", "A copy", "--scheduler", "local").code == 0
    assert [row["status"] for row in json.loads(asimov("status", "--json").out)] == ["ready"]


def test_repair_outside_a_project(tmp_path, asimov, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = asimov("ledger", "repair")
    assert (ran.code, ran.err.count("\n")) == (1, 2)
    assert "is not in an asimov project" in ran.err
