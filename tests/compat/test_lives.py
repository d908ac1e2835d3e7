"""The order in which published packages have their methods called, and what they do in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from tests.lab import Lab

CALLS: list[str] = []


class Recorded(SimpleTestPipeline):
    """Notes which of its methods are called; those that do much do it too."""

    def __init__(self, production: Any, category: str | None = None) -> None:
        super().__init__(production, category)
        CALLS.append("__init__")
        assert production.pipeline == "recorded"  # packages compare it, and raise

    def before_config(self, dryrun: bool = False) -> None:
        CALLS.append("before_config")

    def before_build(self, dryrun: bool = False) -> None:
        CALLS.append("before_build")
        assert self.production.pipeline is self

    def build_dag(self, dryrun: bool = False) -> None:
        CALLS.append("build_dag")
        assert not Path(self.production.rundir).exists()  # bilby_pipe would build beside it
        super().build_dag(dryrun)

    def before_submit(self, dryrun: bool = False) -> None:
        CALLS.append("before_submit")

    def submit_dag(self, dryrun: bool = False) -> Any:
        CALLS.append("submit_dag")
        self.before_submit()  # some packages do; the second call does nothing
        return super().submit_dag(dryrun)

    def while_running(self) -> None:
        CALLS.append("while_running")

    def check_progress(self) -> None:
        CALLS.append("check_progress")

    def detect_completion(self) -> bool:
        CALLS.append("detect_completion")
        return super().detect_completion()

    def after_completion(self) -> None:
        CALLS.append("after_completion")
        path = Path(self.production.rundir, "post.sub")
        path.write_text("executable = /bin/true\nqueue\n")
        self.production.meta["job id"] = self.scheduler.submit(str(path))
        self.production.status = "processing"

    def detect_completion_processing(self) -> bool:
        CALLS.append("detect_completion_processing")
        return True

    def after_processing(self) -> None:
        CALLS.append("after_processing")
        super().after_processing()

    def store_results(self) -> None:
        CALLS.append("store_results")
        super().store_results()

    def eject_job(self) -> None:
        CALLS.append("eject_job")
        super().eject_job()

    def clean(self, dryrun: bool = False) -> None:
        CALLS.append("clean")
        super().clean(dryrun)


@pytest.fixture
def recorded(lab: Lab) -> Lab:
    CALLS.clear()
    lab.register("recorded", Recorded)
    return lab


def called() -> list[str]:
    """Return the calls since the last time, without the making of the pipeline."""
    calls = [each for each in CALLS if each != "__init__"]
    CALLS.clear()
    return calls


def test_a_life_to_its_stored_results(recorded: Lab) -> None:
    """Order of a life: build, submit, monitor."""
    recorded.apply("a, pipeline: recorded, seconds: 2")
    recorded.run("manage", "build")
    assert called() == ["before_config"]
    recorded.run("manage", "submit")
    assert called() == ["before_build", "build_dag", "before_submit", "submit_dag"]
    recorded.run("monitor")
    assert called() == ["while_running", "check_progress"]
    recorded.until("a")
    recorded.run("monitor")
    assert called() == ["detect_completion", "after_completion"]
    assert recorded.states() == {"a": "processing"}
    recorded.until("a")
    recorded.run("monitor")
    assert called() == ["detect_completion_processing", "after_processing", "store_results"]
    assert recorded.states() == {"a": "uploaded"}


def test_on_the_way_out_and_back(recorded: Lab) -> None:
    """On the way out or back: `eject_job`, `clean`, `resurrect`."""
    recorded.apply("a, pipeline: recorded, seconds: 100")
    recorded.run("manage", "build", "submit")
    called()
    recorded.run("production", "set", "s", "a", "--status", "restart")
    recorded.run("monitor")
    assert called() == ["eject_job"]
    recorded.until("a")
    recorded.run("monitor")
    assert called() == ["clean"]
    assert recorded.states() == {"a": "ready"}


def test_while_the_pipeline_is_made_its_analysis_has_its_name_in_lower_case(lab: Lab) -> None:
    """While `__init__` runs, `production.pipeline` is the lower-cased name."""
    CALLS.clear()
    lab.register("Recorded", Recorded)
    lab.apply("a, pipeline: Recorded")
    lab.run("manage", "build")
    assert CALLS == ["__init__", "before_config"]


def test_what_is_written_to_the_settings_is_kept_and_handed_on(lab: Lab) -> None:
    """Writes to `meta` of the analysis and of the event are kept, and reach later analyses."""

    class Writing(SimpleTestPipeline):
        def __init__(self, production: Any, category: str | None = None) -> None:
            super().__init__(production, category)
            production.meta["in init"] = 1

        def before_config(self, dryrun: bool = False) -> None:
            self.production.meta["in before_config"] = 2

        def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
            self.production.event.meta["psds"] = {"H1": "psd.dat"}
            return super().collect_assets()

        def after_completion(self) -> None:
            self.production.event.meta.setdefault("data", {})["frames"] = ["one.gwf"]

    lab.register("writing", Writing)
    lab.apply("a, pipeline: writing", "b, needs: [a]")
    before = (lab.root / "ledger" / "subjects" / "s.yaml").read_text()
    lab.finish()
    workspace = lab.open()
    settings = workspace.settings(("s", "a"))
    assert (settings["in init"], settings["in before_config"]) == (1, 2)
    for each in (workspace.analysis(("s", "b")).meta, workspace.subject("s").meta):
        assert each["psds"] == {"H1": "psd.dat"}
        assert each["data"]["frames"] == ["one.gwf"]
    assert (lab.root / "ledger" / "subjects" / "s.yaml").read_text() == before
