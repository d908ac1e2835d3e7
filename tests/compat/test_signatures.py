"""Classes of published packages: their signatures, their answers, and what they leave out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.pipeline import PipelineException, PipelineLogger
from tests.searching import first

Lab = Any


def register(lab: Lab, name: str, **methods: Any) -> type:
    """Publish a pipeline that differs from the simple test pipeline in some of its names."""
    made = type(name.title(), (SimpleTestPipeline,), {"name": name, **methods})
    lab.register(name.lower(), made)
    return made


def finished(lab: Lab, *names: str) -> None:
    """Run everything to its end, which has to be a good one, with one job for each analysis."""
    lab.finish()
    assert lab.states() == dict.fromkeys(names or ("a",), "uploaded")
    assert len(lab.jobs()) == len(names or ("a",))


# --- how it is made


def test_while_it_is_made_the_pipeline_of_its_analysis_is_a_name(lab: Lab) -> None:
    """While `__init__` runs, `production.pipeline` is the lower-cased name."""
    seen: list[Any] = []

    def init(self: Any, production: Any, category: str | None = None) -> None:
        seen.append(production.pipeline)
        if not production.pipeline.lower() == self.name.lower():
            raise PipelineException
        super(SimpleTestPipeline, self).__init__(production, category)

    def before_config(self: Any, dryrun: bool = False) -> None:
        seen.append(self.production.pipeline is self)

    register(lab, "RIFT", __init__=init, before_config=before_config)
    lab.apply("a, pipeline: RIFT")
    finished(lab)
    assert set(seen) == {"rift", True}


def test_a_pipeline_that_is_made_for_another_raises_and_is_told(lab: Lab) -> None:
    """Packages compare the name and raise."""

    def init(self: Any, production: Any, category: str | None = None) -> None:
        if production.pipeline.lower() != "bilby":
            raise PipelineException("Pipeline mismatch")

    register(lab, "other", __init__=init)
    lab.apply("a, pipeline: other", "good")
    lab.run("manage", "build", code=1)
    assert lab.states() == {"a": "stuck", "good": "ready"}
    assert "other.__init__ raised PipelineException: Pipeline mismatch" in lab.reason("a")


def test_it_is_made_with_one_positional_argument_only(lab: Lab) -> None:
    """Constructed with one positional argument; `__init__` may take no `category`."""

    def init(self: Any, production: Any) -> None:
        super(SimpleTestPipeline, self).__init__(production)

    register(lab, "plain", __init__=init)
    lab.apply("a, pipeline: plain")
    finished(lab)


def test_the_rest_of_the_base_class_works_without_its_init(lab: Lab) -> None:
    """`__init__` may skip `super().__init__()`, as asimov-pesummary's does."""

    def init(self: Any, production: Any, category: str | None = None) -> None:
        self.production = production
        self.category = category or production.category
        self._scheduler = None

    register(lab, "bare", __init__=init)
    lab.apply("a, pipeline: bare, exit code: 1, max resurrections: 1", "b, pipeline: bare")
    lab.finish(code=3)
    assert lab.states() == {"a": "stuck", "b": "uploaded"}
    assert str(lab.open().analysis(("s", "b")).pipeline) == "bare"


def test_even_where_it_keeps_nothing_but_the_analysis(lab: Lab) -> None:
    """`__init__` may skip `super().__init__()`: not even `category` or `_scheduler` is set."""

    def init(self: Any, production: Any) -> None:
        self.production = production

    register(lab, "bare", __init__=init)
    lab.apply("a, pipeline: bare")
    finished(lab)


def test_what_is_written_to_the_settings_while_it_is_made_is_in_the_configuration(
    lab: Lab,
) -> None:
    """`__init__` may write `production.meta`, as RIFT's does."""

    def init(self: Any, production: Any, category: str | None = None) -> None:
        super(SimpleTestPipeline, self).__init__(production, category)
        sampler = self.production.meta.setdefault("sampler", {})
        for name in ("ile", "cip"):
            sampler.setdefault(name, {})

    register(lab, "rift", __init__=init)
    (lab.root / "rift.ini").write_text("{{ meta.sampler }}\n")
    lab.apply("a, pipeline: rift, template: rift.ini, sampler: {ile: {n: 1}}")
    finished(lab)
    assert lab.config("a").read_text() == "{'ile': {'n': 1}, 'cip': {}}\n"


