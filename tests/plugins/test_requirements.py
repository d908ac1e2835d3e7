"""What pipelines declare of their assets and settings, when analyses are built and end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Annotated, Any, ClassVar

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.errors import AsimovError
from asimov.pipeline.assets import Asset
from asimov.pipeline.schemas import Schema
from asimov.project.workspace import Workspace
from asimov.settings import BaseSettings, Setting
from tests.lab import Lab


class Maker(SimpleTestPipeline):
    """Makes what it declares, and what it does not."""

    name = "maker"
    outputs = (Asset("psds"), Asset("plots", optional=True))
    makes: ClassVar[tuple[str, ...]] = ("psds", "other")

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        assets = super().collect_assets()
        return {**assets, **{name: str(self.result) for name in self.makes if assets}}


class User(SimpleTestPipeline):
    name = "user"
    inputs = (Asset("psds"), Asset("calibration", optional=True))


class Silent(Maker):
    """Declares nothing, as published packages do."""

    name = "silent"
    outputs = ()


@pytest.fixture
def made(lab: Lab) -> Lab:
    for pipeline in (Maker, User, Silent):
        lab.register(pipeline.name, pipeline)
    return lab


def why(lab: Lab, name: str) -> str:
    return str(lab.run("why", "s", name).out)


class TestInputs:
    def test_that_are_there_let_it_be_built(self, made: Lab) -> None:
        made.apply("a, pipeline: maker", "b, pipeline: user, needs: [a]")
        made.finish()
        assert made.states() == {"a": "uploaded", "b": "uploaded"}

    def test_of_a_pipeline_that_declares_nothing_do_as_well(self, made: Lab) -> None:
        made.apply("a, pipeline: silent", "b, pipeline: user, needs: [a]")
        made.finish()
        assert made.states()["b"] == "uploaded"

    def test_that_are_missing_are_named_and_it_stays_ready(
        self, made: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Silent, "makes", ("psd",))
        made.apply("a, pipeline: silent", "b, pipeline: user, needs: [a]")
        made.finish(code=3)
        ran = made.run("manage", "build", code=1)
        told = "the input 'psds' is missing; did you mean 'psd'? Asked: a, which has result and psd"
        assert f"s/b: {told} ('asimov why s/b' shows what would make it)" in ran.out
        assert made.states() == {"a": "uploaded", "b": "ready"}
        said = why(made, "b")
        assert said.count("'psds' is missing") == 1
        assert "an analysis among its needs that makes 'psds': of the pipeline maker" in said

    def test_of_an_analysis_without_needs_are_missing(self, made: Lab) -> None:
        made.apply("b, pipeline: user")
        said = why(made, "b")
        assert "no analysis that it uses declares its input 'psds'" in said
        ran = made.run("manage", "build", code=1)
        assert "the input 'psds' is missing; it uses no other analysis" in ran.out
        assert "calibration" not in ran.out
        assert made.states() == {"b": "ready"}

    def test_that_nothing_can_make_are_told_before_the_needs_have_finished(self, made: Lab) -> None:
        made.apply("a, pipeline: user", "b, pipeline: user, needs: [m, c]", "m, pipeline: maker",
                   "c, pipeline: simpletestpipeline")  # fmt: skip
        assert "no analysis that it uses" in why(made, "a")
        assert "no analysis that it uses" not in why(made, "b")

    def test_that_no_installed_pipeline_makes_are_told_so(
        self, made: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(User, "inputs", (Asset("frames"),))
        made.apply("b, pipeline: user")
        assert "no installed pipeline declares it" in why(made, "b")

    def test_are_built_with_once_they_are_there(
        self, made: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Silent, "makes", ())
        made.apply("a, pipeline: silent", "b, pipeline: user, needs: [a]")
        made.finish(code=3)
        assert made.states()["b"] == "ready"
        monkeypatch.setattr(Silent, "makes", ("psds",))
        made.finish()
        assert made.states()["b"] == "uploaded"

    def test_a_dry_run_says_the_same_and_keeps_nothing(self, made: Lab) -> None:
        made.apply("b, pipeline: user")
        before = made.dump()
        ran = made.run("manage", "build", "--dry-run", code=1)
        assert "the input 'psds' is missing" in ran.out
        assert made.dump() == before


class TestOutputs:
    def test_that_are_missing_keep_it_from_being_complete(
        self, made: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Maker, "makes", ("plots",))
        made.apply("a, pipeline: maker", "b, pipeline: simpletestpipeline, needs: [a]")
        made.finish(code=3)
        assert made.states() == {"a": "stuck", "b": "ready"}
        assert made.reason("a") == (
            "it is complete, but lacks products that its pipeline declares: psds"
        )

    def test_that_are_optional_may_be_missing(
        self, made: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Maker, "makes", ("psds",))
        made.apply("a, pipeline: maker")
        made.finish()
        assert made.states() == {"a": "uploaded"}

    def test_that_are_no_mapping_count_as_none(
        self, made: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Maker, "collect_assets", lambda self: None)
        made.apply("a, pipeline: maker")
        made.finish(code=3)
        assert "lacks products that its pipeline declares" in made.reason("a")


class Settings(BaseSettings):
    seconds: Annotated[float, Setting("How long its node takes, in seconds.", ge=0)] = 0.0
    greeting: str = "hello"
    low: int = 0

    def __post_init__(self) -> None:
        if self.low > 5:
            raise ValueError("low is too high")


class Settled(SimpleTestPipeline):
    name = "settled"
    settings = Settings
    seen: ClassVar[list[Any]] = []

    def build_dag(self, dryrun: bool = False) -> None:
        self.seen.append((self.options, dict(self.production.meta)))
        super().build_dag(dryrun)


class TestSettings:
    @pytest.fixture
    def settled(self, lab: Lab) -> Lab:
        Settled.seen.clear()
        lab.register("settled", Settled)
        return lab

    def test_a_pipeline_sees_its_defaults_and_its_options(self, settled: Lab) -> None:
        settled.apply("a, pipeline: settled, low: 2")
        settled.finish()
        ((options, meta),) = Settled.seen
        assert options == Settings(low=2)
        assert meta["greeting"] == "hello"

    def test_defaults_are_never_kept_so_that_others_reach_what_has_not_started(
        self, settled: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Newer(Settings):
            greeting: str = "good day"

        settled.apply("a, pipeline: settled")
        settled.run("manage", "build")
        with closing(settled.open().journal) as journal:
            assert journal.facts() == {}
        monkeypatch.setattr(Settled, "settings", Newer)
        assert "its settings have changed" in settled.run("manage", "submit").out
        settled.run("manage", "build")
        settled.finish()
        ((options, _),) = Settled.seen
        assert options.greeting == "good day"

    def test_a_setting_that_was_edited_into_the_ledger_is_refused_by_the_build(
        self, settled: Lab
    ) -> None:
        settled.apply("a, pipeline: settled, seconds: -1")
        ran = settled.run("manage", "build", code=1)
        told = "seconds: should be a number of at least 0, not -1"
        assert f"s/a: ledger/subjects/s.yaml: a: {told}" in ran.out
        assert settled.states() == {"a": "ready"}
        assert told in why(settled, "a")

    def test_settings_that_do_not_go_together_are_refused_by_the_build(self, settled: Lab) -> None:
        settled.apply("a, pipeline: settled, low: 6")
        ran = settled.run("manage", "build", code=1)
        assert "s/a: the settings are refused: low is too high" in ran.out
        assert settled.states() == {"a": "ready"}

    def test_a_class_that_can_not_be_used_is_told_by_the_build(
        self, settled: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Settled, "settings", type("Plain", (), {}))
        settled.apply("a, pipeline: settled")
        ran = settled.run("manage", "build", code=1)
        assert (
            "Plain is not a settings class (derive it from asimov.settings.BaseSettings)" in ran.out
        )
        assert settled.states() == {"a": "ready"}

    def test_options_of_a_pipeline_that_declares_none_are_an_error(self, lab: Lab) -> None:
        lab.apply("a")
        pipeline = Workspace.open(lab.root).analysis(("s", "a")).pipeline
        with pytest.raises(AsimovError, match="simpletestpipeline declares no settings class"):
            _ = pipeline.options

    def test_the_layer_of_a_default_is_named(self, settled: Lab) -> None:
        settled.apply("a, pipeline: settled, low: 2")
        lines = settled.run("ledger", "show", "s", "a").out.splitlines()
        line = next(each for each in lines if each.strip().startswith("greeting"))
        assert line.endswith("# default of the pipeline settled")
        line = next(each for each in lines if each.strip().startswith("low"))
        assert line.endswith("# subjects/s.yaml: a")

    def test_status_and_a_pass_load_no_pipeline_for_them(
        self, settled: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settled.apply("a, pipeline: settled", "b, pipeline: settled, needs: [greeting: hello]")
        refuse: Callable[..., Any] = lambda *_: pytest.fail("a plugin was loaded")  # noqa: E731
        with monkeypatch.context() as patched:
            patched.setattr("asimov.settings.lookup.settings_of", refuse)
            patched.setattr("asimov.project.workspace.settings_of", refuse)
            settled.run("status")
            settled.run("monitor")


def test_settings_are_made_when_they_are_first_read(lab: Lab) -> None:
    lab.apply("a")
    workspace = Workspace.open(lab.root)
    analysis = workspace.analysis(("s", "a"))
    assert "meta" not in vars(analysis)
    assert analysis.meta == analysis.kept_meta
    assert analysis.meta is not analysis.kept_meta


def test_what_pipelines_of_inputs_print_while_they_are_asked_goes_to_the_log(lab: Any) -> None:
    class Prints(SimpleTestPipeline):
        def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
            print("a great deal")
            return {}

    class Wants(SimpleTestPipeline):
        inputs = (Asset("psds"),)

    lab.register("prints", Prints)
    lab.register("wants", Wants)
    lab.apply("a, pipeline: prints, status: manual", "b, pipeline: wants, needs: [a]")
    lab.run("production", "set", "s", "a", "--status", "finished")
    ran = lab.run("manage", "build", code=1)
    assert "the input 'psds' is missing" in ran.out + ran.err
    assert "a great deal" not in ran.out + ran.err


class TestSchemas:
    def test_that_do_not_fit_are_refused_by_a_build_and_reported_by_why(
        self, made: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Maker, "outputs", (Asset("psds", schema=Schema(".txt")),))
        monkeypatch.setattr(User, "inputs", (Asset("psds", schema=Schema(".hdf5")),))
        made.apply("a, pipeline: maker")
        made.finish()
        made.apply("a, pipeline: maker", "b, pipeline: user, needs: [a]", update=True)
        wrong = "it is made as .txt, and wanted as .hdf5"
        told = f"its input 'psds' does not match what s/a makes: {wrong}"
        assert f"s/b: {told}" in made.run("manage", "build", code=1).out
        assert made.states()["b"] == "ready"
        assert told in why(made, "b")
        monkeypatch.setattr(User, "inputs", (Asset("psds", schema=Schema(".TXT")),))
        made.finish()
        assert made.states()["b"] == "uploaded"

    def test_that_a_product_does_not_meet_make_it_stuck_with_file_and_line(
        self, made: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        schema = Schema(check=lambda path: [(2, "is not a number")])
        monkeypatch.setattr(Maker, "outputs", (Asset("psds", schema=schema),))
        made.apply("a, pipeline: maker")
        made.finish(code=3)
        assert made.states() == {"a": "stuck"}
        wrong = "its products are not what its pipeline declares: result.txt:2: is not a number"
        assert made.reason("a") == wrong
        monkeypatch.setattr(Maker, "outputs", (Asset("psds"),))
        made.run("production", "set", "s", "a", "--status", "finished")
        made.finish()
        assert made.states() == {"a": "uploaded"}

    def test_whose_check_raises_are_a_fault_of_the_pipeline(
        self, made: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        schema = Schema(check=lambda path: [1 // 0])
        monkeypatch.setattr(Maker, "outputs", (Asset("psds", schema=schema),))
        made.apply("a, pipeline: maker")
        made.finish(code=3)
        assert made.states() == {"a": "stuck"}
        assert "ZeroDivisionError" in made.reason("a")
