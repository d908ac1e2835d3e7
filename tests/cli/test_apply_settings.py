"""``asimov apply`` where pipelines declare their settings."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from asimov.pipelines.testing import SimpleTestPipeline
from msgspec import field

from asimov.pipeline.assets import Asset
from asimov.pipeline.schemas import Schema
from asimov.project.workspace import Workspace
from asimov.settings import BaseSettings, Fault, Setting
from asimov.testing.temporary_entry_points import entry_points
from tests.conftest import snapshot
from tests.refusals import refused as is_refused


class Sampler(BaseSettings):
    max_steps: Annotated[int, Setting("How many steps.", ge=1)] = 100


class Settings(BaseSettings):
    """What the walk reads."""

    width: Annotated[float, Setting("In metres.", gt=0)]
    max_steps: Annotated[int, Setting("How many.", ge=1)] = 7
    sampler: Sampler = field(default_factory=Sampler)


class Walk(SimpleTestPipeline):
    name = "walk"
    settings = Settings


class Heavy:
    """A pipeline that must not be looked at."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


@pytest.fixture
def walk(project: Path) -> Iterator[None]:
    """Have the pipeline found, with its settings published."""
    groups = {"asimov.pipelines": {"walk": Walk}, "asimov.settings": {"walk": Settings}}
    with entry_points(groups):
        yield


SUBJECT = "kind: subject\nname: s\n"


def analysis(extra: str, name: str = "a", pipeline: str = "walk") -> str:
    return f"---\nkind: analysis\nname: {name}\nsubject: s\npipeline: {pipeline}\n{extra}"


@pytest.fixture
def refused(
    asimov: Callable[..., Any], blueprint: Callable[..., Path], project: Path
) -> Callable[..., str]:
    """Apply what is refused; return what is said, with ``FILE`` for the file's name."""

    def apply(text: str, *options: str) -> str:
        file = blueprint(text)
        before = snapshot(project / "ledger")
        ran = asimov("apply", "-f", file, *options)
        assert ran.code == 1, ran
        assert snapshot(project / "ledger") == before
        assert not ran.out
        return str(ran.err.replace(str(file), "FILE"))

    return apply