@pytest.mark.parametrize("named", ["bilby_native", "Bilby_Native", "BILBY_NATIVE"])
def test_the_entry_points_name_counts_and_not_the_classs(lab: Lab, named: str) -> None:
    """The entry point's name is what the ledger holds, in whatever case."""
    seen = []

    def init(self: Any, production: Any, category: str | None = None) -> None:
        super(SimpleTestPipeline, self).__init__(production, category)
        seen.append(production.pipeline)

    lab.register(
        "bilby_native", type("B", (SimpleTestPipeline,), {"name": "Bilby", "__init__": init})
    )
    lab.apply(f"a, pipeline: {named}")
    finished(lab)
    assert set(seen) == {"bilby_native"}
    assert str(lab.open().analysis(("s", "a")).pipeline) == "bilby"


# --- its template


def _text(path: Path) -> Any:
    return {"config_template": str(path)}


def _path(path: Path) -> Any:
    return {"config_template": path}


def _property(path: Path) -> Any:
    return {"config_template": property(lambda self: str(path))}


def _in_init(path: Path) -> Any:
    def init(self: Any, production: Any, category: str | None = None) -> None:
        super(SimpleTestPipeline, self).__init__(production, category)
        self.config_template = str(path)

    return {"__init__": init, "config_template": None}


@pytest.mark.parametrize("form", first(2, [_text, _path, _property, _in_init]))
@pytest.mark.parametrize("suffix", first(2, ["ini", "yaml", "yml", "toml"]))
def test_a_template_is_told_in_any_form_and_of_any_suffix(
    lab: Lab, tmp_path: Path, form: Callable[[Path], Any], suffix: str
) -> None:
    """`config_template`: a class string, a `Path`, a property, or set in `__init__`; its suffix.

    The rendered file is kept as `<category>/<name>.ini` whatever its suffix.
    """
    template = tmp_path / f"template.{suffix}"
    template.write_text("name = {{ production.name }}\n")
    register(lab, "x", **form(template))
    lab.apply("a, pipeline: x")
    lab.run("manage", "build")
    assert lab.config("a").read_text() == "name = a\n"
    assert lab.config("a").name == "a.ini"


def test_without_a_template_the_analysiss_own_is_taken_and_where_it_has_none_it_is_told(
    lab: Lab,
) -> None:
    """`config_template`: absent in some."""
    register(lab, "bare", config_template=None)
    (lab.root / "own.ini").write_text("x\n")
    lab.apply("a, pipeline: bare, template: own.ini", "b, pipeline: bare", "good")
    ran = lab.run("manage", "build", code=1)
    assert "s/b has no template" in ran.out
    lab.finish(code=3)
    assert lab.states() == {"a": "uploaded", "b": "ready", "good": "uploaded"}


# --- build_dag and submit_dag

BUILDS: dict[str, Callable[..., Any]] = {
    "()": lambda self: SimpleTestPipeline.build_dag(self, dryrun=False),
    "(dryrun=False)": lambda self, dryrun=False: SimpleTestPipeline.build_dag(self, dryrun),
    "(user=None, dryrun=False)": lambda self, user=None, dryrun=False: SimpleTestPipeline.build_dag(
        self, dryrun
    ),
    "(psds=None, user=None, clobber_psd=False, dryrun=False)": (
        lambda self, psds=None, user=None, clobber_psd=False, dryrun=False: (
            SimpleTestPipeline.build_dag(self, dryrun)
        )
    ),
    "(*args, **kwargs)": lambda self, *_, **named: SimpleTestPipeline.build_dag(self, **named),
}


