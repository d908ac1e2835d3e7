"""``asimov status``."""

from __future__ import annotations

import json
import re

import pytest

from tests.refusals import is_clear, refused, state

FIELDS = ["subject", "name", "pipeline", "status", "job_id", "progress", "since", "waiting_for"]


@pytest.fixture
def told(project, asimov, blueprint):
    """Apply a few analyses, set states, and return the rows of ``status --json`` by name."""

    def tell(text, **states):
        ran = asimov("apply", "-f", blueprint("kind: subject\nname: s\n" + text))
        assert ran.code == 0, ran
        for name, after in states.items():
            ran = asimov("production", "set", "s", name, "--status", after)
            assert ran.code == 0, ran
        rows = json.loads(asimov("status", "--json").out)
        return {row["name"]: row for row in rows}

    return tell


def analysis(name, needs="[]", extra=""):
    return (
        f"---\nkind: analysis\nname: {name}\nsubject: s\npipeline: command\nneeds: {needs}\n{extra}"
    )


def test_json_is_a_list_of_objects_with_the_promised_fields(told):
    row = told(analysis("a"))["a"]
    assert set(FIELDS) <= set(row)
    assert (row["subject"], row["name"], row["pipeline"]) == ("s", "a", "command")
    assert (row["status"], row["job_id"], row["progress"]) == ("ready", None, None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["since"])
    assert row["waiting_for"] == []


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        ("[b]", "nothing matches 'b'"),
        ("[t/b]", "nothing matches 't/b'"),
        ("[x.y: z]", "nothing matches 'x.y: z'"),
        ("[pipeline: '!command']", "nothing matches 'pipeline: !command'"),
        ("[[x: 1, y: 2]]", "nothing matches 'x: 1 and y: 2'"),
        ("['label: quality >= 3']", "nothing matches 'label: quality >= 3'"),
    ],
)
def test_an_item_that_matches_nothing_keeps_it_waiting_and_is_named(told, needs, said):
    assert told(analysis("a", needs))["a"]["waiting_for"] == [said]


def test_an_optional_item_that_matches_nothing_does_not(told):
    needs = "[{name: b, optional: true}, [x: 1, optional: true]]"
    assert told(analysis("a", needs))["a"]["waiting_for"] == []


@pytest.mark.parametrize("after", ["wait", "stuck", "stopped", "cancelled", "manual"])
def test_a_dependency_that_blocks_is_named_with_its_state(told, after):
    start = "status: stopped\n" if after == "stopped" else ""
    states = {} if start else {"a": after}
    rows = told(analysis("a", extra=start) + analysis("b", "[a]"), **states)
    assert rows["b"]["waiting_for"] == [f"a is {after}"]


def test_an_optional_dependency_that_is_there_is_waited_for(told):
    rows = told(analysis("a") + analysis("b", "[{name: a, optional: true}]"))
    assert rows["b"]["waiting_for"] == ["a is ready"]


def test_a_finished_dependency_is_not_waited_for(told):
    assert told(analysis("a") + analysis("b", "[a]"), a="finished")["b"]["waiting_for"] == []


def test_a_dependency_of_another_subject_is_named_in_full(told):
    other = "---\nkind: subject\nname: t\nanalyses: [{name: x, pipeline: command}]\n"
    assert told(other + analysis("a", "[t/x]"))["a"]["waiting_for"] == ["t/x is ready"]


def test_a_subject_analysis_waits_for_all_that_match(told):
    over = analysis("c", extra="analyses: [pipeline: command]\n")
    rows = told(analysis("a") + analysis("b") + over, a="finished")
    assert rows["c"]["waiting_for"] == ["b is ready"]


def test_a_project_analysis_waits_over_subjects_also_for_one_that_cannot_be_read(
    project, asimov, told
):
    over = "---\nkind: projectanalysis\nname: p\npipeline: command\nanalyses: [a]\n"
    rows = told(analysis("a") + over, a="finished")
    assert (rows["p"]["subject"], rows["p"]["waiting_for"]) == ("project-analyses", [])
    (project / "ledger/subjects/t.yaml").write_text("name: [\n")
    rows = json.loads(asimov("status", "project-analyses", "--json").out)
    assert rows[0]["waiting_for"] == ["nothing matches 'subject: t'"]


def test_the_table_says_the_same(told, asimov):
    told(analysis("a", extra="status: wait\n") + analysis("b", "[a]"))
    lines = asimov("status", "s").out.splitlines()
    assert lines[0] == "2 analyses: 1 ready, 1 wait"
    assert lines[1].split()[:3] == ["analysis", "pipeline", "state"]
    assert lines[3].split()[:3] == ["s/b", "command", "ready"]
    assert lines[3].endswith("a is wait")


def test_an_empty_project(project, asimov):
    assert asimov("status").out == "No analyses yet; 'asimov apply -f FILE' adds some\n"
    assert json.loads(asimov("status", "--json").out) == []


def test_an_unknown_subject_and_the_nearest(project, asimov, told):
    told("")
    refused(asimov, project, ["status", "ss"], "there is no subject 'ss'; did you mean 's'?")


def test_a_mistyped_option(project, asimov):
    is_clear(asimov("status", "--jsn"), "No such option", "--json", code=2)


def test_looking_changes_nothing(project, asimov, told):
    told(analysis("a"))
    before = state(project)
    for command in (["status"], ["status", "--json"], ["report", "status"], ["log"]):
        assert asimov(*command).code == 0
    assert state(project) == before