@pytest.mark.usefixtures("walk")
class TestOneAnalysis:
    @pytest.mark.parametrize(
        ("extra", "said"),
        [
            ("max steps: 3\n", "FILE:4:1: s/a (walk): width: is missing"),
            ("width: 0\n", "FILE:8:1: s/a (walk): width: should be a number above 0, not 0"),
            ("width: x\n", "FILE:8:1: s/a (walk): width: should be a number above 0, not 'x'"),
            ("width: 1\nmax steps: 0\n", "FILE:9:1: s/a (walk): max steps: should be a whole"),
            ("width: 1\nmax_steps: 0\n", "FILE:9:1: s/a (walk): max steps: should be a whole"),
            ("width: 1\nmaks steps: 1\n", "did you mean 'max steps'?"),
            ("width: 1\nmaks steps: 1\n", "FILE:9:1: s/a (walk): maks steps: there is no such"),
            ("width: 1\nschedular: {}\n", "did you mean 'scheduler'?"),
            ("width: 1\nsampler:\n  max steps: 0\n", "FILE:10:3: s/a (walk): sampler: max steps:"),
            ("width: 1\nsampler:\n  max_steps: 0\n", "FILE:10:3: s/a (walk): sampler: max steps:"),
            ("width: 1\nsampler:\n  steps: 1\n", "FILE:10:3: s/a (walk): sampler: steps: there is"),
            ("width: 1\nsampler: 5\n", "FILE:9:1: s/a (walk): sampler: should be a mapping, not "),
            ("width: 1e-3\n", "to YAML 1e-3 is text"),
        ],
    )
    def test_is_refused_with_its_place(
        self, refused: Callable[..., str], extra: str, said: str
    ) -> None:
        told = refused(SUBJECT + analysis(extra))
        # The name stands in the fifth line; what is missing is told of there.
        assert said.replace("FILE:4:1", "FILE:5:1") in told
        assert "'asimov plugins show walk' lists the settings" in told
        assert "Traceback" not in told

    def test_general_keys_and_what_is_declared_are_taken(
        self, asimov: Callable[..., Any], blueprint: Callable[..., Path], project: Path
    ) -> None:
        (project / "t.ini").touch()
        general = (
            "width: 2\nscheduler: {request memory: 1 GB}\ncomment: x\nlabels: [x]\n"
            "template: t\nexecutable: e\nmax resurrections: 1\nneeds: []\nholds: {}\nrundir: x\n"
        )
        ran = asimov("apply", "-f", blueprint(SUBJECT + analysis(general)))
        assert ran.code == 0, ran
        assert not ran.err

    def test_that_is_listed_in_its_subject_is_checked_in_its_place(
        self, refused: Callable[..., str]
    ) -> None:
        text = SUBJECT + "productions:\n- a:\n    pipeline: walk\n    width: -1\n"
        assert "FILE:6:5: s/a (walk): width: should be a number above 0" in refused(text)

    def test_across_subjects_is_checked(self, refused: Callable[..., str]) -> None:
        text = "kind: projectanalysis\nname: p\npipeline: walk\nwidth: [1]\n"
        assert "FILE:4:1: project-analyses/p (walk): width: should be" in refused(text)

    def test_of_a_strategy_is_checked_at_every_point(self, refused: Callable[..., str]) -> None:
        text = analysis("width: 1\nstrategy:\n  max steps: [1, 0]\n", "'a-{max steps}'")
        told = refused(SUBJECT + text)
        assert "FILE:10:3: s/a-0 (walk): max steps: should be a whole number of at least 1" in told

    def test_that_a_strategy_varies_by_an_unknown_name_is_refused(
        self, refused: Callable[..., str]
    ) -> None:
        text = analysis("width: 1\nstrategy:\n  maks steps: [1, 2]\n", "'a-{maks steps}'")
        assert "FILE:10:3: s/a-1 (walk): maks steps: there is no such" in refused(SUBJECT + text)

    def test_that_a_strategy_varies_inside_a_mapping_is_checked(
        self, refused: Callable[..., str]
    ) -> None:
        text = analysis(
            "width: 1\nstrategy:\n  sampler.max_steps: [0]\n", "'a-{sampler.max_steps}'"
        )
        assert "FILE:10:3: s/a-0 (walk): sampler: max steps: should" in refused(SUBJECT + text)

    def test_whose_pipeline_is_written_in_another_case_is_checked(
        self, refused: Callable[..., str]
    ) -> None:
        assert "s/a (Walk): width: is missing" in refused(SUBJECT + analysis("", pipeline="Walk"))


