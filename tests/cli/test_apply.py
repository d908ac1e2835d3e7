"""``asimov apply``: what it takes, and everything that it refuses."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import snapshot
from tests.ports import kept_port
from tests.refusals import is_clear, refused, state

SUBJECT = "kind: subject\nname: s\n"
ANALYSIS = "kind: analysis\nname: a\nsubject: s\npipeline: command\n"
INSTALLED = "installed: command, "


def analysis(extra: str = "", name: str = "a", pipeline: str = "command") -> str:
    return f"---\nkind: analysis\nname: {name}\nsubject: s\npipeline: {pipeline}\n{extra}"


#: What is in the file (after a good subject, whose two lines come first), what is said, where.
REFUSED = {
    "unknown kind": ("---\nkind: analyis\n", "no kind 'analyis'; did you mean 'analysis'?", 4),
    "kind that is a list": ("---\nkind: [a]\n", "there is no kind ['a']", 4),
    "no kind": ("---\nname: b\n", "the document has no 'kind'", 4),
    "not a mapping": ("---\n- a\n- b\n", "a blueprint should be a mapping with a 'kind'", 4),
    "plain text": ("---\njust words\n", "a blueprint should be a mapping with a 'kind'", 4),
    "no name": ("---\nkind: analysis\nsubject: s\npipeline: command\n", "'name' is missing", 4),
    "no pipeline": ("---\nkind: analysis\nsubject: s\nname: a\n", "'pipeline' is missing", 4),
    "name is a number": (analysis(name="2020"), "name: should be text, not a whole number", 5),
    "name is a date": (analysis(name="[1]"), "name: should be text, not a list", 5),
    "name leaves its folder": (analysis(name="../x"), "'../x' can't be a name", 5),
    "name with a folder": (analysis(name="a/b"), "'a/b' can't be a name", 5),
    "absolute name": (analysis(name="/x"), "'/x' can't be a name", 5),
    "hidden name": (analysis(name=".x"), "'.x' can't be a name", 5),
    "name like an option": (analysis(name="-x"), "'-x' can't be a name", 5),
    "empty name": (analysis(name='""'), "'' can't be a name", 5),
    "name with a line in it": (analysis(name='"a\\nb"'), "can't be a name", 5),
    "name of a kept run": (
        analysis(name="x.superseded-1"),
        "ends in '.superseded-1', which asimov reserves for folders",
        5,
    ),
    "name of an unsubmitted run": (
        analysis(name="x.unsubmitted"),
        "ends in '.unsubmitted', which asimov reserves for folders",
        5,
    ),
    "long name": (analysis(name="x" * 300), "xxx...' (300 characters) can't be a name", 5),
    "reserved name": ("---\nkind: subject\nname: project-analyses\n", "is reserved by asimov", 5),
    "bad subject name": ("---\nkind: event\nname: a/b\n", "'a/b' can't be a name", 5),
    "unknown pipeline": (analysis(pipeline="comand"), "there is no pipeline 'comand'; did you", 7),
    "pipeline is a number": (analysis(pipeline="5"), "pipeline: should be text", 7),
    "unknown subject": (
        "---\nkind: analysis\nname: a\nsubject: ss\npipeline: command\n",
        "there is no subject 'ss'; did you mean 's'?",
        6,
    ),
    "unknown event": (
        "---\nkind: analysis\nname: a\nevent: q\npipeline: command\n",
        "there is no subject 'q'",
        6,
    ),
    "two words for two subjects": (
        analysis("event: t\n"),
        "'event' and 'subject' mean the same, but have different values",
        8,
    ),
    "no subject": ("---\nkind: analysis\nname: a\npipeline: command\n", "names no subject", 5),
    "two of one name": (analysis() + analysis(), "two analyses s/a (the first at FILE:5:1)", 10),
    "two subjects of one name": (
        "---\nkind: subject\nname: s\nx: 1\n",
        "there are two subjects 's' (the first at FILE:2:1)",
        5,
    ),
    "a cycle of two": (
        analysis("needs: [b]\n") + analysis("needs: [a]\n", name="b"),
        "needs form a cycle: s/a needs s/b needs s/a",
        8,
    ),
    "a cycle of three": (
        analysis("needs: [b]\n")
        + analysis("needs: [c]\n", name="b")
        + analysis("needs: [a]\n", name="c"),
        "s/a needs s/b needs s/c needs s/a",
        8,
    ),
    "a cycle across subjects": (
        "---\nkind: subject\nname: t\n"
        + analysis("needs: [t/b]\n")
        + "---\nkind: analysis\nname: b\nsubject: t\npipeline: command\nneeds: [s/a]\n",
        "s/a needs t/b needs s/a",
        11,
    ),
    "a cycle of project analyses": (
        "---\nkind: projectanalysis\nname: p\npipeline: command\n"
        "needs: [project-analyses/q]\n"
        "---\nkind: projectanalysis\nname: q\npipeline: command\n"
        "needs: [project-analyses/p]\n",
        "needs form a cycle",
        7,
    ),
    "needs is text": (analysis("needs: b\n"), "needs: should be a list, not text", 8),
    "a need is a number": (analysis("needs: [b, 5]\n"), "needs: should be text or a mapping", 8),
    "a need is empty": (analysis("needs:\n- {}\n"), "an item of 'needs' is empty", 9),
    "a need's value is a list": (analysis("needs:\n- x: [1]\n"), "should be text or a number", 9),
    "optional is text": (
        analysis("needs:\n- {x: y, optional: 'no'}\n"),
        "optional should be true or false, not 'no'",
        9,
    ),
    "a need with an unquoted sign": (analysis("needs:\n- !b\n"), "quotes around text that", 9),
    "labels is a number": (analysis("labels: 5\n"), "labels: should be a mapping or a list", 8),
    "scheduler is text": (analysis("scheduler: x\n"), "scheduler: should be a mapping, not ", 8),
    "template is a list": (analysis("template: [x]\n"), "template: should be text, not ", 8),
    "refreshable is text": (analysis("refreshable: x\n"), "should be true or false", 8),
    "first state unknown": (analysis("status: redy\n"), "can't begin as 'redy'", 8),
    "first state with a job": (analysis("status: running\n"), "can't begin as 'running'", 8),
    "a key is a number": (analysis("1: x\n"), "the key 1 should be text", 8),
    "strategy is a list": (analysis("strategy: [1]\n"), "strategy: should be a mapping", 8),
    "strategy of text": (analysis("strategy: {x: y}\n"), "strategy: x: should be a list", 8),
    "strategy without values": (analysis("strategy: {x: []}\n"), "no values for 'x'", 8),
    "strategy without a field": (
        analysis("strategy: {x: [1, 2]}\n"),
        "the strategy gives several analyses the same name",
        8,
    ),
    "strategy with another field": (
        analysis("strategy: {x: [1, 2]}\n", name="'a{y}'"),
        "the name contains {y}, which the strategy does not vary",
        8,
    ),
    "strategy of names": (
        analysis("strategy: {name: [b, c]}\n", name="'a{name}'"),
        "a strategy can't vary 'name'",
        8,
    ),
    "strategy of unknown pipelines": (
        analysis("strategy: {pipeline: [command, comand]}\n", name="'a{pipeline}'"),
        "there is no pipeline 'comand'",
        7,
    ),
    "strategy of wrong types": (
        analysis("strategy: {needs: [b, c]}\n", name="'a{needs}'"),
        "needs: should be a list, not text",
        8,
    ),
    "strategy too large": (
        analysis("strategy: {" + ", ".join(f"x{i}: [1,2,3,4,5,6,7,8]" for i in range(9)) + "}\n"),
        "the strategy makes 134217728 analyses",
        8,
    ),
    "strategy into a name": (
        analysis("strategy: {x: [a/b, c]}\n", name="'a{x}'"),
        "'aa/b' can't be a name",
        5,
    ),
    "broken YAML": ("---\nkind: [subject\nname: b\n", "is not valid YAML", 5),
    "a tab": ("---\nkind: subject\n\tname: b\n", "YAML is indented with spaces", 5),
    "wrong indent": ("---\nkind: subject\n  name: b\n", "is not valid YAML", 5),
    "a Python tag": (
        "---\nkind: subject\nname: b\nx: !!python/object/apply:os.system [echo]\n",
        "python/object/apply:os.system is not allowed",
        6,
    ),
    "a key twice": ("---\nkind: subject\nname: b\nname: c\n", "'name' is given twice", 6),
    "an alias in itself": (
        "---\nkind: subject\nname: b\nx: &x [*x]\n",
        "contains an alias that refers to itself",
        None,
    ),
    "deep nesting": ("---\nkind: subject\nname: b\nx: " + "[" * 99999, "100 levels deep", 6),
    "a wrong whole number": ("---\nkind: subject\nname: b\nx: !!int y\n", "read as int", 6),
    "a NUL": ("---\nkind: subject\nname: b\nx: \0\n", "the character U+0000", 6),
    "an inline analysis without a pipeline": (
        "---\nkind: subject\nname: b\nanalyses:\n- name: x\n",
        "analyses: 'pipeline' is missing",
        7,
    ),
    "an inline analysis in the older form": (
        "---\nkind: event\nname: b\nproductions:\n- x:\n    pipeline: comand\n",
        "there is no pipeline 'comand'",
        8,
    ),
    "inline analyses that are a mapping": (
        "---\nkind: event\nname: b\nproductions: {x: {pipeline: command}}\n",
        "productions: should be a list",
        6,
    ),
    "settings of an unknown pipeline": (
        "---\nkind: configuration\npipelines:\n  comand: {}\n",
        "there is no pipeline 'comand'",
        6,
    ),
    "settings of a pipeline that are text": (
        "---\nkind: configuration\npipelines: {command: x}\n",
        "pipelines: command: should be a mapping, not text",
        5,
    ),
    "hooks that are text": ("---\nkind: configuration\nhooks: x\n", "hooks: should be a", 5),
    "postprocessing of an unknown subject": (
        "---\nkind: postprocessing\nevent: q\npostprocessing: {}\n",
        "there is no subject 'q'",
        5,
    ),
    "postprocessing that is a list": (
        "---\nkind: postprocessing\npostprocessing: [x]\n",
        "postprocessing: should be a mapping",
        5,
    ),
    "a project analysis of an unknown subject": (
        "---\nkind: projectanalysis\nname: p\npipeline: command\nsubjects: [s, q]\n",
        "there is no subject 'q'",
        7,
    ),
    "a project analysis of one subject as text": (
        "---\nkind: projectanalysis\nname: p\npipeline: command\nsubjects: s\n",
        "subjects: should be a list",
        7,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_bad_document_and_nothing_is_written(project, asimov, blueprint, case):
    text, said, line = REFUSED[case]
    file = blueprint(SUBJECT + text)
    where = f"{file}:{line}:" if line else f"{file}:"
    refused(
        asimov, project, ["apply", "-f", file], f"error: {where}", said.replace("FILE", str(file))
    )
    refused(asimov, project, ["apply", "-n", "-f", file], f"error: {where}")


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (
            analysis("x: 1\n"),
            "s/a is already in the ledger, with different settings: x: 1 (added)",
            3,
        ),
        (
            "---\nkind: subject\nname: s\nx: 1\n",
            "'s' is already in the ledger, with different settings: x: 1 (added)",
            3,
        ),
        (
            analysis("needs: [b]\n", name="c") + analysis("needs: [c]\n", name="b"),
            "form a cycle",
            6,
        ),
        (
            "---\nkind: subject\nname: s\nanalyses:\n- {name: a, pipeline: command, x: 1}\n",
            "s/a",
            5,
        ),
    ],
)
def test_what_disagrees_with_the_ledger_is_refused(project, asimov, blueprint, text, said, line):
    assert asimov("apply", "-f", blueprint(SUBJECT + "---\n" + ANALYSIS)).code == 0
    file = blueprint(text)
    refused(asimov, project, ["apply", "-f", file], f"error: {file}:{line}:", said)


def test_a_cycle_is_found_between_a_new_analysis_and_the_ledger(project, asimov, blueprint):
    first = SUBJECT + analysis("needs: [b]\n") + analysis("needs: [c]\n", name="b")
    assert asimov("apply", "-f", blueprint(first)).code == 0
    file = blueprint(analysis("needs: [a]\n", name="c"))
    refused(asimov, project, ["apply", "-f", file], f"{file}:6:", "needs form a cycle")


def test_a_change_of_settings_that_makes_a_cycle_is_refused(project, asimov, blueprint):
    text = SUBJECT + analysis("needs: [x: go]\n") + analysis("needs: [a]\n", name="b")
    assert asimov("apply", "-f", blueprint(text)).code == 0
    file = blueprint("kind: subject\nname: s\nx: go\n")
    refused(asimov, project, ["apply", "-U", "-f", file], "needs form a cycle")


def test_a_cycle_that_somebody_edited_in_stops_nothing_apart(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(SUBJECT + "---\nkind: subject\nname: t\n")).code == 0
    (project / "ledger/subjects/t.yaml").write_text(
        "name: t\nanalyses:\n- {name: x, pipeline: command, needs: [y]}\n"
        "- {name: y, pipeline: command, needs: [x]}\n"
    )
    ran = asimov("apply", "-f", blueprint(analysis()))
    assert ran.code == 0, ran
    assert "needs form a cycle: x needs y needs x" in asimov("status").out


class TestSources:
    def test_no_such_file_names_the_nearest(self, project, asimov, blueprint):
        blueprint(SUBJECT, "blueprints.yaml")
        refused(
            asimov, project, ["apply", "-f", "blueprint.yml"],
            "error: blueprint.yml: can't be read: No such file", "did you mean blueprints.yaml?",
        )  # fmt: skip

    def test_no_such_folder(self, project, asimov):
        refused(asimov, project, ["apply", "-f", "no/such.yaml"], "no/such.yaml: can't be read")

    def test_a_directory(self, project, asimov):
        refused(asimov, project, ["apply", "-f", "ledger"], "ledger: can't be read: Is a directory")

    def test_a_binary_file(self, project, asimov):
        (project / "b.yaml").write_bytes(bytes(range(128, 256)))
        refused(asimov, project, ["apply", "-f", "b.yaml"], "b.yaml: is not UTF-8 text")

    @pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "---\n---\n", "null\n"])
    def test_an_empty_file_is_nothing_to_apply(self, project, asimov, blueprint, text):
        asimov("status")
        file, before = blueprint(text), state(project)
        ran = asimov("apply", "-f", file)
        assert (ran.code, ran.out) == (0, f"Nothing to apply: no documents in {file}\n")
        assert state(project)[1] == before[1]

    def test_a_server_that_refuses(self, project, asimov):
        with kept_port() as port:
            url = f"http://127.0.0.1:{port}/b.yaml"
            refused(
                asimov, project, ["apply", "-f", url],
                f"error: {url}: can't be fetched: Connection refused",
            )  # fmt: skip

    @pytest.mark.parametrize("url", ["http://[", "http://localhost:x/", "file:///no/such/file"])
    def test_a_url_that_is_none(self, project, asimov, url):
        refused(asimov, project, ["apply", "-f", url], f"error: {url}: can't be fetched: ")

    def test_a_file_url_is_read(self, project, asimov, blueprint):
        assert asimov("apply", "-f", blueprint(SUBJECT).as_uri()).code == 0

    def test_standard_input(self, project, asimov, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SUBJECT.encode())))
        assert asimov("apply", "-f", "-").out == "add    subject s\nDone: 1 added\n"

    def test_a_mistake_on_standard_input_has_its_line(self, project, asimov, monkeypatch):
        text = (SUBJECT + "x: [").encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        refused(asimov, project, ["apply", "-f", "-"], "error: -:4:1:", "is not valid YAML")

    def test_several_files_are_one_change(self, project, asimov, blueprint):
        good, bad = blueprint(SUBJECT, "1.yaml"), blueprint(analysis(name="/"), "2.yaml")
        refused(asimov, project, ["apply", "-f", good, "-f", bad], f"{bad}:3:")
        bad.write_text(analysis())
        assert asimov("apply", "-f", bad, "-f", good).code == 0  # in any order

    def test_windows_line_ends_and_a_byte_order_mark(self, project, asimov):
        text = "\ufeff" + (SUBJECT + "---\n" + ANALYSIS).replace("\n", "\r\n")
        (project / "b.yaml").write_bytes(text.encode())
        assert asimov("apply", "-f", "b.yaml").out.endswith("Done: 2 added\n")

    def test_no_file_at_all_is_a_mistake_of_use(self, project, asimov):
        is_clear(asimov("apply"), "Missing option '-f'", code=2)


class TestPlan:
    TEXT = (
        "kind: configuration\nquality: {a: 1}\n---\n"
        "kind: event\nname: s\nproductions:\n- one:\n    pipeline: command\n    needs: []\n"
        "- {name: two, pipeline: command, status: complete}\n---\n"
        "kind: postprocessing\nsubject: s\npostprocessing: {tool: {x: 1}}\n---\n"
        "kind: postprocessing\nname: tool\ny: 2\n---\n"
        "kind: analysis\nname: 'three-{w.x}'\npipeline: command\nstrategy: {w.x: [1, 2]}\n---\n"
        "kind: projectanalysis\nname: all\npipeline: command\nanalyses: [one]\n"
    )

    def test_a_dry_run_prints_the_plan_and_changes_nothing(self, project, asimov, blueprint):
        asimov("status")
        file = blueprint(self.TEXT)
        before = state(project)
        ran = asimov("apply", "-n", "-f", file, "-e", "s")
        assert ran.code == 0, ran
        assert ran.out.splitlines() == [
            "add    configuration",
            "add    subject s",
            "add    analysis s/one",
            "add    analysis s/two",
            "update postprocessing of s",
            "       postprocessing: tool: x: 1 (added)",
            "update postprocessing of s",
            "       postprocessing: tool: y: 2 (added)",
            "add    analysis s/three-1",
            "add    analysis s/three-2",
            "add    analysis project-analyses/all",
            "Would be: 7 added, 2 updated",
        ]
        assert state(project) == before

    def test_the_ledger_then_holds_it(self, project, asimov, blueprint):
        assert asimov("apply", "-f", blueprint(self.TEXT), "-e", "s").code == 0
        ledger = project / "ledger"
        assert yaml.safe_load((ledger / "project.yaml").read_text()) == {
            "quality": {"a": 1},
        }
        subject = yaml.safe_load((ledger / "subjects/s.yaml").read_text())
        assert subject["postprocessing"] == {"tool": {"x": 1, "y": 2}}
        assert [each["name"] for each in subject["analyses"]] == [
            "one",
            "two",
            "three-1",
            "three-2",
        ]
        assert subject["analyses"][3]["w"] == {"x": 2}
        assert (ledger / "analyses/all.yaml").exists()
        status = asimov("report", "status").out
        assert "  two command finished\n" in status

    def test_applied_again_it_changes_nothing_and_says_so(self, project, asimov, blueprint):
        file = blueprint(self.TEXT)
        assert asimov("apply", "-f", file, "-e", "s").code == 0
        before = state(project)
        for flags in ([], ["--update"], ["--dry-run"]):
            ran = asimov("apply", "-f", file, "-e", "s", *flags)
            assert ran.code == 0, ran
            assert ran.out == "Nothing changed: everything is already in the ledger (9 items)\n"
            assert state(project) == before

    def test_an_update_merges(self, project, asimov, blueprint):
        old = SUBJECT + "x: {a: 1, b: [1]}\n" + analysis("y: {a: 1, b: [1]}\n")
        new = "kind: subject\nname: s\nx: {b: [2]}\n" + analysis("y: {b: [2], c: 3}\n")
        assert asimov("apply", "-f", blueprint(old)).code == 0
        ran = asimov("apply", "--update", "-f", blueprint(new))
        assert ran.out == (
            "update subject s\n       x: b: [1] -> [2]\n"
            "update analysis s/a\n       y: b: [1] -> [2]\n       y: c: 3 (added)\n"
            "Done: 2 updated\n"
        )
        subject = yaml.safe_load((project / "ledger/subjects/s.yaml").read_text())
        assert subject["x"] == {"a": 1, "b": [2]}
        assert subject["analyses"][0]["y"] == {"a": 1, "b": [2], "c": 3}

    def test_a_setting_that_is_named_almost_like_one_of_a_stock_pipeline_is_refused(
        self, project, asimov, blueprint
    ):
        file = blueprint(SUBJECT + analysis("argumnets: [x]\n"))
        ran = asimov("apply", "-f", file)
        assert ran.code == 1
        told = "argumnets: there is no such setting; did you mean 'arguments'?"
        assert f"{file}:" in ran.err
        assert told in ran.err

    def test_the_subject_of_the_command_must_be_there(self, project, asimov, blueprint):
        file = blueprint(SUBJECT + analysis())
        said = ["there is no subject 'sd'; did you mean 's'?"]
        refused(asimov, project, ["apply", "-f", file, "-e", "sd"], *said)

    @pytest.mark.parametrize("name", ["a", "s/a"])
    def test_an_analysis_that_needs_itself_is_refused(self, project, asimov, blueprint, name):
        file = blueprint(SUBJECT + analysis(f"needs: [{name}]\n"))
        refused(asimov, project, ["apply", "-f", file], "blueprint.yaml:", "s/a needs itself")

    def test_a_state_is_not_changed_by_an_update(self, project, asimov, blueprint):
        assert asimov("apply", "-f", blueprint(SUBJECT + analysis())).code == 0
        new = blueprint(SUBJECT + analysis("status: wait\n"))
        refused(
            asimov,
            project,
            ["apply", "--update", "-f", new],
            "s/a already exists, so a blueprint can't set its status",
            "asimov production set s a --status wait",
        )

    def test_the_subject_of_the_command_is_for_those_that_name_none(
        self, project, asimov, blueprint
    ):
        text = SUBJECT + "---\nkind: subject\nname: t\n" + analysis()
        text += "---\nkind: analysis\nname: b\npipeline: command\n"
        assert asimov("apply", "-f", blueprint(text), "-e", "t").code == 0
        assert asimov("report", "status").out.split() == [
            "s",
            "a",
            "command",
            "ready",
            "t",
            "b",
            "command",
            "ready",
        ]

    def test_an_unknown_subject_of_the_command(self, project, asimov, blueprint):
        assert asimov("apply", "-f", blueprint(SUBJECT)).code == 0
        file = blueprint("kind: analysis\nname: b\npipeline: command\n")
        refused(
            asimov, project, ["apply", "-f", file, "-e", "ss"], "no subject 'ss'; did you mean 's'"
        )


class TestHandEdited:
    """A file that people have laid out stays as they have it."""

    LAID_OUT = "# our subject\nname:   s   # its name\nx: [1,\n  2]\n\nanalyses:\n  - name: old\n" \
        "    pipeline: command  # why\n"  # fmt: skip

    @pytest.mark.parametrize("indent", ["", "  ", "    "])
    def test_appended_analyses_keep_comments_and_layout(self, project, asimov, blueprint, indent):
        file = project / "ledger/subjects/s.yaml"
        text = self.LAID_OUT.replace("  - name", f"{indent}- name")
        text = text.replace("    pipeline", f"{indent}  pipeline")
        file.write_text(text)
        ran = asimov("apply", "-f", blueprint(analysis() + analysis(name="b")))
        assert ran.code == 0, ran
        assert all("s/a and 1 more can't be built" in note for note in ran.err.splitlines())
        assert file.read_text().startswith(text)
        assert [each["name"] for each in yaml.safe_load(file.read_text())["analyses"]] == [
            "old", "a", "b",
        ]  # fmt: skip

    def test_the_first_analysis_is_appended_too(self, project, asimov, blueprint):
        file = project / "ledger/subjects/s.yaml"
        file.write_text("# mine\nname: s")
        assert asimov("apply", "-f", blueprint(analysis())).code == 0
        assert file.read_text().startswith("# mine\nname: s\nanalyses:\n- name: a\n")

    def test_project_settings_are_appended(self, project, asimov, blueprint):
        file = project / "ledger/project.yaml"
        text = file.read_text()
        assert text.startswith("#")
        assert asimov("apply", "-f", blueprint("kind: configuration\nx: 1\n")).code == 0
        assert file.read_text() == text + "x: 1\n"

    def test_a_changed_value_is_changed_in_its_place(self, project, asimov, blueprint):
        file = project / "ledger/subjects/s.yaml"
        file.write_text(self.LAID_OUT)
        ran = asimov("apply", "-U", "-f", blueprint("kind: subject\nname: s\nx: [3]\n"))
        assert (ran.code, ran.err) == (0, "")
        assert file.read_text() == self.LAID_OUT.replace("[1,\n  2]", "[3]")

    def test_it_is_told_where_comments_are_lost(self, project, asimov, blueprint):
        file = project / "ledger/subjects/s.yaml"
        file.write_text(self.LAID_OUT.replace("[1,", "[1,  # one"))
        ran = asimov("apply", "-U", "-f", blueprint("kind: subject\nname: s\nx: [3]\n"))
        assert ran.err == "note: comments in subjects/s.yaml could not be kept\n"

    def test_a_broken_ledger_file_stops_only_its_subject(self, project, asimov, blueprint):
        (project / "ledger/subjects/t.yaml").write_text("name: t\nx: [\n")
        ran = asimov("apply", "-f", blueprint(SUBJECT + analysis()))
        assert ran.code == 0, ran
        assert "warning: ledger/subjects/t.yaml:3:1: is not valid YAML" in ran.err
        for text in ("kind: subject\nname: t\n", ANALYSIS.replace("subject: s", "subject: t")):
            before = snapshot(project)
            file = blueprint(text)
            ran = asimov("apply", "-f", file)
            is_clear(ran, "error: ledger/subjects/t.yaml:3:1: is not valid YAML")
            assert {**snapshot(project), file.name: b""} == {**before, file.name: b""}


def test_a_blueprint_of_five_megabytes_is_taken(project, asimov, blueprint):
    filler = "x" * 1000
    text = SUBJECT + "x:\n" + "".join(f"  k{i}: {filler}\n" for i in range(5000))
    ran = asimov("apply", "-f", blueprint(text))
    assert ran.code == 0, ran
    assert len((project / "ledger/subjects/s.yaml").read_bytes()) > 5_000_000


def test_nothing_is_written_where_the_ledger_is_read_only(
    project, asimov, blueprint, shell, tmp_path_factory
):
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    assert asimov("apply", "-f", blueprint(SUBJECT)).code == 0
    file = blueprint(analysis())
    base = tmp_path_factory.getbasetemp()
    for folder in (project, project.parent, base, base.parent, base.parent.parent):
        # Only what is closed is opened, and nothing is taken: one of them may be /tmp.
        if (mode := folder.stat().st_mode & 0o7777) & 0o005 != 0o005:
            folder.chmod(mode | 0o055)
    before = state(project)
    someone = "setpriv --reuid 65534 --regid 65534 --clear-groups"
    if shell(f"{someone} asimov --version", cwd=Path("/")).code != 0:
        pytest.skip("this Python is in a folder that is root's alone")
    ran = shell(
        f"{someone} asimov --project {project} apply -f {file}",
        cwd=Path("/"),
        XDG_CONFIG_HOME="/nonexistent",
    )
    journal = f"{project}/.asimov/journal.db"
    is_clear(ran, f"{journal}: the journal can't be opened or written: ", "may not write")
    assert state(project) == before


def test_settings_for_a_pipeline_that_is_not_installed_are_kept_and_told(
    project, asimov, blueprint
) -> None:
    file = blueprint("kind: configuration\npipelines:\n  bayeswave: {chains: 8}\n")
    ran = asimov("apply", "-f", file)
    assert (ran.code, ran.err) == (
        0,
        f"note: {file}:3:3: the pipeline 'bayeswave' is not installed here: "
        "its settings are kept until it is\n",
    )
    assert "chains: 8" in (project / "ledger" / "project.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nmae: a\nsubject: s\npipeline: command\n", "'name' is missing, and 'nmae'"),
        ("name: a\nsubject: s\npipline: command\n", "'pipeline' is missing, and 'pipline'"),
        ("name: a\nsubjct: s\npipeline: command\n", "names no subject, and 'subjct'"),
    ],
)
def test_what_is_missing_and_nearly_there_is_pointed_out(
    project, asimov, blueprint, text, told
) -> None:
    asimov("apply", "-f", blueprint("kind: subject\nname: s\n"))
    ran = asimov("apply", "-f", blueprint(f"kind: analysis\n{text}"))
    assert ran.code == 1
    assert f"{told} looks like it" in ran.err


FIRST = "{kind: analysis, subject: s, name: first, pipeline: command}\n"
TWO = (
    FIRST + "---\n{kind: analysis, subject: s, name: second, pipeline: command, "
    "needs: [first, [{name: first}, 'status: ready']]}\n"
)


def analyses(root: Path) -> dict[str, dict[str, object]]:
    document = yaml.safe_load((root / "ledger/subjects/s.yaml").read_text())
    return {each["name"]: each for each in document["analyses"]}


def test_an_analysis_gets_another_name(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(f"{SUBJECT}---\n{FIRST}"), "--name", "other").code == 0
    assert list(analyses(project)) == ["other"]
    first = blueprint(FIRST)
    refused(asimov, project, ["apply", "-f", first, "--name", ".."], "--name: '..' can't be a name")
    for text, found in ((TWO, "2: first, second"), (SUBJECT, "0")):
        arguments = ["apply", "-f", blueprint(text), "--name", "other"]
        refused(
            asimov, project, arguments, f"--name needs exactly one analysis, but there are {found}"
        )


def test_iterating_finds_the_next_free_name(project, asimov, blueprint):
    assert asimov("apply", "-f", blueprint(f"{SUBJECT}---\n{TWO}")).code == 0
    both = blueprint(TWO)
    for _ in range(2):
        ran = asimov("apply", "-f", both, "--iterate")
        assert ran.code == 0, ran
    made = analyses(project)
    assert list(made) == ["first", "second", "first-2", "second-2", "first-3", "second-3"]
    # What belongs together in a file stays together.
    assert made["second-3"]["needs"] == ["first-3", [{"name": "first-3"}, "status: ready"]]
    assert made["second"]["needs"][0] == "first"
    arguments = ["apply", "-f", both, "-I", "-U"]
    refused(asimov, project, arguments, "use one of the two", code=2)
    grid = "{kind: analysis, subject: s, name: 'g{x}-7', pipeline: command, strategy: {x: [1, 2]}}"
    for _ in range(2):
        assert asimov("apply", "-f", blueprint(grid), "-I").code == 0
    assert list(analyses(project))[-4:] == ["g1-7", "g2-7", "g1-8", "g2-8"]