class TestHandEdits:
    GOOD = "name: t\nanalyses:\n- name: a\n  pipeline: command\n"

    def write(self, project, text):
        data = text if isinstance(text, bytes) else text.encode()
        (project / "ledger/subjects/t.yaml").write_bytes(data)

    def test_an_analysis_written_by_hand_is_there_at_once(self, project, asimov):
        self.write(project, self.GOOD)
        assert json.loads(asimov("status", "--json").out)[0]["status"] == "ready"

    def test_windows_line_ends_and_a_byte_order_mark(self, project, asimov):
        self.write(project, ("\ufeff" + self.GOOD).replace("\n", "\r\n"))
        ran = asimov("status", "t")
        assert (ran.code, ran.err) == (0, "")

    def test_names_in_other_scripts_in_settings(self, project, asimov):
        self.write(project, self.GOOD + "größe: {日本: ☀}\n")
        assert "größe: 日本  ☀" in asimov("ledger", "show", "t", "a").out

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("name: t\n\tx: 1\n", "2:1: is not valid YAML"),
            ("name: t\n  x: 1\n", "2:4: is not valid YAML"),
            ("name: t\nname: t\n", "2:1: the key 'name' is given twice"),
            ("name: u\n", "1:1: the file is named 't' but contains 'u'"),
            ("x: 1\n", "1:1: 'name' is missing"),
            ("", " is empty"),
            ("- a\n", "1:1: should be a mapping"),
            ("name: t\n---\nname: t\n", "3:1: a ledger file must contain a single document"),
            ("name: t\nx: a\0b\n", "2:5: contains the character U+0000"),
            (b"name: t\nx: \xff\n", "is not UTF-8 text"),
            (GOOD + "- name: a\n  pipeline: command\n", "5:3: there are two analyses 'a'"),
            (GOOD + "- name: ../b\n  pipeline: command\n", "5:3: '../b' can't be a name"),
            (GOOD + "  needs: a\n", "5:3: analyses: needs: should be a list, not text"),
            (GOOD + "  needs: [{}]\n", "5:11: an item of 'needs' is empty"),
            (GOOD + "  status: redy\n", "5:3: status: an analysis can't begin as 'redy'"),
            (GOOD + "  strategy: {x: [1]}\n", "5:3: a strategy stands for several analyses"),
            ("name: t\nanalyses: 5\n", "2:1: analyses: should be a list"),
        ],
    )
    def test_a_broken_file_names_itself_and_stops_only_what_it_concerns(
        self, project, asimov, told, text, said
    ):
        told(analysis("a"))
        self.write(project, text)
        ran = asimov("status")
        assert ran.code == 0, ran
        assert ran.err.startswith("warning: ")
        assert "ledger/subjects/t.yaml" in ran.err
        assert said in ran.err
        assert len(ran.err.splitlines()) <= 2
        assert ran.out.splitlines()[2].startswith("s/a       command   ready")
        refused(asimov, project, ["status", "t"], "ledger/subjects/t.yaml", said)

    def test_a_file_with_another_ending_is_not_overlooked(self, project, asimov):
        (project / "ledger/subjects/t.yml").write_text(self.GOOD)
        assert "ledger/subjects/t.yml: is ignored" in asimov("status").err

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("x: [\n", "error: ledger/project.yaml:2:1: is not valid YAML"),
            ("- a\n", "error: ledger/project.yaml:1:1: should be a mapping"),
            ("pipelines: [command]\n", "error: ledger/project.yaml:1:1: pipelines: should be a"),
            (None, "error: ledger/project.yaml: is missing"),
        ],
    )
    def test_a_broken_project_file_stops_everything(self, project, asimov, text, said):
        file = project / "ledger/project.yaml"
        file.unlink()
        if text is not None:
            file.write_text(text)
        for command in (["status"], ["ledger", "show"], ["log"], ["manage", "build"]):
            is_clear(asimov(*command), said)


SUBJECT = "kind: subject\nname: s\n"


class TestTable:
    def test_columns_that_hold_nothing_are_left_out(self, project, asimov, blueprint):
        asimov("apply", "-f", blueprint(SUBJECT + analysis("a")))
        heading = asimov("status").out.splitlines()[1]
        assert heading.split() == ["analysis", "pipeline", "state", "for"]

    def test_a_long_list_is_cut_and_whole_in_json(self, project, asimov, blueprint):
        needs = ", ".join(f"x{i}" for i in range(9))
        asimov("apply", "-f", blueprint(SUBJECT + analysis("a", f"[{needs}]")))
        told = asimov("status").out
        assert "nothing matches 'x2' and 6 more" in told
        assert "x3" not in told
        assert len(json.loads(asimov("status", "--json").out)[0]["waiting_for"]) == 9

    def test_analyses_of_a_file_that_can_not_be_used_are_shown_as_they_were(
        self, project, asimov, blueprint
    ):
        asimov("apply", "-f", blueprint(SUBJECT + analysis("a", extra="status: wait\n")))
        (project / "ledger/subjects/s.yaml").write_text("x: [")
        (row,) = json.loads(asimov("status", "--json").out)
        assert (row["subject"], row["name"], row["status"]) == ("s", "a", "wait")
        assert "ledger/subjects/s.yaml" in row["waiting_for"][0]

    def test_a_pipeline_that_an_editor_misspelt_is_told(self, project, asimov, blueprint):
        asimov("apply", "-f", blueprint(SUBJECT + analysis("a")))
        file = project / "ledger/subjects/s.yaml"
        file.write_text(file.read_text().replace("pipeline: command", "pipeline: comand"))
        (row,) = json.loads(asimov("status", "--json").out)
        assert row["waiting_for"] == ["there is no pipeline 'comand'; did you mean 'command'?"]