@pytest.mark.usefixtures("walk")
class TestLayers:
    @pytest.mark.parametrize(
        ("layers", "said"),
        [
            ("kind: configuration\nwidth: x\n---\n" + SUBJECT, "FILE:2:1: s/a (walk): width"),
            (
                "kind: configuration\npipelines:\n  WALK:\n    width: x\n---\n" + SUBJECT,
                "FILE:4:5: s/a (walk): width",
            ),
            (SUBJECT + "width: x\n", "FILE:3:1: s/a (walk): width: should be a number above 0"),
            (
                SUBJECT + "width: 1\nsampler:\n  steps: 1\n",
                "FILE:5:3: s/a (walk): sampler: steps: there is no such setting",
            ),
        ],
    )
    def test_a_setting_is_wrong_where_it_stands(
        self, refused: Callable[..., str], layers: str, said: str
    ) -> None:
        assert said in refused(layers + analysis(""))

    def test_a_more_specific_layer_mends_it(
        self, asimov: Callable[..., Any], blueprint: Callable[..., Path]
    ) -> None:
        text = "kind: configuration\nwidth: x\n---\n" + SUBJECT + analysis("width: 1\n")
        assert asimov("apply", "-f", blueprint(text)).code == 0

    def test_other_keys_of_the_layers_are_not_the_pipelines_matter(
        self, asimov: Callable[..., Any], blueprint: Callable[..., Path]
    ) -> None:
        text = "kind: configuration\nplace: 1\n---\n" + SUBJECT + "colour: red\nwidth: 1\n"
        ran = asimov("apply", "-f", blueprint(text + analysis("")))
        assert (ran.code, ran.err) == (0, "")

    def test_what_is_nearly_one_of_its_keys_is_kept_and_pointed_out(
        self, asimov: Callable[..., Any], blueprint: Callable[..., Path]
    ) -> None:
        text = "kind: configuration\nwidht: 1\n---\n" + SUBJECT + "maks steps: 1\nwidth: 1\n"
        file = blueprint(text + analysis(""))
        ran = asimov("apply", "-f", file)
        said = "is kept as a setting of your own; did you mean"
        assert (ran.code, sorted(ran.err.splitlines())) == (
            0,
            [
                f"note: {file}:2:1: 'widht' {said} 'width' of walk?",
                f"note: {file}:6:1: 'maks steps' {said} 'max steps' of walk?",
            ],
        )

    def test_what_is_in_the_ledger_already_is_named_by_its_file(
        self, asimov: Callable[..., Any], blueprint: Callable[..., Path], refused: Any
    ) -> None:
        asimov("apply", "-f", blueprint("kind: configuration\nwidth: x\n---\n" + SUBJECT))
        assert "ledger/project.yaml: s/a (walk): width: should be" in refused(analysis(""))

    def test_one_setting_in_two_spellings_in_two_layers_is_one(
        self, asimov: Callable[..., Any], blueprint: Callable[..., Path]
    ) -> None:
        text = SUBJECT + "max steps: 1\n" + analysis("width: 1\nmax_steps: 2\n")
        assert asimov("apply", "-f", blueprint(text)).code == 0
        (told,) = json.loads(asimov("ledger", "show", "s", "a", "--json").out)
        assert told["settings"]["max steps"] == 2
        assert "max_steps" not in told["settings"]


@pytest.mark.usefixtures("walk")
class TestChanges:
    @pytest.fixture(autouse=True)
    def _there(
        self, walk: None, asimov: Callable[..., Any], blueprint: Callable[..., Path]
    ) -> None:
        assert asimov("apply", "-f", blueprint(SUBJECT + analysis("width: 1\n"))).code == 0

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("kind: configuration\nmax steps: 0\n", "FILE:2:1: s/a (walk): max steps"),
            ("kind: subject\nname: s\nmax steps: 0\n", "FILE:3:1: s/a (walk): max steps"),
            (analysis("width: x\n"), "FILE:6:1: s/a (walk): width"),
            (analysis("sampler: {x: 1}\n"), "FILE:6:11: s/a (walk): sampler: x"),
            (analysis("widht: 1\n"), "did you mean 'width'"),
        ],
    )
    def test_that_would_make_an_analysis_wrong_is_refused(
        self, refused: Callable[..., str], text: str, said: str
    ) -> None:
        assert said in refused(text, "--update")

    def test_leaves_alone_what_has_begun(
        self, asimov: Callable[..., Any], blueprint: Callable[..., Path]
    ) -> None:
        assert asimov("production", "set", "s", "a", "--status", "cancelled").code == 0
        file = blueprint("kind: configuration\nmax steps: 0\n")
        assert asimov("apply", "-f", file).code == 0

    def test_does_not_hold_an_old_fault_against_another_change(
        self, asimov: Callable[..., Any], blueprint: Callable[..., Path], project: Path
    ) -> None:
        ledger = project / "ledger" / "subjects" / "s.yaml"
        document = yaml.safe_load(ledger.read_text())
        document["analyses"][0]["width"] = "edited by hand"
        ledger.write_text(yaml.safe_dump(document))
        assert asimov("apply", "-f", blueprint("kind: configuration\nmax steps: 5\n")).code == 0