@pytest.mark.parametrize("build", first(2, BUILDS))
@pytest.mark.parametrize("submit", ["()", "(dryrun=False)"])
def test_methods_are_called_with_what_they_take(lab: Lab, build: str, submit: str) -> None:
    """`build_dag` and `submit_dag` in every form that is met; `before_submit` with nothing."""
    submits: dict[str, Callable[..., Any]] = {
        "()": lambda self: SimpleTestPipeline.submit_dag(self, dryrun=False),
        "(dryrun=False)": lambda self, dryrun=False: SimpleTestPipeline.submit_dag(self, dryrun),
    }
    register(
        lab, "x", build_dag=BUILDS[build], submit_dag=submits[submit],
        before_submit=lambda self: None, before_config=lambda self: None,
        clean=lambda self: None, collect_assets=lambda self: {},
    )  # fmt: skip
    lab.apply("a, pipeline: x")
    lab.run("manage", "build", "--dryrun")
    lab.run("manage", "build")
    lab.run("manage", "submit", "--dryrun")
    assert not lab.rundir("a").exists()
    finished(lab)


def test_a_decorated_method_is_called_as_the_one_inside(lab: Lab) -> None:
    """`refresh_scitoken` of asimov.auth around `build_dag` and `before_submit`, as bilby_pipe's."""
    from asimov.auth import refresh_scitoken

    calls = []

    def before_submit(self: Any) -> None:
        calls.append("before_submit")

    def build_dag(
        self: Any, psds: Any = None, user: Any = None, clobber_psd: bool = False,
        dryrun: bool = False,
    ) -> PipelineLogger:  # fmt: skip
        SimpleTestPipeline.build_dag(self, dryrun)
        calls.append("build_dag")
        return PipelineLogger(message=b"built", production=self.production.name)

    register(
        lab, "x", before_submit=refresh_scitoken(before_submit),
        build_dag=refresh_scitoken(build_dag),
    )  # fmt: skip
    lab.apply("a, pipeline: x")
    finished(lab)
    assert calls == ["build_dag", "before_submit"]


def _recording(calls: list[str], **inside: list[str]) -> dict[str, Callable[..., Any]]:
    """Return methods of a submission that note their calls, and call others themselves first."""

    def method(name: str) -> Callable[..., Any]:
        def recording(self: Any, dryrun: bool = False) -> Any:
            calls.append(name)
            for other in inside.get(name, []):
                getattr(self, other)()
            return getattr(SimpleTestPipeline, name)(self, dryrun)

        return recording

    names = ("before_build", "build_dag", "before_submit", "submit_dag")
    return {name: method(name) for name in names}


def test_before_submit_is_called_once_also_where_the_package_calls_it(lab: Lab) -> None:
    """asimov calls `before_submit`; a second call from `submit_dag` does nothing."""
    calls: list[str] = []
    register(lab, "x", **_recording(calls, submit_dag=["before_submit"]))
    lab.apply("a, pipeline: x")
    finished(lab)
    assert calls == ["before_build", "build_dag", "before_submit", "submit_dag"]


def test_before_submit_is_called_where_the_package_does_not(lab: Lab) -> None:
    """Packages call it neither here nor there; asimov has always promised it."""
    calls: list[str] = []
    register(lab, "x", **_recording(calls))
    lab.apply("a, pipeline: x")
    finished(lab)
    assert calls == ["before_build", "build_dag", "before_submit", "submit_dag"]


def test_a_package_that_builds_when_it_submits_has_one_job(lab: Lab) -> None:
    """Packages call `build_dag` in `submit_dag`, or `before_build` in `build_dag` (RIFT)."""
    calls: list[str] = []
    register(lab, "x", **_recording(calls, submit_dag=["build_dag"], build_dag=["before_build"]))
    lab.apply("a, pipeline: x")
    finished(lab)
    assert calls.count("submit_dag") == calls.count("before_submit") == 1


def test_a_package_may_submit_when_it_builds(lab: Lab) -> None:
    """asimov-gwdata submits in `build_dag` and only tells of it in `submit_dag`."""

    def build_dag(self: Any, dryrun: bool = False) -> None:
        SimpleTestPipeline.build_dag(self, dryrun)
        self.clusterid = SimpleTestPipeline.submit_dag(self)
        self.production.job_id = int(self.clusterid)

    def submit_dag(self: Any, dryrun: bool = False) -> Any:
        self.production.status = "running"
        self.production.job_id = int(self.clusterid)
        return self.clusterid

    register(lab, "gwdata", build_dag=build_dag, submit_dag=submit_dag)
    lab.apply("a, pipeline: gwdata")
    finished(lab)