def test_a_pipeline_that_publishes_its_settings_is_not_imported(
    project: Path, asimov: Callable[..., Any], blueprint: Callable[..., Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "light_settings.py").write_text(
        "from asimov.settings import BaseSettings\n"
        "class Settings(BaseSettings):\n    width: float\n"
    )
    (tmp_path / "heavy_pipeline.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    groups = {
        "asimov.pipelines": {"heavy": "heavy_pipeline:Heavy"},
        "asimov.settings": {"heavy": "light_settings:Settings"},
    }
    with entry_points(groups):
        text = SUBJECT + analysis("width: x\n", pipeline="heavy")
        ran = asimov("apply", "-f", blueprint(text))
        assert ran.code == 1
        assert "s/a (heavy): width: should be a number, not 'x'" in ran.err
        text = SUBJECT + analysis("width: 1\n", pipeline="heavy")
        assert asimov("apply", "-f", blueprint(text)).code == 0
    assert "heavy_pipeline" not in sys.modules


def test_where_only_the_class_names_its_settings_apply_says_nothing_of_them(
    project: Path, asimov: Callable[..., Any], blueprint: Callable[..., Path]
) -> None:
    with entry_points({"asimov.pipelines": {"walk": Walk}}):
        ran = asimov("apply", "-f", blueprint(SUBJECT + analysis("width: x\n")))
        assert (ran.code, ran.err) == (0, "")
        ran = asimov("manage", "build")
        assert ran.code == 1
        assert "s/a: ledger/subjects/s.yaml: a: width: should be a number above 0" in ran.out
        assert "'asimov plugins show walk' lists the settings" in ran.out


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("raise RuntimeError('broken')\n", "RuntimeError: broken"),
        ("import os\nraise SystemExit(3)\n", "SystemExit: 3"),
        ("class Settings:\n    pass\n", "is not a settings class"),
        ("print('hello')\n", "AttributeError"),
        ("Settings = 5\n", "is not a settings class"),
        ("import time\ntime.sleep(60)\n", "did not return within 0.3 s"),
        (
            "import time\ntry:\n    time.sleep(60)\nexcept BaseException:\n    Settings = 5\n",
            "within",
        ),
    ],
)
def test_settings_that_can_not_be_used_are_one_warning(
    project: Path, asimov: Callable[..., Any], blueprint: Callable[..., Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, module: str, why: str,
) -> None:  # fmt: skip
    if "sleep" in module:
        asimov("configuration", "update", "monitor/hook timeout", "0.3")
    (tmp_path / "broken_settings.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_settings", raising=False)
    groups = {
        "asimov.pipelines": {"walk": SimpleTestPipeline},
        "asimov.settings": {"walk": "broken_settings:Settings"},
    }
    with entry_points(groups):
        text = SUBJECT + analysis("widht: 1\n") + analysis("", "b")
        ran = asimov("apply", "-f", blueprint(text))
    assert ran.code == 0, ran
    assert ran.err.count("warning: ") == 1
    assert why in ran.err
    assert "walk" in ran.err
    assert "Done: 3 added" in ran.out
    assert "hello" not in ran.out


@pytest.mark.usefixtures("walk")
def test_a_section_of_a_pipeline_with_a_near_miss_is_noted(
    asimov: Callable[..., Any], blueprint: Callable[..., Path]
) -> None:
    text = "kind: configuration\npipelines:\n  walk:\n    widht: 1\n    far off: 1\n    width: 1\n"
    ran = asimov("apply", "-f", blueprint(text))
    assert ran.code == 0
    (line,) = ran.err.splitlines()
    assert line.endswith(":4:5: walk declares no setting 'widht'; did you mean 'width'?")


class Makes(SimpleTestPipeline):
    name = "makes"
    outputs = (Asset("other"),)


class Uses(SimpleTestPipeline):
    name = "uses"
    inputs = (Asset("psds"), Asset("extra", optional=True))


@pytest.mark.parametrize(
    ("needs", "noted"),
    [("", True), ("needs: [m]\n", True), ("needs: [m, t]\n", False), ("needs: [later]\n", False)],
)
def test_an_input_that_nothing_declares_to_make_is_noted(
    project: Path, asimov: Callable[..., Any], blueprint: Callable[..., Path], needs: str,
    noted: bool,
) -> None:  # fmt: skip
    text = SUBJECT + analysis("", "m", "makes") + analysis("", "t", "simpletestpipeline")
    with entry_points({"asimov.pipelines": {"makes": Makes, "uses": Uses}}):
        ran = asimov("apply", "-f", blueprint(text + analysis(needs, "u", "uses")))
    told = "note: s/u: no analysis that it uses declares its input 'psds'\n"
    assert (ran.code, ran.err) == (0, told if noted else "")


class MakesText(SimpleTestPipeline):
    name = "makestext"
    outputs = (Asset("psds", schema=Schema(".txt")),)


class UsesTables(SimpleTestPipeline):
    name = "usestables"
    inputs = (Asset("psds", schema=Schema(".csv")),)


def test_an_input_in_another_format_than_what_feeds_it_is_noted(
    project: Path, asimov: Callable[..., Any], blueprint: Callable[..., Path]
) -> None:
    text = SUBJECT + analysis("", "m", "makestext") + analysis("needs: [m]\n", "u", "usestables")
    pipelines = {"makestext": MakesText, "usestables": UsesTables}
    with entry_points({"asimov.pipelines": pipelines}):
        ran = asimov("apply", "-f", blueprint(text))
    why = "its input 'psds' does not match what s/m makes: it is made as .txt, and wanted as .csv"
    assert (ran.code, ran.err) == (0, f"note: s/u: {why}\n")


def test_a_pipeline_that_is_not_installed_keeps_nobody_from_changing_its_subject(
    project: Path, asimov: Callable[..., Any], blueprint: Callable[..., Path]
) -> None:
    text = SUBJECT + "".join(analysis("width: 1\n", name) for name in "abc")
    with entry_points({"asimov.pipelines": {"walk": Walk}}):
        assert asimov("apply", "-f", blueprint(text)).code == 0
    ran = asimov("apply", "--update", "-f", blueprint(f"{SUBJECT}place: here\n"))
    assert ran.code == 0, ran
    assert ran.err == (
        "note: the settings of s/a and 2 more are not checked: there is no pipeline 'walk'\n"
    )
    assert "place: here" in (project / "ledger" / "subjects" / "s.yaml").read_text()


@pytest.mark.parametrize("command", [("ledger", "show"), ("production", "show", "s", "a")])
def test_a_package_that_hangs_is_waited_for_once_where_settings_are_shown(
    project: Path, asimov: Callable[..., Any], blueprint: Callable[..., Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...],
) -> None:  # fmt: skip
    with entry_points({"asimov.pipelines": {"walk": SimpleTestPipeline}}):
        text = SUBJECT + analysis("width: 1\n") + analysis("", "b")
        assert asimov("apply", "-f", blueprint(text)).code == 0
    asimov("configuration", "update", "monitor/hook timeout", "0.3")
    count = tmp_path / "count"
    lines = (
        f"with open({str(count)!r}, 'a') as f:\n    f.write('x')\nimport time\ntime.sleep(1000)\n"
    )
    (tmp_path / "hanging_pipeline.py").write_text(lines)
    monkeypatch.syspath_prepend(tmp_path)
    with entry_points({"asimov.pipelines": {"walk": "hanging_pipeline:Walk"}}):
        ran = asimov(*command)
    assert ran.code == 0
    assert "width" in ran.out
    assert ran.err.count("warning: ") == 1
    assert "did not return within 0.3 s" in ran.err
    assert count.read_text() == "x"


def test_what_follows_an_analysis_that_makes_a_check_fail_is_checked_all_the_same(
    project, asimov, blueprint
):
    class Checking(SimpleTestPipeline):
        @classmethod
        def settings_faults(cls, settings, root):
            if settings["odd"] == 1:
                raise ValueError("an odd one")
            return [Fault(("odd",), f"is {settings['odd']}")]

    text = SUBJECT + "".join(analysis(f"odd: {n}\n", f"a{n}", "check") for n in range(3))
    with entry_points({"asimov.pipelines": {"check": Checking}}):
        ran = asimov("apply", "-f", blueprint(text), "--dry-run")
    assert ran.code == 0, ran
    notes = ran.err.splitlines()
    named = [re.findall(r"\bs/(a\d)\b", note) for note in notes]
    assert named == [["a0"], ["a2"], ["a1"]]
    assert "s/a1: its settings can't be checked: " in notes[2]
    assert "an odd one" in notes[2]


def test_settings_around_analyses_are_refused_as_those_of_one(project, asimov, blueprint):
    """At the level of the project and of a subject, and in the section of a pipeline."""
    runs = "pipeline: command, executable: /bin/true, outputs: {it: out}"
    first = (
        "{kind: configuration, colour: red, pipelines: {command: {environment: {A: '1'}}}}\n---\n"
        "{kind: subject, name: s}\n---\n{kind: subject, name: t, deep: {a: 1}}\n"
        f"---\n{{kind: analysis, event: s, name: a, {runs}}}\n"
        f"---\n{{kind: analysis, event: s, name: b, {runs}, environment: {{B: '2'}}}}\n"
        f"---\n{{kind: analysis, event: t, name: done, {runs}, status: manual}}\n"
    )
    assert asimov("apply", "-f", blueprint(first)).code == 0
    assert asimov("production", "set", "t/done", "-s", "finished").code == 0
    for text, said in (
        ("kind: subject\nname: s\nprocesses: many", ":3:1: s/a (command): processes: should be a"),
        ("kind: configuration\nfiles: trnsfer", ":2:1: s/a (command): files: should be one of"),
        ("kind: subject\nname: s\nenvronment: {a: b}", ":3:1: envronment: there is no such"),
        ("kind: configuration\npipelines:\n  command: {outputs: [1]}",
         ":3:13: pipelines: command: outputs: should be a mapping"),
        ("kind: configuration\npipelines:", ":2:1: pipelines is empty, which would remove command"),
        ("kind: configuration\npipelines: {command: {environment: null}}",
         "pipelines: command: environment is empty, which would remove A"),
        ("kind: subject\nname: t\ndeep:", ":3:1: deep is empty, which would remove a"),
        ("kind: analysis\nevent: t\nname: done\npipeline: command\nenvironment: 4",
         ":5:1: t/done (command): environment: should be a mapping"),
    ):  # fmt: skip
        is_refused(asimov, project, ["apply", "-U", "-f", blueprint(text, "more.yaml")], said)
    for text, said in (
        ("kind: subject\nname: s\ninput files: [nope]", "this breaks s/a, s/b: input files: [0]"),
        ("kind: subject\nname: t\ninput files: [nope]", ""),  # its only analysis is finished
        ("kind: configuration\ncolour: null", "colour: red -> null"),
    ):
        ran = asimov("apply", "-n", "-U", "-f", blueprint(text, "more.yaml"))
        assert ran.code == 0, ran
        assert said in ran.err + ran.out
        assert bool(said) or "breaks" not in ran.err
    ran = asimov("apply", "-n", "--replace", "-f", blueprint("kind: configuration\npipelines:"))
    assert "pipelines: {'command': {'environment': {'A': '1'}}} -> null" in ran.out


def test_a_setting_over_which_a_pipeline_wrote_is_noted_once(project, asimov, blueprint):
    text = (
        "{{kind: subject, name: s, quality: {0}}}\n---\n"
        "{{kind: analysis, subject: s, name: a, pipeline: command, q: {{d: {0}, e: {0}}}}}\n"
    )
    assert asimov("apply", "-f", blueprint(text.format(1))).code == 0
    workspace = Workspace.open(project)
    workspace.journal.set_facts(("s", ""), {"quality": 7})
    workspace.journal.set_facts(("s", "a"), {"q": {"e": 6}})
    workspace.journal.close()
    ran = asimov("apply", "-U", "-f", blueprint(text.format(2)))
    notes = [line.partition(".yaml:")[2] for line in ran.err.splitlines()]
    assert sorted(each for each in notes if "no effect" in each) == [
        "1:26: s: quality: 2 has no effect, as a pipeline or a hook wrote 7 over it",
        "3:68: s/a: q: e: 2 has no effect, as a pipeline or a hook wrote 6 over it",
    ]
    assert "no effect" not in asimov("apply", "-U", "-f", blueprint(text.format(2))).err