ANSWERS: dict[str, Callable[[Any, int], Any]] = {
    "an int": lambda self, job: job,
    "a numeric string": lambda self, job: str(job),
    "(int,)": lambda self, job: (job,),
    "(str, PipelineLogger)": lambda self, job: (str(job), PipelineLogger(b"submitted")),
    "(int, PipelineLogger)": lambda self, job: (job, PipelineLogger("submitted")),
    "None after production.job_id": lambda self, job: setattr(self.production, "job_id", job),
    "None, and only self.clusterid": lambda self, job: setattr(self, "clusterid", job),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_job_is_known_whatever_submit_dag_returns(lab: Lab, answer: str) -> None:
    """`submit_dag` returns an int, a numeric string, `(int,)`, `(str, PipelineLogger)`, None.

    asimov-cogwheel's tells of its job nowhere: it is found by its tag.
    """

    def submit_dag(self: Any, dryrun: bool = False) -> Any:
        job = SimpleTestPipeline.submit_dag(self)
        self.production.status = "running"
        return ANSWERS[answer](self, job)

    register(lab, "x", submit_dag=submit_dag)
    lab.apply("a, pipeline: x, seconds: 1")
    lab.run("manage", "build", "submit")
    ((job, uid),) = lab.jobs()
    row = lab.rows()["a"]
    assert (row["status"], row["job_id"], lab.attempts("a")[0].uid) == ("running", job, uid)
    finished(lab)


def test_the_run_directory_is_not_there_before_build_dag(lab: Lab) -> None:
    """Never create or write the run directory before `build_dag`: bilby_pipe makes another."""
    seen: list[bool] = []

    def there(name: str) -> Callable[..., Any]:
        def method(self: Any, *arguments: Any, **named: Any) -> Any:
            seen.append(Path(self.production.rundir).exists())
            return getattr(SimpleTestPipeline, name)(self, *arguments, **named)

        return method

    names = ("__init__", "before_config", "before_build", "build_dag")

    def made(self: Any, production: Any) -> None:
        self.production = production
        there("__init__")(self, production)

    methods = {name: there(name) for name in names[1:]}
    register(lab, "bilby", __init__=made, **methods)
    lab.apply("a, pipeline: bilby")
    lab.run("manage", "build")
    lab.run("manage", "submit")
    assert seen
    assert not any(seen)


# --- the scheduler


@pytest.mark.parametrize("form", ["a description", "a submit file", "a script", "a DAG"])
def test_jobs_are_submitted_by_the_scheduler_in_each_way(lab: Lab, form: str) -> None:
    """`scheduler`: `.submit(job)`, `.submit_dag(dag_file=, batch_name=)`, of a script too."""
    from asimov.utils import set_directory

    from asimov.scheduler import JobDescription, Slurm

    def submit_dag(self: Any, dryrun: bool = False) -> Any:
        assert not isinstance(self.scheduler, Slurm)
        assert self.scheduler is self.scheduler is self._scheduler
        with set_directory(self.production.rundir):
            Path("script.sh").write_text("#!/bin/sh\ntouch result.txt\n")
            Path("script.sh").chmod(0o755)
            Path("job.sub").write_text("executable = script.sh\nlog = job.log\nqueue\n")
            Path("x.dag").write_text("JOB x job.sub\n")
            if form == "a description":
                return self.scheduler.submit(JobDescription("script.sh", "o", "e", "l"))
            if form == "a DAG":
                return self.scheduler.submit_dag(dag_file="x.dag", batch_name="x/s/a")
            return self.scheduler.submit("job.sub" if form == "a submit file" else "script.sh")

    register(lab, "x", submit_dag=submit_dag)
    lab.apply("a, pipeline: x")
    finished(lab)


def test_the_scheduler_is_lazy_and_can_be_replaced(lab: Lab) -> None:
    """`scheduler`: a lazy property over `self._scheduler`."""
    lab.apply("a")
    workspace = lab.open()
    pipeline = workspace.analysis(("s", "a")).pipeline
    assert pipeline._scheduler is None
    assert pipeline.scheduler is workspace.scheduler()
    pipeline._scheduler = replaced = object()
    assert pipeline.scheduler is replaced


# --- what follows


@pytest.mark.parametrize("how", ["meta", "job_id", "scheduler"])
def test_post_processing_is_announced_in_each_way(lab: Lab, how: str) -> None:
    """`after_completion` may submit, set `production.meta["job id"]`, and `processing`."""
    states: list[str] = []

    def after_completion(self: Any) -> None:
        post = Path(self.production.rundir, "post.sub")
        post.write_text(f"executable = /bin/true\ninitialdir = {self.production.rundir}\nqueue\n")
        cluster = self.scheduler.submit(post)
        if how == "meta":
            self.production.meta["job id"] = int(cluster)
        elif how == "job_id":
            self.production.job_id = cluster
        else:
            self.production.meta.setdefault("scheduler", {})["job id"] = str(cluster)
        self.production.status = "processing"
        self.production.event.update_data()

    def detect_completion_processing(self: Any) -> bool:
        states.append(self.production.status)
        return True

    register(
        lab, "x", after_completion=after_completion,
        detect_completion_processing=detect_completion_processing,
    )  # fmt: skip
    lab.apply("a, pipeline: x")
    lab.finish()
    assert lab.states() == {"a": "uploaded"}
    assert set(states) == {"processing"}
    assert len(lab.jobs()) == 2


def test_a_state_beyond_that_is_set_after_completion_is_no_obstacle(lab: Lab) -> None:
    """asimov-gwdata's `after_completion` sets `uploaded` and calls `event.update_data()`."""

    def after_completion(self: Any) -> None:
        self.production.status = "uploaded"
        self.production.event.update_data()

    register(lab, "gwdata", after_completion=after_completion)
    lab.apply("a, pipeline: gwdata", "b, needs: [a]")
    finished(lab, "a", "b")


def test_resurrections_are_counted_by_the_package_too(lab: Lab) -> None:
    """`resurrect` counts in `production.meta["resurrections"]`, as packages' own do."""
    seen: list[int] = []

    def resurrect(self: Any) -> None:
        count = self.production.meta.get("resurrections", 0)
        seen.append(count)
        if count < 2:
            self.production.meta["resurrections"] = count + 1
            self.submit_dag()
        else:
            raise PipelineException("This job was resurrected too many times.")

    register(lab, "x", resurrect=resurrect)
    lab.apply("a, pipeline: x, exit code: 1, resurrection pause: 0")
    lab.finish(code=3)
    assert lab.states() == {"a": "stuck"}
    assert "too many times" in lab.reason("a")
    assert seen == [0, 1, 2]
    assert len(lab.jobs()) == 3


class Everything(SimpleTestPipeline):
    """Calls every method of the base class that packages call themselves."""

    name = "everything"
    told: ClassVar[dict[str, Any]] = {}

    def after_completion(self) -> None:
        super().after_completion()
        self.told.update(
            assets=self.collect_assets(absolute=True),
            previous=self.production._previous_assets(),
            samples=self.samples(absolute=True),
            logs=self.collect_logs(),
            pages=self.collect_pages(),
            html=self.html(),
            result_pages=self.result_pages(),
            progress=self.check_progress(),
            prior=self.get_prior_interface(),
            handlers=self.get_state_handlers(),
            inputs=self.get_actual_inputs(self.production),
            outputs=self.get_actual_outputs(self.production),
            names=(self.required_inputs, self.available_outputs, self.log_patterns),
            ini=self.read_ini(self.production.get_configuration().ini_loc),
        )
        self.while_running()


def test_every_method_of_the_base_class_can_be_called_by_a_package(lab: Lab) -> None:
    """The class: every other method of the list, called by the package itself."""
    lab.register("everything", Everything)
    (lab.root / "e.ini").write_text("label = {{ production.name }}\n")
    lab.apply("a, pipeline: everything, template: e.ini")
    finished(lab)
    told = Everything.told
    result = str(lab.rundir("a") / "result.txt")
    assert told["assets"] == told["outputs"] == {"result": result}
    assert told["previous"] == told["inputs"] == {}
    assert told["samples"] == told["result_pages"] == []
    assert list(told["logs"]) == ["node.err", "node.out"]
    assert told["ini"].get("root", "label") == "a"
    assert (told["html"], told["prior"], told["handlers"]) == ("", None, {})
